"""Statements that make or alter a relation, and nothing else."""

from __future__ import annotations

import pytest

from agentic.exceptions import SqlError
from agentic.sql.ddl import empty_copy_sql, moved_to, read_ddl


@pytest.mark.parametrize(
    ("sql", "action", "kind", "parts"),
    [
        ("create table marts.x (id int)", "create", "table", ("marts", "x")),
        ("create or replace view db.marts.v as select 1", "create", "view", ("db", "marts", "v")),
        ("alter table orders rename column a to b", "alter", "table", ("orders",)),
    ],
)
def test_what_a_statement_names(sql: str, action: str, kind: str, parts: tuple[str, ...]) -> None:
    read = read_ddl(sql, "postgres")

    assert (read.action, read.kind, read.parts) == (action, kind, parts)


@pytest.mark.parametrize(
    "sql",
    [
        "drop table x",
        "truncate x",
        "create index i on x (a)",
        "create function f() returns int language sql as 'select 1'",
        "alter view v rename to w",
        "grant select on x to y",
        "select 1",
        "create table a as select 1; drop table b",
        "",
    ],
)
def test_anything_else_is_none(sql: str) -> None:
    with pytest.raises(SqlError):
        read_ddl(sql, "postgres")


def test_only_its_own_relation_moves() -> None:
    moved = moved_to(
        "create table a.b as select * from a.b as t join c.d using (id)", "ws", "duckdb"
    )

    assert moved == 'CREATE TABLE "ws"."b" AS SELECT * FROM a.b AS t JOIN c.d USING (id)'
    assert empty_copy_sql(("a", 'b"c'), ("ws", "b"), "duckdb") == (
        'CREATE TABLE "ws"."b" AS SELECT * FROM "a"."b""c" LIMIT 0'
    )
