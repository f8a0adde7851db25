"""The places of a raw text that an edit touches: mentions of a column, stars, relations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from agentic.exceptions import SqlError
from agentic.sql import jinja
from agentic.sql.change import Change
from agentic.sql.edits import Edit
from agentic.sql.parsing import name_sql, parse, tokens_of
from agentic.sql.reading import TARGET, Mention, Reading, Star, Variant, relation_name
from agentic.sql.scope import Scope

# PostgreSQL's family names `cast(x as int)` after x, other expressions after their function;
# elsewhere an unnamed expression is named by its text, which an edit would change.
_NAMES_CASTS = ("postgres", "redshift", "materialize")
# Queries whose outputs nobody calls by name.
_NAMELESS = (exp.In, exp.Exists)
_QUIET_CALLS = ("ref", "source", "var", "env_var", "config")


class Unsafe(Exception):
    """This plan cannot keep the meaning; another one may."""


def mention_edits(
    reading: Reading, variant: Variant, change: Change, *, direct: bool
) -> list[Edit]:
    """Edits of every mention; `direct`: only where the scope has the relation itself."""
    if any(_mentions_word(reading.raw[start:end], change.old) for start, end in reading.hidden):
        raise Unsafe("SQL that no reading shows mentions the column")
    edits: list[Edit] = []
    touched: set[int] = set()
    for mention in variant.mentions(change.old):
        if direct and not _is_direct(mention, variant):
            continue
        if not _reads_an_alias(mention, change.old):
            edits.append(_mention_edit(reading.raw, mention, change))
    for mention in variant.columns:
        for tag in variant.tags_of(mention.node):
            touched.add(tag.start)
            found = list(_tag_edits(reading.raw, tag, mention.scope, change))
            if found and isinstance(mention.node.parent, exp.Select):
                raise Unsafe("a macro call without an alias names its own output")
            edits += found
    for tag in reading.tags:
        if tag.start not in touched and _may_mention(tag, change.old):
            raise Unsafe("Jinja outside of an expression mentions the column")
    return edits


def _is_direct(mention: Mention, variant: Variant) -> bool:
    """True when the scope that resolves a mention has the relation itself, not a CTE over it."""
    target = variant.target.shape() if variant.target else None
    table = mention.node.parts[-2].name.lower() if len(mention.node.parts) > 1 else ""
    scope: Scope | None = mention.scope
    while scope is not None:
        here = [
            source
            for alias, source in scope.sources.items()
            if (not table or alias == table)
            and (col := source.listed(mention.node.name)) is not None
            and col.base == mention.col.base
        ]
        if here:
            return any(source is target for source in here)
        scope = scope.parent
    return False


def _reads_an_alias(mention: Mention, old: str) -> bool:
    """In HAVING a bare name means the output of that name, if one is made there."""
    node: exp.Expr = mention.node
    if mention.node.args.get("table"):
        return False
    while node.parent is not None and not isinstance(node, exp.Select):
        if isinstance(node, exp.AggFunc):
            return False
        if isinstance(node, exp.Having):
            made = mention.scope.outputs.get(old.lower())
            return made is not None and made.expression is not None
        node = node.parent
    return False


def _mention_edit(raw: str, mention: Mention, change: Change) -> Edit:
    node = mention.node
    name = node.this if node.name.lower() == change.old.lower() else None
    if name is None or "start" not in name.meta or name.meta["end"] < name.meta["start"]:
        raise Unsafe("a field of a struct, or a name without a place in the text")
    star = node.parent if node.arg_key == "except_" else None
    if star is not None and len(mention.scope.sources) > 1 and isinstance(star.parent, exp.Select):
        raise Unsafe("a star leaves the name out of every relation")
    first = node.parts[0]
    start, end = first.meta["start"], name.meta["end"] + 1
    written = raw[name.meta["start"] : end]
    prefix = raw[start : name.meta["start"]]
    cast = node.parent if isinstance(node.parent, exp.Cast) else None
    text = change.read(prefix, quoted=bool(name.args.get("quoted")), cast=cast)
    if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":
        if not isinstance(_user_of(node.parent), _NAMELESS):
            text += change.as_ + change.alias(written)
        _refuse_unnamed(node, change)
        return Edit(start, end, text)
    _refuse_unnamed(node, change)
    alias = _unnamed_cast(node)
    if alias is not None:
        raise Unsafe("a cast that is named after its column")
    return Edit(start, end, text)


def _user_of(query: exp.Expr) -> exp.Expr | None:
    """What a query stands in, its parentheses left out."""
    user = query.parent
    while isinstance(user, (exp.Subquery, exp.Paren)) and not user.args.get("alias"):
        user = user.parent
    return user


def _unnamed_cast(node: exp.Column) -> exp.Expr | None:
    parent = node.parent
    named = isinstance(parent, exp.Cast) and isinstance(parent.parent, exp.Select)
    return parent if named and parent is not None and parent.arg_key == "expressions" else None


def _refuse_unnamed(node: exp.Column, change: Change) -> None:
    """Raise Unsafe for a mention inside a select item that is named by its own text."""
    item: exp.Expr = node
    while item.parent is not None:
        if isinstance(item, (exp.Star, exp.Pivot)):
            if isinstance(node.parent, exp.Star) and node.arg_key == "except_":
                return
            raise Unsafe("part of a star or a pivot")
        above = item.parent
        if isinstance(above, exp.Select) and item.arg_key == "expressions":
            named = isinstance(item, (exp.Alias, exp.Column))
            named = named or isinstance(_user_of(above), _NAMELESS)
            if not named and (change.dialect not in _NAMES_CASTS or isinstance(item, exp.Paren)):
                raise Unsafe("an output that is named by its text")
        if isinstance(item, (exp.CTE, exp.From, exp.Join)):
            return
        item = above


def _tag_edits(raw: str, tag: jinja.Tag, scope: Scope, change: Change) -> Iterator[Edit]:
    """Edits of the column names that a macro call gets as strings: `{{ cents('amount') }}`."""
    if tag.keyword in _QUIET_CALLS:
        return
    for position, content in jinja.string_literals(tag):
        if not _mentions_word(content, change.old):
            continue
        try:
            tree = parse(f"select {content}", change.dialect)
        except SqlError as error:
            raise Unsafe("a macro's argument that is no expression") from error
        shift = position - len("select ")
        for column in tree.find_all(exp.Column):
            table = column.table
            if column.name.lower() != change.old.lower():
                continue
            found = scope.find(column.name, table)
            if found is None or found.base is None or found.base[0] != TARGET:
                continue
            prefix = f"{table}." if table else ""
            text = change.read(prefix, quoted=bool(column.this.args.get("quoted")))
            start = column.parts[0].meta["start"] + shift
            edit = Edit(start, column.this.meta["end"] + 1 + shift, text)
            yield _inside_string(edit, raw, position, content)


def _inside_string(edit: Edit, raw: str, position: int, content: str) -> Edit:
    """The edit, or one of the whole literal with other quotes where its own occur in it."""
    mark = raw[position - 1]
    other = '"' if mark == "'" else "'"
    if "\\" in edit.text:
        raise Unsafe("an escape in a Jinja string")
    if mark not in edit.text:
        return edit
    whole = edit.start == position and edit.end == position + len(content)
    if other in edit.text or not whole:
        raise Unsafe("the argument's quotes occur in the new text")
    return Edit(position - 1, edit.end + 1, f"{other}{edit.text}{other}")


def _may_mention(tag: jinja.Tag, old: str) -> bool:
    if tag.kind == "{#" or (tag.kind == "{{" and tag.keyword in _QUIET_CALLS):
        return False
    return any(_mentions_word(content, old) for _, content in jinja.string_literals(tag))


def _mentions_word(text: str, word: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE))


def star_edits(reading: Reading, variant: Variant, change: Change) -> list[Edit]:
    """Edits of the stars that spread the relation itself."""
    target = variant.target.shape() if variant.target else None
    tokens = tokens_of(variant.masked.text, change.dialect)
    edits = []
    for star in variant.stars:
        if any(source is target for source in star.sources):
            edits.append(_star_edit(reading.raw, star, tokens, change, target))
    if not edits:
        raise Unsafe("no star spreads the relation itself")
    return edits


def _star_edit(
    raw: str, star: Star, tokens: Sequence[Token], change: Change, target: object
) -> Edit:
    if any(star.node.args.get(key) for key in ("except_", "replace", "rename")):
        raise Unsafe("a star that already changes columns")
    select = star.scope.select
    if not isinstance(select, exp.Select) or change.old.lower() in star.scope.shared:
        raise Unsafe("a star over USING")
    before = [one for one in select.expressions[: star.index] if one.is_star]
    places = _star_places(select, tokens)
    if len(places) != sum(one.is_star for one in select.expressions):
        raise Unsafe("stars that cannot be told apart")
    token = places[len(before)]
    item = select.expressions[star.index]
    qualified = isinstance(item, exp.Column)
    alias = next(name for name, source in star.scope.sources.items() if source is target)
    written = raw[item.args["table"].meta["start"] : token.start] if qualified else f"{alias}."
    lone = qualified or len(star.sources) == 1
    prefix = written if qualified or len(star.scope.sources) > 1 else ""
    text = change.star(prefix, lone=lone)
    start = token.start
    if text is None and lone:
        text = change.spelled(prefix)
        start = item.args["table"].meta["start"] if qualified else token.start
    if text is None:
        raise Unsafe("the dialect's star cannot rename")
    return Edit(start, token.end + 1, text)


def _star_places(select: exp.Select, tokens: Sequence[Token]) -> list[Token]:
    """The stars of a select list, found backwards from the first relation after FROM."""
    from_ = select.args.get("from_")
    if from_ is None or not isinstance(from_.this, exp.Table):
        return []
    first = from_.this.parts[0].meta.get("start", -1)
    before = [token for token in tokens if token.end < first]
    places: list[Token] = []
    depth = 0
    for index in range(len(before) - 1, 0, -1):
        token, previous = before[index], before[index - 1]
        depth += (token.token_type == TokenType.R_PAREN) - (token.token_type == TokenType.L_PAREN)
        if depth < 0:
            return []
        if depth == 0 and token.token_type == TokenType.SELECT:
            break
        openers = (TokenType.SELECT, TokenType.COMMA, TokenType.DOT, TokenType.DISTINCT)
        if depth == 0 and token.token_type == TokenType.STAR and previous.token_type in openers:
            places.append(token)
    return places[::-1]


def table_edits(reading: Reading, variant: Variant, change: Change) -> list[Edit]:
    """Edits that wrap the relation in a query that yields the old name and value."""
    if any(_mentions_relation(reading.raw[start:end], variant) for start, end in reading.hidden):
        raise Unsafe("SQL that no reading shows names the relation")
    edits: list[Edit] = []
    for table in variant.tables:
        start, end = table.parts[0].meta["start"], table.this.meta["end"] + 1
        inner = reading.raw[start:end]
        items = change.star() or change.spelled()
        if items is None:
            raise Unsafe("the dialect's star cannot rename")
        alias = table.args.get("alias")
        written = alias is not None and "start" in alias.this.meta
        name = alias.name if alias is not None else table.name
        tail = "" if written else change.as_ + name_sql(name, change.dialect)
        words = ("SELECT", "FROM") if change.upper else ("select", "from")
        edits.append(Edit(start, end, f"({words[0]} {items} {words[1]} {inner}){tail}"))
    _refuse_introspection(reading, variant)
    return edits


def is_read(reading: Reading, old: str) -> bool:
    """True when anything in the text may depend on the relation's column."""
    return (
        any(one.mentions(old) or one.lets_out(old) for one in reading.variants)
        or any(_may_mention(tag, old) for tag in reading.tags)
        or any(_mentions_word(reading.raw[start:end], old) for start, end in reading.hidden)
    )


def _mentions_relation(text: str, variant: Variant) -> bool:
    return bool(re.search(r"\b(?:ref|source)\s*\(", text)) and bool(variant.tables)


def _refuse_introspection(reading: Reading, variant: Variant) -> None:
    """A macro that looks at the relation itself would not see the wrap."""
    names = {
        relation_name(jinja.relation_marker(tag.inner) or "")
        for table in variant.tables
        if (tag := variant.masked.expressions.get(table.this.meta.get("start", -1)))
    }
    for tag in reading.tags:
        inner = tag.inner
        if tag.kind == "{#" or jinja.relation_marker(inner) or jinja.relation_variables([tag]):
            continue
        if any(re.search(rf"['\"]{re.escape(name)}['\"]", inner) for name in names if name):
            raise Unsafe("a macro looks at the relation")
