"""Isolation on a real PostgreSQL: schemas of the workspace's own, dropped even after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from workspace_projects import CHILD, RAW, Shop, environment

from agentic.checks import Subject, build, data_diff
from agentic.lineage import Graph
from agentic.records import Edit, Proposal
from agentic.workspace import sweep

pytestmark = pytest.mark.slow

EVERYTHING = ["stg_orders", "customer_orders", "order_log", "orders_history"]
STG = "models/staging/stg_orders.sql"


@pytest.fixture(scope="module")
def server(postgres_server: Any) -> Any:
    made = postgres_server.new_database("workspace_shop")
    made.run(*RAW)
    return made


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, server: Any) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("shop"), server.output("dev"))
    made.build()
    yield made


def content(server: Any) -> dict[str, object]:
    """Every relation outside the workspace, with a checksum of its rows."""
    names = server.run(
        "select schemaname, tablename from pg_tables where schemaname not in"
        " ('pg_catalog', 'information_schema') and schemaname not like 'agentic%'"
        " union all select schemaname, viewname from pg_views where schemaname not in"
        " ('pg_catalog', 'information_schema') and schemaname not like 'agentic%'"
    )
    return {
        f"{schema}.{name}": server.run(
            f"select count(*), md5(string_agg(t::text, chr(10) order by t::text))"
            f' from "{schema}"."{name}" t'
        )
        for schema, name in names
    }


def schemas(server: Any) -> list[str]:
    found = server.run("select nspname from pg_namespace where nspname like 'agentic%'")
    return sorted(row[0] for row in found)


def test_only_the_workspaces_schemas_are_written_and_then_dropped(shop: Shop, server: Any) -> None:
    before, rows = shop.fingerprint(), content(server)

    with shop.open() as workspace:
        outcome = workspace.build(EVERYTHING)
        during = schemas(server)
        edits = (Edit(STG, (shop.root / STG).read_text(), (shop.root / STG).read_text() + "--"),)
        manifest = shop.manifest
        subject = Subject(
            proposal=Proposal("t", edits),
            project=shop.project,
            manifest=manifest,
            graph=Graph(manifest),
            dialect="postgres",
            workspace=lambda: workspace,
        )
        built, compared = build.dbt_build(subject), data_diff.data_diff(subject)
        profile = workspace.frame.slot.folder / "profiles_change" / "profiles.yml"
        mode, text = profile.stat().st_mode & 0o777, profile.read_text()

    own = workspace.schema
    assert outcome.ok, outcome.log
    assert set(during) >= {own, f"{own}_marts", f"{own}_snapshots"}
    assert {one.schema for one in outcome.relations.values()} <= set(during)
    assert (built.result, compared.result) == ("pass", "pass"), (built, compared)
    assert schemas(server) == []
    assert content(server) == rows
    assert shop.fingerprint() == before
    assert shop.leftovers() == []
    assert mode == 0o600
    assert server.password not in text or not server.password


def test_kill_9_leaves_no_schema_after_a_sweep(shop: Shop, server: Any) -> None:
    folders = [str(one) for one in (shop.repository, shop.root, shop.profiles, shop.home)]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, *folders],
        stdout=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    assert child.stdout is not None
    for _line in child.stdout:
        if schemas(server):
            break
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    left = schemas(server)

    removed = sweep(shop.project, shop.repo, shop.target)

    assert left
    assert {f"schema {name}" for name in left} <= set(removed)
    assert schemas(server) == []
    assert shop.leftovers() == []
    assert str(shop.home) not in shop.git("worktree", "list")
