"""SHOW, DESCRIBE, PRAGMA and EXPLAIN, read by a small grammar of our own.

sqlglot keeps most of them as opaque commands; what matches here is generated again from its parts.
"""

from __future__ import annotations

import re

from agentic.policy.sql.verdict import SqlVerdict
from agentic.policy.world import Lens
from agentic.sql.tables import Name, Refusal, RelationName

_IDENTIFIER = r'(?:[A-Za-z_][\w$]*|"(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\])'
_NAME = rf"{_IDENTIFIER}(?:\s*\.\s*{_IDENTIFIER}){{0,2}}"
_TEXT = r"'[^'\\]*'"
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*(?:\n|\Z)", re.S)

_SHOW = re.compile(
    rf"""\A\s*SHOW\s+(?:(?:FULL|TERSE|EXTENDED|ALL)\s+)*
    (?P<what>TABLES|VIEWS|MATERIALIZED\s+VIEWS|SCHEMAS|DATABASES|CATALOGS|COLUMNS|FIELDS|OBJECTS
      |INDEXES|INDEX|KEYS|PRIMARY\s+KEYS|TABLE\s+STATUS|PARTITIONS|DYNAMIC\s+TABLES)
    (?:\s+(?:IN|FROM)\s+(?:(?P<kind>SCHEMA|TABLE|DATABASE|VIEW|ACCOUNT)\s+)?(?P<name>{_NAME})?)?
    (?:\s+(?:IN|FROM)\s+(?P<outer>{_NAME}))?
    (?:\s+(?:I?LIKE|STARTS\s+WITH)\s+(?:{_TEXT}))?
    (?:\s+(?:IN|FROM)\s+(?:(?P<kind2>SCHEMA|TABLE|DATABASE|VIEW|ACCOUNT)\s+)?(?P<name2>{_NAME})?)?
    (?:\s+LIMIT\s+\d+)?\s*;?\s*\Z""",
    re.I | re.X,
)
_DESCRIBE = re.compile(
    rf"""\A\s*(?:DESCRIBE|DESC|EXPLAIN)\s+(?:(?:TABLE|VIEW|EXTENDED|FORMATTED|COLUMN)\s+)*
    (?P<name>{_NAME})(?:\s+(?:(?P<column>{_IDENTIFIER})|TYPE\s*=\s*COLUMNS))?\s*;?\s*\Z""",
    re.I | re.X,
)
_PRAGMA = re.compile(
    rf"""\A\s*PRAGMA\s+(?P<what>\w+)\s*(?:\(\s*(?P<argument>{_TEXT}|{_NAME})\s*\))?\s*;?\s*\Z""",
    re.I | re.X,
)
_PRAGMAS_OF_RELATIONS = frozenset(
    {"table_info", "table_xinfo", "index_list", "foreign_key_list", "show"}
)
_PRAGMAS = frozenset(
    {"table_list", "show_tables", "show_tables_expanded", "database_size", "version"}
)
_NOT_RELATIONS = frozenset(
    [
        "select", "with", "insert", "update", "delete", "merge", "analyze", "plan", "ast",
        "syntax", "query", "pipeline", "estimate", "format", "formatted", "extended", "cost",
        "codegen", "logical", "verbose", "using", "user", "stage", "function", "procedure",
        "warehouse", "integration", "task", "stream", "pipe", "sequence", "result", "search",
        "secret", "share", "database", "schema", "history", "network", "connection", "catalog",
        "role", "external", "for", "table", "values", "from", "pivot", "summarize", "replace",
        "create", "drop", "alter", "truncate", "json", "tree", "traditional", "copy", "call",
        "execute", "view", "column",
    ]
)  # fmt: skip


