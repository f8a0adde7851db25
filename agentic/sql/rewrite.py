"""Edits of raw Jinja SQL that keep formatting, comments and Jinja: only the named columns change.

Every function returns the new text, or None where no edit keeps the meaning. Each result is
resolved again before it is returned: the same output names, made of the same columns as before.

A star (`select * from {{ source(..) }}`) that hands the column on unnamed is told to keep the old
name: `* rename (new as old)` on DuckDB and Snowflake, `* except (new), new as old` on BigQuery,
Databricks and Redshift, elsewhere every column by name if `columns` are given. Where no mention can
be edited safely, the relation itself is wrapped: `(select * rename (new as old) from ..) as o`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from sqlglot import exp

from agentic.sql import jinja
from agentic.sql.change import Change, before
from agentic.sql.edits import Edit, EditConflict, apply
from agentic.sql.origins import Leaf
from agentic.sql.parsing import name_sql
from agentic.sql.reading import TARGET, Reading, Variant, read
from agentic.sql.sites import Unsafe, is_read, mention_edits, star_edits, table_edits

_Plan = Callable[[Reading, Variant, Change], list[Edit]]


def rename_source_column(
    raw_code: str,
    *,
    old: str,
    new: str,
    relation_markers: Collection[str],
    dialect: str,
    columns: Sequence[str] = (),
) -> str | None:
    """The text reads `new` where it read `old` of one relation; every output keeps its name.

    `relation_markers`: `source('shop','orders')`, `ref('x')`, or a dotted name in plain SQL.
    `columns`: the relation's columns as they are now, if known; some dialects need them for stars.
    """
    change = Change(
        old=old, new=new, dialect=dialect, columns=tuple(columns), upper=_shouts(raw_code)
    )
    return _changed(raw_code, change, relation_markers)


def replace_column_expression(
    raw_code: str,
    *,
    column: str,
    template: str,
    dialect: str,
    relation_markers: Collection[str] = (),
    columns: Sequence[str] = (),
) -> str | None:
    """Every read of a source's column becomes `template` with `{col}` for the column as written.

    Without `relation_markers` the column must be read from the only relation that the text names.
    A cast around it that the template repeats is not doubled.
    """
    markers = relation_markers or _only_relation(raw_code, dialect)
    if not markers or "{col}" not in template:
        return None
    change = Change(
        old=column,
        new=column,
        template=template,
        dialect=dialect,
        columns=tuple(columns),
        upper=_shouts(raw_code),
    )
    return _changed(raw_code, change, markers)


def _only_relation(raw_code: str, dialect: str) -> list[str]:
    found = set(read(raw_code, dialect).bases)
    return sorted(found) if len(found) == 1 else []


def _shouts(raw_code: str) -> bool:
    return len(re.findall(r"\bAS\b", raw_code)) > len(re.findall(r"\bas\b", raw_code))


def _changed(raw: str, change: Change, markers: Collection[str]) -> str | None:
    reading = read(
        raw,
        change.dialect,
        markers=markers,
        columns=before(change, change.columns),
        rest=not change.columns,
    )
    named = any(variant.tables for variant in reading.variants)
    if not named or not is_read(reading, change.old):
        return None
    for plan in (_by_mentions, _by_stars, table_edits):
        try:
            edits = [edit for one in reading.variants for edit in plan(reading, one, change)]
            result = apply(raw, edits)
        except (Unsafe, EditConflict):
            continue
        if result != raw and _means_the_same(reading, result, change, markers):
            return result
    return None


def _by_mentions(reading: Reading, variant: Variant, change: Change) -> list[Edit]:
    """Edit what names the column; for texts whose outputs do not get it through a star."""
    if variant.lets_out(change.old):
        raise Unsafe("a star hands the column on under its name")
    return mention_edits(reading, variant, change, direct=False)


def _by_stars(reading: Reading, variant: Variant, change: Change) -> list[Edit]:
    """Edit the stars that spread the relation itself, and what names its column beside them."""
    return [
        *star_edits(reading, variant, change),
        *mention_edits(reading, variant, change, direct=True),
    ]


def _means_the_same(
    reading: Reading, result: str, change: Change, markers: Collection[str]
) -> bool:
    """The result parses, reads the old name no more, and yields the same from the same columns."""
    columns = change.columns or (change.new,)
    after = read(result, change.dialect, markers=markers, columns=columns, rest=not change.columns)
    if len(after.variants) != len(reading.variants):
        return False
    for old, new in zip(reading.variants, after.variants, strict=True):
        if change.new.lower() != change.old.lower() and (
            new.mentions(change.old) or new.lets_out(change.old)
        ):
            return False
        if _outline(old, change) != _outline(new, change):
            return False
    return True


def _outline(variant: Variant, change: Change) -> tuple[object, ...]:
    """What a query yields, the column called by its new name; levels count only for renames."""

    def called(leaf: Leaf) -> Leaf:
        same = leaf[0] == TARGET and leaf[1].lower() == change.old.lower()
        return (TARGET, change.new.lower()) if same else (leaf[0], variant.plain(leaf[1]))

    cols = []
    for col in variant.shape.cols:
        leaves = {called(leaf): level for leaf, level in col.leaves.items()}
        cols.append((col.name.lower(), tuple(sorted(leaves.items() if change.renames else leaves))))
    filters = frozenset(called(leaf) for leaf in variant.shape.filters)
    rests = tuple(tuple(base.key for base in rest.bases) for rest in variant.shape.rests)
    ordered: object = tuple(cols) if change.keeps_order else frozenset(cols)
    return ordered, filters, rests


def rename_output_column(
    raw_code: str, old_output: str, new_output: str, *, dialect: str = "duckdb"
) -> str | None:
    """The text's output column `old_output` gets the name `new_output`; nothing else changes."""
    reading = read(raw_code, dialect)
    name = name_sql(new_output, dialect)
    as_ = " AS " if _shouts(raw_code) else " as "
    edits: list[Edit] = []
    try:
        for variant in reading.variants:
            edits += _output_edits(raw_code, variant, old_output, name, as_)
        result = apply(raw_code, edits)
    except (Unsafe, EditConflict):
        return None
    after = read(result, dialect)
    if result == raw_code or len(after.variants) != len(reading.variants):
        return None
    for old, new in zip(reading.variants, after.variants, strict=True):
        wanted = [
            (new_output if col.name.lower() == old_output.lower() else col.name, col.leaves)
            for col in old.shape.cols
        ]
        if wanted != [(col.name, col.leaves) for col in new.shape.cols]:
            return None
    return result


