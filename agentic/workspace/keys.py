"""What identifies a row of a node, as far as the project says so."""

from __future__ import annotations

from typing import Any

from agentic.project import Manifest, Node

_SNAPSHOT_COLUMNS = frozenset(
    {"dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted"}
)
_COMBINATIONS = ("unique_combination_of_columns", "expect_compound_columns_to_be_unique")


def key_of(uid: str, manifest: Manifest) -> tuple[str, ...] | None:
    """Columns that identify a row: `unique_key`, a primary key, or what a test holds unique.

    None when nothing says so. A `unique_key` that is an expression is no column, so it is passed
    over. A snapshot repeats its `unique_key` once a version, and dbt's own key holds the time.
    """
    node = manifest.nodes.get(uid)
    if node is None:
        return None
    if node.resource_type == "snapshot":
        return None
    return _declared(node) or _primary_key(node) or _tested(uid, manifest)


def clock_columns(node: Node) -> frozenset[str]:
    """Columns that hold when a build ran, lower case: no two builds agree on them."""
    if node.resource_type != "snapshot":
        return frozenset()
    renamed = node.config.get("snapshot_meta_column_names")
    own = renamed.values() if isinstance(renamed, dict) else ()
    return _SNAPSHOT_COLUMNS | {str(name).lower() for name in own if name}


def _declared(node: Node) -> tuple[str, ...] | None:
    key = node.config.get("unique_key")
    columns = [key] if isinstance(key, str) else key
    return _columns(columns)


def _columns(names: Any) -> tuple[str, ...] | None:
    if not isinstance(names, list) or not names:
        return None
    plain = [str(name).strip('"`') for name in names]
    return tuple(plain) if all(name.isidentifier() for name in plain) else None


def _primary_key(node: Node) -> tuple[str, ...] | None:
    found = tuple(
        column.name
        for column in node.columns.values()
        if any(one.get("type") == "primary_key" for one in column.constraints)
    )
    return found or None


def _tested(uid: str, manifest: Manifest) -> tuple[str, ...] | None:
    """The column with `unique` and `not_null`, else a tested combination, else `unique` alone."""
    unique: list[str] = []
    filled: set[str] = set()
    combined: list[tuple[str, ...]] = []
    for test in (manifest.nodes.get(one) for one in manifest.tests_of(uid)):
        what = test.test_metadata if test and test.attached_node == uid else None
        if test is None or what is None or test.config.get("where"):
            continue
        column = test.column_name or what.kwargs.get("column_name")
        if what.name == "unique" and column:
            unique.append(str(column))
        elif what.name == "not_null" and column:
            filled.add(str(column))
        elif what.name in _COMBINATIONS:
            names = what.kwargs.get("combination_of_columns") or what.kwargs.get("column_list")
            combined += [one for one in [_columns(names)] if one]
    both = [name for name in unique if name in filled]
    single = [(name,) for name in (both or ([] if combined else unique))]
    return next((one for one in [*single, *combined] if _columns(list(one))), None)