def judge_show(sql: str, lens: Lens) -> SqlVerdict | None:
    """The verdict on a statement that shows names or types; None when it is no such statement."""
    text = _COMMENT.sub(" ", sql) if "--" in sql or "/*" in sql else sql
    head = text.lstrip()[:9].upper()
    if head.startswith("SHOW"):
        match = _SHOW.match(text)
        return _show(match, text, lens) if match is not None else None
    if head.startswith("PRAGMA"):
        return _pragma(_PRAGMA.match(text), text, lens)
    if head.startswith(("DESC", "EXPLAIN")):
        match = _DESCRIBE.match(text)
        if match is None or match["name"].split(".")[0].lower() in _NOT_RELATIONS:
            return None
        if match["column"] and re.search(r"\b(?:EXTENDED|FORMATTED)\b", match.group(), re.I):
            return _deny(Refusal("SYSTEM_CATALOG", "it shows statistics of a column's values"))
        return _of_relation(match["name"], text, lens)
    return None


def _allow(text: str, reads: tuple[str, ...] = ()) -> SqlVerdict:
    clean = " ".join(text.strip().rstrip(";").split())
    return SqlVerdict("allow", "OK_READ", "It shows names and types.", reads, (), clean)


def _deny(refusal: Refusal) -> SqlVerdict:
    return SqlVerdict("deny", refusal.code, refusal.reason)


def _show(match: re.Match[str], text: str, lens: Lens) -> SqlVerdict:
    what = " ".join(match["what"].upper().split())
    kind = (match["kind"] or match["kind2"] or "").upper()
    name = match["name"] or match["name2"]
    of_relation = what in ("COLUMNS", "FIELDS", "INDEX", "INDEXES", "KEYS", "PARTITIONS")
    if what == "PRIMARY KEYS":
        of_relation = kind in ("", "TABLE")
    if name is None:
        return _allow(text)
    parts = _parts(name)
    if of_relation and kind in ("", "TABLE", "VIEW"):
        if match["outer"] and len(parts) == 1:
            parts = [*_parts(match["outer"]), *parts]
        return _of_relation(".".join(part.text for part in parts), text, lens)
    schema = parts[-1].text.lower()
    if lens.world.denied(f"{schema}.*") or lens.world.denied(f"{schema}.x"):
        return _deny(Refusal("READ_DENIED", f"guardrails forbid reading {schema}"))
    if kind == "DATABASE" or len(parts) > 1:
        own = lens.world.default_database.lower()
        if own and parts[0].text.lower() != own and parts[0].text.lower() not in _schemas(lens):
            return _deny(Refusal("CROSS_DATABASE", f"{parts[0].text} is another database"))
    return _allow(text)


def _schemas(lens: Lens) -> set[str]:
    return {key.split(".")[-2] for key in lens.world.by_key if "." in key}


def _pragma(match: re.Match[str] | None, text: str, lens: Lens) -> SqlVerdict | None:
    if match is None or lens.dialect not in ("duckdb", "sqlite"):
        return None
    what, argument = match["what"].lower(), match["argument"]
    if what in _PRAGMAS and argument is None:
        return _allow(text)
    if what in _PRAGMAS_OF_RELATIONS and argument is not None:
        return _of_relation(argument.strip("'"), text, lens)
    return None


def _of_relation(name: str, text: str, lens: Lens) -> SqlVerdict:
    parts = _parts(name)
    padded = [None, None, *parts][-3:]
    answer = lens.relation(RelationName(parts[-1], padded[1], padded[0]))
    if isinstance(answer, Refusal):
        return _deny(answer)
    return _allow(text, (answer.name,))


def _parts(name: str) -> list[Name]:
    found = []
    for part in re.findall(_IDENTIFIER, name):
        quoted = part[0] in '"`['
        found.append(Name(part[1:-1] if quoted else part, quoted))
    return found


# -- EXPLAIN -----------------------------------------------------------------------------------

