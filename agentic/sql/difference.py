"""What a change of a query's text changes in what it yields: columns, and rows.

A comment, a new layout, another alias, a CTE more or less: no difference. See `fingerprints`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec
from sqlglot import exp

from agentic.exceptions import SqlError
from agentic.sql import jinja
from agentic.sql.fingerprints import ColumnsOf, Fingerprints
from agentic.sql.meaning import QUERIES
from agentic.sql.parsing import parse
from agentic.sql.prints import Output, Print
from agentic.sql.reading import marker_of, name_after_marker

Kind = Literal["added", "removed", "renamed", "retyped", "changed"]
_NOT_LOGIC = ("endif", "endfor", "endset", "endmacro", "endcall", "endfilter", "endraw", "raw")


class ColumnChange(msgspec.Struct, frozen=True):
    """One output column that is not what it was."""

    column: str
    """As it was called before; for `added`, as it is called now."""
    kind: Kind
    now: str = ""
    """For `renamed`: its new name."""


class Difference(msgspec.Struct, frozen=True):
    """What a change of a query changes. All empty: nothing."""

    columns: tuple[ColumnChange, ...] = ()
    rows: bool = False
    """Other rows, or another grain: a filter, join, group or limit changed."""
    reordered: bool = False
    """Only the order of columns changed."""
    unknown: str = ""
    """Why it cannot be told, wholly or in part; empty when it can."""
    config: bool = False
    """`config(...)` says something else."""

    @property
    def same(self) -> bool:
        return self == Difference()


def compare(old: str, new: str, dialect: str, columns_of: ColumnsOf | None = None) -> Difference:
    """What two compiled queries yield differently. Never raises: see `unknown`."""
    try:
        before, after = (_compiled(sql, dialect, columns_of) for sql in (old, new))
    except (SqlError, RecursionError) as error:
        return _untold(old, new, str(error) or "nested too deeply")
    return _compared(before, after)


def compare_raw(
    old: str, new: str, dialect: str, columns_of: ColumnsOf | None = None
) -> Difference:
    """The same for raw code, whose Jinja is masked: every branch of an `if` counts.

    `columns_of` is asked with markers such as `ref('orders')`. Never raises: see `unknown`.
    """
    config = _calls_of_config(old) != _calls_of_config(new)
    if _logic(old) != _logic(new):
        return Difference(unknown="Jinja blocks changed", config=config)
    before, after = jinja.variants(old), jinja.variants(new)
    if len(before) != len(after):
        return Difference(unknown="Jinja branches changed", config=config)
    found: list[Difference] = []
    for one, other in zip(before, after, strict=True):
        if _squeezed(one.text) == _squeezed(other.text) and _said(one) == _said(other):
            continue
        try:
            prints = [_masked(masked, dialect, columns_of) for masked in (one, other)]
        except (SqlError, RecursionError) as error:
            found.append(_untold(one.text, other.text, str(error) or "nested too deeply"))
        else:
            found.append(_compared(*prints))
    return _together(found, config=config)


def _compiled(sql: str, dialect: str, columns_of: ColumnsOf | None) -> Print:
    def name_of(table: exp.Table) -> str:
        return ".".join(part.name for part in table.parts).lower()

    tree = _query(sql, dialect)
    return Fingerprints(columns_of or _nobody_knows, name_of, {}).statement(tree)


def _masked(masked: jinja.Masked, dialect: str, columns_of: ColumnsOf | None) -> Print:
    tree = _query(masked.text, dialect)
    variables = jinja.relation_variables(list(masked.expressions.values()))
    names: dict[int, str] = {}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier):
            names[id(table)] = marker_of(table, masked, variables)
            name_after_marker(table, names[id(table)])
    walk = Fingerprints(columns_of or _nobody_knows, lambda table: names[id(table)], _said(masked))
    return walk.statement(tree)


def _query(sql: str, dialect: str) -> exp.Expression:
    tree = parse(sql, dialect)
    if not isinstance(tree, QUERIES):
        raise SqlError("the text is not a query")
    return tree


def _nobody_knows(_: str) -> None:
    return None


def _said(masked: jinja.Masked) -> dict[str, str]:
    return {
        masked.text[start : tag.end]: "{{" + " ".join(tag.inner.split()) + "}}"
        for start, tag in masked.expressions.items()
    }


def _compared(before: Print, after: Print) -> Difference:
    columns = tuple(_columns(before.cols, after.cols))
    shared = {col.name for col in before.cols} & {col.name for col in after.cols}
    order = [[col.name for col in one.cols if col.name in shared] for one in (before, after)]
    rests = before.rests != after.rests
    return Difference(
        columns=columns,
        rows=before.rows != after.rows,
        reordered=not columns and order[0] != order[1],
        unknown="what a star spreads changed, and its columns are not known" if rests else "",
    )


def _columns(old: Sequence[Output], new: Sequence[Output]) -> Iterator[ColumnChange]:
    before = {col.name.lower(): col for col in reversed(old)}
    after = {col.name.lower(): col for col in reversed(new)}
    added = [col for key, col in after.items() if key not in before]
    for key, col in reversed(before.items()):
        now = after.get(key)
        if now is None:
            twin = next((one for one in reversed(added) if one.value == col.value), None)
            if twin is None:
                yield ColumnChange(col.name, "removed")
            else:
                added.remove(twin)
                yield ColumnChange(col.name, "renamed", twin.name)
        elif now.value != col.value:
            yield ColumnChange(col.name, "retyped" if now.core == col.core else "changed")
    for col in reversed(added):
        yield ColumnChange(col.name, "added")


def _together(found: Iterable[Difference], *, config: bool) -> Difference:
    """Differences of the variants of one text as one."""
    every = list(found)
    columns = dict.fromkeys(change for one in every for change in one.columns)
    return Difference(
        columns=tuple(columns),
        rows=any(one.rows for one in every),
        reordered=any(one.reordered for one in every),
        unknown="; ".join(dict.fromkeys(one.unknown for one in every if one.unknown)),
        config=config,
    )


def _untold(old: str, new: str, reason: str) -> Difference:
    same = _squeezed(old) == _squeezed(new)
    return Difference() if same else Difference(unknown=reason.splitlines()[0])


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _logic(raw: str) -> Counter[str]:
    """Every `{% %}` tag; comments and the ends of blocks say nothing."""
    return Counter(
        _squeezed(tag.inner)
        for tag in jinja.tags(raw)
        if tag.kind == "{%" and tag.keyword not in _NOT_LOGIC
    )


def _calls_of_config(raw: str) -> list[str]:
    return [
        "".join(tag.inner.split())
        for tag in jinja.tags(raw)
        if tag.kind == "{{" and tag.keyword == "config"
    ]
