"""The main job on a real PostgreSQL: its own schema comes and goes, every other one stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny import Tiny, make_tiny

pytestmark = pytest.mark.slow

RAW = (
    "create schema raw",
    "create table raw.orders as select i as id, (i * 7 % 50 + 1)::numeric(10, 2) as amount,"
    " date '2026-01-01' + (i % 5)::int as ordered_at from generate_series(1, 50) i",
)
OURS = "('pg_catalog', 'information_schema', 'pg_toast')"


@pytest.fixture
def server(postgres_server: Any) -> Any:
    made = postgres_server.new_database("main_job")
    made.run(*RAW)
    return made


def on_postgres(folder: Path, server: Any) -> Tiny:
    """The tiny project, built in the server's schema `dev`."""
    tiny = make_tiny(folder)
    profile = {"tiny": {"target": "dev", "outputs": {"dev": server.output("dev")}}}
    (tiny.profiles / "profiles.yml").write_text(json.dumps(profile))
    tiny.dbt("build", check=True)
    return tiny


def written(server: Any) -> dict[str, Any]:
    """Every relation with its identity on disk, and every row with the transaction it is of.

    A relation that is made again, a row that is written again with the same values, a grant, a
    comment or a new column all show.
    """
    found: dict[str, Any] = {}
    relations = server.run(
        "select n.nspname, c.relname, c.relkind, c.oid, c.relfilenode, c.xmin::text,"
        " coalesce(c.relacl::text, ''), coalesce(obj_description(c.oid), '')"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        f" where n.nspname not in {OURS} order by 1, 2"
    )
    for schema, name, kind, *identity in relations:
        rows = None
        if kind == "r":
            rows = server.run(
                "select count(*), md5(string_agg(t::text || xmin || ctid, chr(10) order by ctid))"
                f' from "{schema}"."{name}" t'
            )
        found[f"{schema}.{name}"] = (kind, *identity, rows)
    found["schemas"] = server.run("select nspname, oid, nspowner from pg_namespace order by 1")
    return found


def test_a_red_build_on_postgres_becomes_a_branch_that_builds_green(
    tmp_path: Path, server: Any
) -> None:
    tiny = on_postgres(tmp_path, server)
    outputs = server.run("select * from dev.daily order by 1")
    server.run("alter table raw.orders rename column amount to amount_usd")
    assert tiny.dbt("build").returncode == 1
    untouched, before = tiny.fingerprint(), written(server)
    run = tiny.run("--apply")

    assert (run["finding"]["class"], run["decision"]) == ("src_column_renamed", "fix"), run
    assert run["finding"]["root_cause"] == {
        "node": "source.tiny.raw.orders",
        "column": "amount",
        "observed": "amount_usd",
    }
    outcomes = {check["code"]: check["result"] for check in run["checks"]}
    assert (outcomes["AP010"], outcomes["AP011"], outcomes["AP012"]) == ("pass", "pass", "pass")
    assert written(server) == before
    assert tiny.fingerprint() == untouched
    assert tiny.branches() == [run["branch"], "main"]
    tiny.git("switch", "-q", run["branch"])
    tiny.dbt("build", check=True)
    assert server.run("select * from dev.daily order by 1") == outputs