_EXPLAIN = re.compile(r"\s*(?:EXPLAIN|DESCRIBE|DESC)\b", re.I)
_ANALYZE_FIRST = re.compile(
    r"\s*ANALYZE\s+(?:FORMAT\s*=\s*\w+\s+)?(?=SELECT|WITH|DELETE|UPDATE|INSERT|REPLACE)", re.I
)
_GAP = r"(?:\s|/\*(?:(?!\*/).)*\*/)+"
_WORDS = re.compile(
    rf"""\s*(?:(?P<analyze>ANALY[ZS]E)|VERBOSE|EXTENDED|FORMATTED|CODEGEN|COST|LOGICAL|PARTITIONS
    |QUERY{_GAP}PLAN|QUERY{_GAP}TREE|PLAN(?:{_GAP}FOR)?|AST|SYNTAX|PIPELINE|ESTIMATE
    |USING{_GAP}(?:TEXT|JSON|TABULAR)|FORMAT\s*=?\s*\w+|TYPE\s+\w+
    |(?:header|description|indexes|actions|json|graph|optimize|run_passes)\s*=\s*\d+\s*,?)(?=\s|\()""",
    re.I | re.X,
)
_OPTIONS = re.compile(r"\s*\((?P<inside>[\w\s,.='\"]*)\)(?=\s*(?:/\*|--|\w|\())", re.I)
_BODY = re.compile(
    r"\s*[(]*\s*(?:SELECT|WITH|FROM|VALUES|TABLE|INSERT|UPDATE|DELETE|MERGE|CREATE|REPLACE|COPY|ALTER"
    r"|DROP|TRUNCATE|EXECUTE|CALL|PIVOT|UNPIVOT|SUMMARIZE|DECLARE|REFRESH|GRANT|VACUUM|SET)\b",
    re.I,
)
_TABLE = re.compile(r"\s*(?:TABLE|VIEW)\b", re.I)
_SKIP = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.S)
_OPTION_NAMES = frozenset(
    [
        "analyze",
        "verbose",
        "costs",
        "buffers",
        "wal",
        "timing",
        "summary",
        "format",
        "settings",
        "generic_plan",
        "memory",
        "serialize",
        "type",
        "statistics",
    ]
)


def unwrap_explain(sql: str, dialect: str) -> tuple[str, str, bool] | None:
    """(what to put before the body, the body, whether it executes); None when it is no EXPLAIN."""
    place = _skip(sql, 0)
    if dialect == "mysql" and _ANALYZE_FIRST.match(sql, place):
        match = _ANALYZE_FIRST.match(sql, place)
        assert match is not None
        return "ANALYZE", sql[match.end() :], True
    head = _EXPLAIN.match(sql, place)
    if head is None:
        return None
    kept = [head.group().strip().upper()]
    place, executes = head.end(), False
    while True:
        place = _skip(sql, place)
        word = _WORDS.match(sql, place)
        if word is not None and not _BODY.match(sql, place):
            executes = executes or bool(word["analyze"])
            kept.append(" ".join(_COMMENT.sub(" ", word.group()).split()))
            place = word.end()
            continue
        options = _OPTIONS.match(sql, place)
        if options is not None and _are_options(options["inside"]):
            executes = executes or _executes(options["inside"])
            kept.append(f"({' '.join(options['inside'].split())})")
            place = options.end()
            continue
        break
    body = _BODY.match(sql, place)
    if body is None or (
        not head.group().strip().upper().startswith("E") and _TABLE.match(sql, place)
    ):
        return None
    return " ".join(kept), sql[place:], executes


def _skip(sql: str, place: int) -> int:
    match = _SKIP.match(sql, place)
    return match.end() if match is not None else place


def _are_options(inside: str) -> bool:
    names = [one.split()[0].lower() for one in inside.replace("=", " ").split(",") if one.split()]
    return bool(names) and all(name in _OPTION_NAMES for name in names)


def _executes(inside: str) -> bool:
    for one in inside.replace("=", " ").lower().split(","):
        words = one.split()
        if words and words[0] == "analyze":
            return len(words) == 1 or words[1] not in ("false", "off", "0")
    return False
