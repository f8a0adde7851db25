"""Differences by key, counted in a real DuckDB in memory's place: a file of a few rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from agentic.project import Target
from agentic.warehouse import Connection, Relation, open_connection
from agentic.workspace import RelationDiff, diff_relations

LEFT, RIGHT = Relation(None, "a", "t"), Relation(None, "b", "t")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    file = tmp_path_factory.mktemp("diff") / "diff.duckdb"
    with duckdb.connect(str(file)) as made:
        made.execute("create schema a")
        made.execute("create schema b")
    settings: dict[str, Any] = {"type": "duckdb", "path": str(file)}
    target = Target(name="x", adapter="duckdb", schema="a", database="diff", settings=settings)
    with open_connection(
        target, project_root=Path(file.parent), writable=True, database_path=file
    ) as connection:
        yield connection


def diff(
    session: Connection, left: str, right: str, key: list[str] | None = None, **options: Any
) -> RelationDiff:
    session.execute(f"create or replace table a.t as {left}")
    session.execute(f"create or replace table b.t as {right}")
    return diff_relations(session, LEFT, RIGHT, key=key, **options)


ROWS = "select i as id, i * 1.5 as amount, 'n' || i as name from range(10) r(i)"


def test_equal_is_equal(session: Connection) -> None:
    found = diff(session, ROWS, ROWS + " order by id desc", ["ID"])

    assert found.equal
    assert (found.rows_left, found.rows_right, found.by) == (10, 10, "key")


def test_lost_new_and_changed_are_counted(session: Connection) -> None:
    right = (
        "select i as id, case when i = 3 then null else i * 1.5 end as amount, "
        "case when i in (3, 4) then 'x' else 'n' || i end as name from range(2, 11) r(i)"
    )

    found = diff(session, ROWS, right, ["id"])

    assert (found.only_left, found.only_right) == (2, 1)
    assert (found.keys_lost, found.keys_new) == (2, 1)
    assert found.changed == {"amount": 1, "name": 2}
    assert found.rows_changed == 2
    assert not found.equal


def test_null_in_both_is_no_difference(session: Connection) -> None:
    rows = "select 1 as id, null::int as a union all select 2, 5"

    assert diff(session, rows, rows, ["id"]).equal


def test_repeated_or_null_keys_compare_rows(session: Connection) -> None:
    left = "select * from (values (1, 'a'), (1, 'a'), (2, 'b'), (null, 'c')) v(id, x)"
    right = "select * from (values (1, 'a'), (2, 'b'), (null, 'c')) v(id, x)"

    found = diff(session, left, right, ["id"])

    assert found.by == "rows"
    assert (found.keys_duplicate, found.keys_null) == ((1, 0), (1, 1))
    assert (found.only_left, found.only_right) == (1, 0)
    assert (found.keys_lost, found.keys_new) == (0, 0)


def test_without_a_key_rows_are_a_multiset(session: Connection) -> None:
    found = diff(session, "select 1 as a union all select 1", "select 1 as a union all select 2")

    assert (found.by, found.only_left, found.only_right) == ("rows", 1, 1)


def test_numbers_compare_by_value_whatever_their_type(session: Connection) -> None:
    left = "select 1 as id, 2::int as a, 3::decimal(10, 2) as b"
    right = "select 1::bigint as id, 2.0::double as a, 3::decimal(12, 4) as b"

    found = diff(session, left, right, ["id"])

    assert found.same_values
    assert set(found.types) == {"id", "a", "b"}


def test_a_number_and_its_text_differ_only_as_text(session: Connection) -> None:
    found = diff(session, "select 1 as id, 5 as a", "select 1 as id, 'five' as a", ["id"])

    assert found.changed == {"a": 1}


def test_added_and_removed_columns_are_named(session: Connection) -> None:
    found = diff(session, "select 1 as id, 2 as old", "select 1 as id, 2 as new", ["id"])

    assert (found.columns_left, found.columns_right) == (("old",), ("new",))
    assert found.same_values
    assert not found.equal


def test_no_tolerance_unless_asked_for(session: Connection) -> None:
    left, right = (f"select 1 as id, {value}::double as a" for value in ("1.0", "1.0000000000001"))

    assert diff(session, left, right, ["id"]).changed == {"a": 1}
    assert diff(session, left, right, ["id"], tolerance=1e-9).same_values


def test_lists_and_structs_compare(session: Connection) -> None:
    left = "select 1 as id, [1, 2] as l, {'a': 1} as s"
    right = "select 1 as id, [1, 3] as l, {'a': 1} as s"

    assert diff(session, left, right, ["id"]).changed == {"l": 1}


def test_only_the_columns_that_are_asked_for(session: Connection) -> None:
    left, right = "select 1 as id, 1 as a, 1 as b", "select 1 as id, 2 as a, 1 as b"

    assert diff(session, left, right, ["id"], columns=["id", "b"]).equal


def test_names_are_quoted(session: Connection) -> None:
    rows = 'select 1 as "or""der", 2 as "select"'

    assert diff(session, rows, rows, ['or"der']).equal


def test_what_cannot_be_compared_is_never_equal(session: Connection) -> None:
    missing = diff_relations(session, LEFT, Relation(None, "b", "none"), key=None)
    disjoint = diff(session, "select 1 as a", "select 1 as b")

    assert not missing.compared
    assert "b.none" in missing.why
    assert not missing.equal
    assert not disjoint.compared
    assert not disjoint.equal


def test_a_key_that_one_side_lacks_is_said(session: Connection) -> None:
    found = diff(session, "select 1 as id, 2 as a", "select 2 as a", ["id"])

    assert found.by == "rows"
    assert "id is not in both" in found.why
