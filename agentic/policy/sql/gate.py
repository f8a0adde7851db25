"""The lexical gate: texts that a parser and an engine may read differently never reach the parser.

Looks at code only: what stands in literals and comments is found by a scanner of the dialect's own
quoting rules, and only when something suspicious is in the text at all.
"""

from __future__ import annotations

import re
import unicodedata

from agentic.sql.tables import Refusal

LONGEST = 131_072
"""Characters. Above it parsing would take longer than a verdict may."""
MOST_TOKENS = 25_000
"""Words and signs, counted roughly; parsing costs about 10 microseconds each."""
DEEPEST = 40
"""Open brackets. Deeper ones exhaust the parser's stack; nobody writes them by hand."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT = 20_000
_TOKEN = re.compile(r"\w+|[^\w\s]")
_PLAIN = re.compile(r"[\t\n\r -~]*\Z")
_OTHER_SUSPECTS = re.compile(r"\{\{|\{%|\{#|/\*!|/\*M!|[uU]&[\"']|\\'")
_MYSQL_SUSPECTS = re.compile(r"--[^\s]|/\*!|/\*M!|/\*\+|/\*[^*]*/\*")
_NESTED_COMMENT = re.compile(r"/\*(?:(?!\*/).)*/\*", re.S)
_BATCH = re.compile(r"^[ \t]*go[ \t]*(?:\d+[ \t]*)?(?:--.*)?$", re.I | re.M)
_OPEN, _CLOSE = "([{", ")]}"
_CHAINS = re.compile(
    r"(?:\bnot\b[\s(]*){60,}|(?:[-+~]\s*){120,}|(?:\[[^\[\]]{0,40}\]\s*){40,}|(?:::\s*\w+\s*){60,}"
    r"|(?:\.\s*\w+\s*){60,}",
    re.I,
)

# Quote -> (closing quote, doubled quote escapes, backslash escapes)
_BACKSLASH = frozenset({"mysql", "bigquery", "snowflake", "databricks", "spark", "clickhouse"})
_HASH_COMMENTS = frozenset({"mysql", "bigquery", "clickhouse"})
_BACKTICKS = frozenset({"mysql", "bigquery", "databricks", "spark", "clickhouse", "sqlite"})
_BRACKETS = frozenset({"tsql", "sqlite"})
_DOLLARS = frozenset({"postgres", "duckdb", "snowflake", "redshift"})
_NESTING = frozenset(
    {"duckdb", "postgres", "redshift", "databricks", "spark", "tsql", "clickhouse"}
)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")


def gate(sql: str, dialect: str) -> Refusal | None:
    """None when the text may be parsed; else why not."""
    if len(sql) > LONGEST:
        return Refusal("RESOURCE_ABUSE", f"the statement has more than {LONGEST} characters")
    if "\0" in sql:
        return Refusal("PARSE_ERROR", "the statement holds a NUL character")
    if _SURROGATE.search(sql):
        return Refusal("PARSE_ERROR", "the statement holds half a character (a surrogate)")
    if not sql.strip().strip(";").strip():
        return Refusal("PARSE_ERROR", "there is no statement")
    if len(sql) > _SHORT and sum(1 for _ in _TOKEN.finditer(sql)) > MOST_TOKENS:
        return Refusal("RESOURCE_ABUSE", f"the statement has more than {MOST_TOKENS} words")
    deep = _too_deep(sql, dialect)
    if deep is not None:
        return deep
    if _PLAIN.match(sql) and not _suspects(sql, dialect):
        return None
    return _in_code(sql, dialect)


def spaces(sql: str, dialect: str) -> str:
    """The text with unusual spaces in code made plain ones, so that both sides see a space."""
    if _PLAIN.match(sql):
        return sql
    code, _ = scan(sql, dialect)
    return "".join(
        " " if char not in "\t\n\r" and mark not in "\x01\x02" and char.isspace() else char
        for char, mark in zip(sql, code, strict=True)
    )


def uncommented(sql: str, dialect: str) -> str:
    """The text with a space in place of each comment; hints stay."""
    if "--" not in sql and "/*" not in sql and "#" not in sql:
        return sql
    code, _ = scan(sql, dialect)
    out: list[str] = []
    place = 0
    for match in re.finditer("\x02+", code):
        text = sql[match.start() : match.end()]
        out.append(sql[place : match.start()])
        out.append(text if text.startswith("/*+") else " ")
        place = match.end()
    return "".join(out) + sql[place:]


def unusual_space(sql: str, dialect: str) -> Refusal | None:
    """A space that some engines read as part of a name."""
    if _PLAIN.match(sql):
        return None
    for char in scan(sql, dialect)[0]:
        if char not in "\t\n\r " and char.isspace():
            return Refusal(
                "AMBIGUOUS_IDENTIFIER", f"an unusual space (U+{ord(char):04X}) is in the code"
            )
    return None


def _suspects(sql: str, dialect: str) -> bool:
    if _OTHER_SUSPECTS.search(sql) or _NESTED_COMMENT.search(sql):
        return True
    if dialect == "tsql" and _BATCH.search(sql):
        return True
    return dialect == "mysql" and bool(_MYSQL_SUSPECTS.search(sql))


def _in_code(sql: str, dialect: str) -> Refusal | None:
    """Judge what is left when literals are \\x01 and comments \\x02."""
    code, comments = scan(sql, dialect)
    if _BIDI.search(sql):
        return Refusal(
            "AMBIGUOUS_IDENTIFIER", "the text holds characters that change its direction"
        )
    if re.search(r"\{\{|\{%|\{#", code):
        return Refusal("PARSE_ERROR", "the statement holds Jinja: compile it first")
    if re.search("[uU]&\x01", code) and dialect != "trino":
        return Refusal("PARSER_DIFFERENTIAL", 'U&"..." names are resolved by the engine alone')
    refusal = _comments(comments, dialect)
    if refusal is not None:
        return refusal
    if dialect == "redshift" and re.search(r"\\'", sql):
        return Refusal("PARSER_DIFFERENTIAL", "a backslash before a quote is read in two ways")
    if dialect == "tsql" and _BATCH.search(code):
        return Refusal("MULTI_STATEMENT", "GO separates batches")
    for char in code:
        if char in "\x01\x02\t\n\r" or " " <= char <= "~" or char.isspace():
            continue
        kind = unicodedata.category(char)
        where = "a control character" if kind[0] == "C" else "a letter outside ASCII"
        return Refusal("AMBIGUOUS_IDENTIFIER", f"{where} (U+{ord(char):04X}) is in the code")
    return None


def _comments(comments: list[str], dialect: str) -> Refusal | None:
    for text in comments:
        if dialect == "mysql" and re.match(r"/\*M?!|--[^\s]", text):
            return Refusal("PARSER_DIFFERENTIAL", "MySQL executes what looks like a comment")
        if dialect == "mysql" and re.match(r"/\*\+.*\bset_var\b", text, re.I | re.S):
            return Refusal("PARSER_DIFFERENTIAL", "a hint changes how the statement is read")
        if text.startswith("/*") and (len(text) < 4 or not text.endswith("*/")):
            return Refusal("PARSER_DIFFERENTIAL", "a comment is never closed")
        if text.startswith("/*") and "/*" in text[2:]:
            return Refusal(
                "PARSER_DIFFERENTIAL", "comments inside comments end in different places"
            )
    return None


def _too_deep(sql: str, dialect: str) -> Refusal | None:
    if not _nested(sql):
        return None
    # Brackets of regular expressions nest nothing.
    code, _ = scan(sql, dialect)
    if not _nested(code):
        return None
    return Refusal("RESOURCE_ABUSE", f"it is nested more than {DEEPEST} deep")


def _nested(text: str) -> bool:
    depth = deepest = 0
    for char in re.findall(r"[()\[\]{}]", text):
        if char in _OPEN:
            depth += 1
            deepest = max(deepest, depth)
        elif depth:
            depth -= 1
    return deepest > DEEPEST or _CHAINS.search(text) is not None


def scan(sql: str, dialect: str) -> tuple[str, list[str]]:
    """The text at the same length, literals and quoted names as \\x01, comments as \\x02; and the
    comments.
    """
    out: list[str] = []
    comments: list[str] = []
    place, size = 0, len(sql)
    while place < size:
        end, mark = _token(sql, place, dialect)
        if mark == "\x02":
            comments.append(sql[place:end])
        out.append(mark * (end - place) if mark else sql[place:end])
        place = end
    return "".join(out), comments


def _token(sql: str, place: int, dialect: str) -> tuple[int, str]:
    """(end, mark) of what begins here; an empty mark is code."""
    char = sql[place]
    two = sql[place : place + 2]
    if two == "--":
        return _line_end(sql, place), "\x02"
    if two == "/*":
        return _comment_end(sql, place, dialect in _NESTING), "\x02"
    if char == "#" and dialect in _HASH_COMMENTS:
        return _line_end(sql, place), "\x02"
    if char in ("'", '"'):
        triple = sql[place : place + 3] == char * 3 and dialect == "bigquery"
        close = char * 3 if triple else char
        slash = dialect in _BACKSLASH and not _raw(sql, place, dialect)
        if dialect in ("postgres", "duckdb", "redshift") and sql[place - 1 : place] in ("e", "E"):
            slash = char == "'"
        return _literal_end(sql, place + len(close), close, slash), "\x01"
    if char == "`" and dialect in _BACKTICKS:
        return _literal_end(sql, place + 1, "`", dialect == "clickhouse"), "\x01"
    if char == "[" and dialect in _BRACKETS:
        return _literal_end(sql, place + 1, "]", False), "\x01"
    if char == "$" and dialect in _DOLLARS:
        tag = re.compile(r"\$(?:[A-Za-z_]\w*)?\$").match(sql, place)
        if tag is not None:
            end = sql.find(tag.group(), tag.end())
            return (len(sql) if end < 0 else end + len(tag.group())), "\x01"
    return place + 1, ""


def _raw(sql: str, place: int, dialect: str) -> bool:
    return dialect in ("bigquery", "databricks", "spark") and sql[place - 1 : place] in ("r", "R")


def _line_end(sql: str, place: int) -> int:
    end = sql.find("\n", place)
    return len(sql) if end < 0 else end


def _comment_end(sql: str, place: int, nesting: bool) -> int:
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(sql, place):
        if match.group() == "/*":
            depth = depth + 1 if nesting or not depth else depth
        else:
            depth -= 1
            if depth == 0:
                return match.end()
    return len(sql)


def _literal_end(sql: str, place: int, close: str, slash: bool) -> int:
    size = len(sql)
    while place < size:
        if slash and sql[place] == "\\":
            place += 2
            continue
        if sql.startswith(close, place):
            if sql.startswith(close, place + len(close)) and len(close) == 1:
                place += 2
                continue
            return place + len(close)
        place += 1
    return size
