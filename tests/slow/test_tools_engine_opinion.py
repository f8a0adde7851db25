"""At the tool boundary the engine is asked too: where it reads another statement, nothing runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pytest

from agentic.policy import World
from agentic.project import Target
from agentic.tools import Bench, ToolError, registry_function
from agentic.warehouse import Connection, open_connection

pytestmark = pytest.mark.slow

RUN_SQL = registry_function("run_sql")


def bench_of(connection: Connection, dialect: str, world: World) -> Bench:
    nothing = cast(Any, SimpleNamespace(node=""))
    limits = SimpleNamespace(sql_max_rows=10, sql_timeout_s=5.0, sql_max_bytes_scanned=10**9)
    return Bench(
        nothing,
        nothing,
        nothing,
        dialect,
        nothing,
        lambda: connection,
        world=world,
        guardrails=limits,
    )


def test_what_duckdb_reads_otherwise_is_not_run(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as made:
        made.execute("create table orders as select 1 as id")
    target = Target(
        name="dev",
        adapter="duckdb",
        schema="main",
        database="shop",
        settings={"type": "duckdb", "path": "shop.duckdb"},
    )
    world = World({"main.orders": ["id"]}, default_schema="main")
    with open_connection(target, project_root=tmp_path) as connection:
        # The policy reads ClickHouse's SQL, the engine DuckDB's: a difference of parsers.
        with pytest.raises(ToolError, match="PARSER_DIFFERENTIAL: DuckDB cannot parse"):
            RUN_SQL(
                bench_of(connection, "clickhouse", world),
                sql="select id from orders prewhere id = 1",
            )
        assert RUN_SQL(bench_of(connection, "duckdb", world), sql="select id from orders")["rows"]


def test_postgresql_tells_what_it_would_read_besides(postgres_server: Any) -> None:
    server = postgres_server.new_database("opinions")
    server.run(
        "create schema gold",
        "create schema hr",
        "create table gold.orders (id int)",
        "create table gold.dates (id int)",
        "insert into gold.dates values (7)",
        "create table hr.orders (id int)",
        "insert into hr.orders values (12345)",
    )
    settings = server.output("gold")
    target = Target(
        name="dev",
        adapter="postgres",
        schema="gold",
        database=str(settings["dbname"]),
        settings=settings,
    )
    world = World({"gold.orders": ["id"], "gold.dates": ["id"]}, default_schema="gold")
    with open_connection(target, project_root=Path.cwd()) as connection:
        bench = bench_of(connection, "postgres", world)
        assert RUN_SQL(bench, sql="select id from gold.dates")["rows"] == [[7]]
        # Had the policy seen gold.orders only, PostgreSQL's plan would tell of the other.
        told = connection.opinion("select id from hr.orders", reads=("gold.orders",))
        assert told == "PostgreSQL would read hr.orders too"


def test_what_stands_behind_a_view_or_a_parent_is_read_too(
    tmp_path: Path, postgres_server: Any
) -> None:
    """The policy sees `gold` alone; the planner knows what it stands on."""
    made = (
        "create schema gold",
        "create schema hr",
        "create table hr.salaries (id int)",
        "insert into hr.salaries values (12345)",
        "create view gold.pay as select id from hr.salaries",
    )
    server = postgres_server.new_database("behind")
    server.run(
        *made, "create table gold.orders (id int)", "create table hr.kin () inherits (gold.orders)"
    )
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as shop:
        for one in made:
            shop.execute(one)
    settings = server.output("gold")
    file = {"type": "duckdb", "path": "shop.duckdb"}
    for adapter, dialect, given, database in (
        ("duckdb", "duckdb", file, "shop"),
        ("postgres", "postgres", settings, str(settings["dbname"])),
    ):
        target = Target(
            name="dev", adapter=adapter, schema="gold", database=database, settings=given
        )
        world = World(
            {"gold.pay": ["id"], "gold.orders": ["id"]},
            default_schema="gold",
            read_deny=("hr.*",),
        )
        with open_connection(target, project_root=tmp_path) as connection:
            bench = bench_of(connection, dialect, world)
            for sql in ("select id from gold.pay", "select max(id) as id from gold.pay"):
                with pytest.raises(ToolError, match="READ_DENIED"):
                    RUN_SQL(bench, sql=sql)
            if adapter == "postgres":
                with pytest.raises(ToolError, match="READ_DENIED"):
                    RUN_SQL(bench, sql="select id from gold.orders")