def _output_edits(raw: str, variant: Variant, old_output: str, name: str, as_: str) -> list[Edit]:
    col = variant.shape.listed(old_output)
    items = [item for item, made in variant.outputs if made is col]
    if col is None or len(items) != 1:
        raise Unsafe("the output is not named once in the text")
    item = items[0]
    if isinstance(item, exp.Alias):
        edits = [_identifier_edit(item.args["alias"], name)]
    elif isinstance(item, exp.Column):
        end = item.this.meta["end"] + 1
        edits = [Edit(end, end, as_ + name)]
    else:
        raise Unsafe("the output has no name in the text")
    for mention in variant.columns:
        if mention.col is col:
            kept = ""
            if isinstance(mention.node.parent, exp.Select):
                kept = (
                    as_ + raw[mention.node.this.meta["start"] : mention.node.this.meta["end"] + 1]
                )
            edits.append(_identifier_edit(mention.node.this, name + kept))
    return edits


def _identifier_edit(node: exp.Expression, text: str) -> Edit:
    if "start" not in node.meta:
        raise Unsafe("a name without a place in the text")
    return Edit(node.meta["start"], node.meta["end"] + 1, text)


def replace_ref(raw_code: str, old_name: str, new_name: str) -> str | None:
    """Every `ref('old_name')`, with or without a package, names `new_name`; None without any."""
    return _replace_call(raw_code, "ref", (old_name,), (new_name,))


def replace_source(raw_code: str, old: tuple[str, str], new: tuple[str, str]) -> str | None:
    """Every `source(*old)` becomes `source(*new)`; None if there is none."""
    return _replace_call(raw_code, "source", old, new)


_CALLS = r"""\b{word}\s*\(\s*(?P<first>'[^']*'|"[^"]*")(?:\s*,\s*(?P<second>'[^']*'|"[^"]*"))?"""


def _replace_call(raw: str, word: str, old: tuple[str, ...], new: tuple[str, ...]) -> str | None:
    pattern = re.compile(_CALLS.format(word=word))
    edits: list[Edit] = []
    for tag in jinja.tags(raw):
        for call in pattern.finditer(tag.inner) if tag.kind != "{#" else ():
            groups = [key for key in ("first", "second") if call[key]][-len(old) :]
            if tuple(call[key][1:-1] for key in groups) != old:
                continue
            for key, text in zip(groups, new, strict=True):
                start = tag.inner_start + call.start(key) + 1
                edits.append(Edit(start, tag.inner_start + call.end(key) - 1, text))
    return apply(raw, edits) if edits else None


def columns_read(sql: str, dialect: str) -> dict[str, dict[str, str]]:
    """Columns that a raw or compiled SQL reads by name, by relation: {marker: {lower: as written}}.

    The key of a relation is its Jinja marker (`ref('x')`) or its dotted name in lower case. A text
    that cannot be parsed gives an empty answer.
    """
    found: dict[str, dict[str, str]] = {}
    reading = read(sql, dialect)
    for variant in reading.variants:
        for mention in variant.columns:
            if mention.col.base is not None and not variant.tags_of(mention.node):
                marker, name = mention.col.base
                found.setdefault(marker, {}).setdefault(name.lower(), name)
    return found
