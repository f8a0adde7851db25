"""The PostgreSQL connection against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentic.exceptions import WarehouseError
from agentic.project import Target
from agentic.warehouse import Column, Connection, Relation, open_connection

pytestmark = pytest.mark.slow


def target_of(server: Any, schema: str = "Shop raw", **changes: object) -> Target:
    settings = server.output(schema, **changes)
    return Target(
        name="dev",
        adapter="postgres",
        schema=schema,
        database=str(settings["dbname"]),
        settings=settings,
    )


@pytest.fixture(scope="module")
def shop(postgres_server: Any) -> Any:
    server = postgres_server.new_database("shop_reads")
    server.run(
        'create schema "Shop raw"',
        'create table "Shop raw"."Order.lines" (id int not null, amount numeric(10,2), note text)',
        """insert into "Shop raw"."Order.lines" select n, n, 'x' from generate_series(1, 1000) n""",
        'create view "Shop raw".big as select id from "Shop raw"."Order.lines" where id > 500',
    )
    return server


@pytest.fixture
def reader(shop: Any) -> Iterator[Connection]:
    with open_connection(target_of(shop), project_root=Path.cwd()) as connection:
        yield connection


LINES = Relation(None, "Shop raw", "Order.lines")


def test_columns_have_the_servers_types_and_order(reader: Connection) -> None:
    assert reader.columns(LINES) == (
        Column("id", "integer", False),
        Column("amount", "numeric(10,2)", True),
        Column("note", "text", True),
    )


@pytest.mark.parametrize(
    "relation",
    [
        pytest.param(Relation(None, "Shop raw", "order.lines"), id="other-case"),
        pytest.param(Relation(None, "nowhere", "Order.lines"), id="other-schema"),
        pytest.param(Relation("elsewhere", "Shop raw", "Order.lines"), id="other-database"),
    ],
)
def test_a_relation_that_is_not_there_is_none(reader: Connection, relation: Relation) -> None:
    assert reader.columns(relation) is None


def test_a_view_has_columns_and_is_listed(reader: Connection) -> None:
    assert reader.columns(Relation("shop_reads", "Shop raw", "big")) == (Column("id", "integer"),)
    assert [found.identifier for found in reader.relations("Shop raw")] == ["Order.lines", "big"]
    assert reader.schemas() == ("Shop raw", "public")


def test_rows_are_capped_and_say_so(reader: Connection) -> None:
    rows = reader.query('select * from "Order.lines" order by id', max_rows=3)

    assert (rows.columns, len(rows.rows), rows.truncated) == (("id", "amount", "note"), 3, True)
    assert not reader.query('select 1 from "Order.lines" limit 3', max_rows=3).truncated


def test_a_scan_is_estimated_without_running_it(reader: Connection) -> None:
    whole = reader.plan('select id from "Shop raw"."Order.lines"')
    below = reader.plan('select id from "Shop raw".big where pg_sleep(60) is null')
    nothing = reader.plan("select 1")

    assert 8_192 <= whole.scan_bytes < 1_000_000
    assert below == whole
    assert whole.relations == ("shop raw.order.lines",)
    assert nothing.scan_bytes == 0
    assert reader.plan("show tables").relations == ()
    with pytest.raises(WarehouseError):
        reader.plan("select no_such_column from pg_class")


def test_bytes_are_capped(reader: Connection) -> None:
    rows = reader.query("select repeat('x', 1000) from generate_series(1, 100)", max_bytes=5000)

    assert rows.truncated
    assert len(rows.rows) == 5


@pytest.mark.parametrize(
    "statement",
    [
        'insert into "Order.lines" values (0, 0, null)',
        'create table "Shop raw".made as select 1',
        "set transaction read write",
        "select 1; select 2",
    ],
)
def test_a_reader_cannot_write(reader: Connection, statement: str) -> None:
    with pytest.raises(WarehouseError):
        reader.query(statement)

    assert reader.query('select count(*) from "Order.lines"').rows == ((1000,),)


def test_a_setting_does_not_outlive_its_statement(reader: Connection) -> None:
    reader.query("select set_config('default_transaction_read_only', 'off', false)")

    with pytest.raises(WarehouseError, match="read-only"):
        reader.query('delete from "Order.lines"')


def test_execute_is_refused_on_a_reader(reader: Connection) -> None:
    with pytest.raises(WarehouseError, match="read-only"):
        reader.execute("create table x (a int)")


def test_a_slow_statement_is_stopped_and_the_session_goes_on(reader: Connection) -> None:
    with pytest.raises(WarehouseError, match="stopped after"):
        reader.query("select pg_sleep(30)", timeout_s=0.2)

    assert reader.query("select 1").rows == ((1,),)


def test_the_server_sees_who_asks(reader: Connection) -> None:
    assert reader.query("select current_setting('application_name')").rows == (("agentic",),)


def test_a_writer_builds(shop: Any) -> None:
    with open_connection(target_of(shop), project_root=Path.cwd(), writable=True) as writer:
        writer.execute("create schema if not exists agentic_x")
        writer.execute("create table agentic_x.t as select 1 as a")
        columns = writer.columns(Relation(None, "agentic_x", "t"))
        writer.execute("drop schema agentic_x cascade")

    assert columns == (Column("a", "integer"),)


def test_no_server_is_one_clear_error(shop: Any) -> None:
    with pytest.raises(WarehouseError, match="cannot connect to PostgreSQL at") as caught:
        open_connection(target_of(shop, port=1, connect_timeout=2), project_root=Path.cwd())

    assert "dbt debug" in caught.value.hint


def test_a_wrong_password_does_not_show_it(shop: Any) -> None:
    with pytest.raises(WarehouseError) as caught:
        open_connection(target_of(shop, password="hunter2-secret"), project_root=Path.cwd())

    assert "hunter2-secret" not in str(caught.value)
