"""The roles' tools against real things: a DuckDB workspace, a PostgreSQL server, a history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agentic.policy import World
from agentic.project import Target
from agentic.runtime import open_session
from agentic.runtime.places import Places
from agentic.tools import Bench, ToolError, registry_function
from agentic.warehouse import open_connection
from tests.support.tiny import Tiny

pytestmark = pytest.mark.slow

create_table = registry_function("create_table")
propose_ddl = registry_function("propose_ddl")
get_table_freshness = registry_function("get_table_freshness")
query_history = registry_function("query_history")


@pytest.fixture
def bench(broken: Tiny) -> Iterator[Bench]:
    session, incidents = open_session(
        broken.root, profiles_dir=broken.profiles, target=None, apply=False, diagnose_only=False
    )
    places = Places(session, "run-of-this-test")
    yield Bench(
        project=session.project,
        manifest=session.manifest,
        graph=session.graph,
        dialect=session.dialect,
        incident=incidents[0],
        connection=places.connection,
        repo=session.repo,
        workspace=places.workspace,
        world=session.world,
        guardrails=session.compiled.guardrails,
        history=session.store,
    )
    places.close()


def relations(bench: Bench) -> set[str]:
    assert bench.workspace is not None
    with bench.workspace().connection() as connection:
        return {f"{one.schema}.{one.identifier}" for one in connection.relations()}


def test_a_table_is_made_in_the_workspace_alone_and_only_on_purpose(
    bench: Bench, broken: Tiny
) -> None:
    before = broken.fingerprint()
    sql = "create table raw.big_orders as select id, ordered_at from raw.orders where id > 10"

    tried = create_table(bench, sql=sql)
    assert tried["dry_run"] is True
    assert tried["made"] is False
    assert tried["relation"] not in relations(bench)

    made = create_table(bench, sql=sql, dry_run=False)
    assert made["relation"].startswith("agentic_")
    assert made["relation"] in relations(bench)
    assert "raw.big_orders" not in relations(bench)
    with pytest.raises(ToolError, match="already exists"):
        create_table(bench, sql=sql, dry_run=False)
    for refused in (
        "drop table raw.orders",
        "alter table raw.orders add column x int",
        "create table a as select * from read_csv('/etc/passwd')",
        "create table a as select 1; drop table raw.orders",
    ):
        with pytest.raises(ToolError):
            create_table(bench, sql=refused, dry_run=False)
    assert broken.fingerprint()["database"] == before["database"]


def test_a_statement_for_a_person_is_tried_on_an_empty_copy(bench: Bench, broken: Tiny) -> None:
    before = broken.fingerprint()
    told = propose_ddl(
        bench, sql="alter table raw.orders rename column amount_usd to amount", why="as before"
    )

    assert "agentic_" not in told["statement"]
    assert bench.statements == [told["statement"]]
    assert told["statement"].startswith("-- as before\nALTER TABLE raw.orders")
    assert not any("_ddl." in name for name in relations(bench))  # gone again
    with pytest.raises(ToolError, match="refused it"):
        propose_ddl(bench, sql="alter table raw.orders rename column nope to x", why="a guess")
    for refused in (
        "drop table raw.orders",
        "truncate raw.orders",
        "grant select on raw.orders to public",
        "delete from raw.orders",
        "create view v as select * from read_csv('/etc/passwd')",
        "alter table raw.orders add column x int; drop table raw.orders",
    ):
        with pytest.raises(ToolError):
            propose_ddl(bench, sql=refused, why="to be rid of it")
    assert len(bench.statements) == 1
    assert broken.fingerprint()["database"] == before["database"]


def test_how_old_a_relation_is_and_what_ran(bench: Bench) -> None:
    told = get_table_freshness(bench, node="source.tiny.raw.orders")
    assert told["rows"] == 50
    assert told["newest"][0]["column"] == "ordered_at"
    assert told["newest"][0]["newest"] == "2026-01-05"
    assert told["newest"][0]["hours_old"] > 24

    ran = query_history(bench)
    assert "keeps no record" in ran["untold"]
    assert "model.tiny.stg_orders" in {row["node"] for row in ran["dbt"]["runs"]}


def test_postgresql_tells_what_runs_without_its_values(postgres_server: Any) -> None:
    import psycopg

    server = postgres_server.new_database("history")
    settings = server.output("public")
    target = Target(
        name="dev",
        adapter="postgres",
        schema="public",
        database=str(settings["dbname"]),
        settings=settings,
    )
    nothing = cast(Any, SimpleNamespace(node=""))
    sent = """/* {"app": "dbt", "node_id": "model.shop.orders"} */
        select 'Ana Silva' as name, 48213 as salary -- secret 77"""
    with (
        psycopg.connect(**server._asdict()) as other,
        open_connection(target, project_root=Path.cwd()) as connection,
    ):
        other.execute(sent.encode())
        world = World({}, default_schema="public")
        bench = Bench(nothing, nothing, nothing, "postgres", nothing, lambda: connection)
        bench.world = world
        told = query_history(bench, words="salary")

    assert [row["statement"] for row in told["now"]] == ["select '?' as name, ? as salary"]
    assert told["now"][0]["node"] == "model.shop.orders"
    assert told["now"][0]["state"] == "idle in transaction"
    assert "pg_stat_statements" in told["untold"]
