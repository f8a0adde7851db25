"""How old sources are, as the YAML's limits judge it."""

from __future__ import annotations

from dataclasses import replace as replace_bench
from pathlib import Path
from typing import Any

import duckdb
from msgspec.structs import replace

from agentic.policy import World
from agentic.project import Source, Target
from agentic.tools import Bench, registry_function
from agentic.warehouse import open_connection

LIMITS = {
    "warn_after": {"count": 12, "period": "hour"},
    "error_after": {"count": 2, "period": "day"},
}


def source(name: str, **more: Any) -> Source:
    return Source(
        unique_id=f"source.shop.raw.{name}",
        name=name,
        source_name="raw",
        resource_type="source",
        relation_name=f'"shop"."main"."{name}"',
        database="shop",
        schema="main",
        identifier=name,
        loaded_at_field="Loaded At",
        freshness=LIMITS,
        **more,
    )


def test_sources_are_judged_by_their_limits(bench: Bench, tmp_path: Path) -> None:
    ages = {"stale": 100, "late": 20, "fresh": 1}
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as session:
        for name, hours in ages.items():
            session.execute(
                f'create table {name} as select now() - interval {hours} hour as "Loaded At"'
            )
    sources = {one.unique_id: one for one in map(source, (*ages, "gone"))}
    target = Target(
        name="dev",
        adapter="duckdb",
        schema="main",
        database="shop",
        settings={"path": "shop.duckdb"},
    )
    world = World(
        relations={f"main.{name}": () for name in ages},
        default_schema="main",
        default_database="shop",
    )
    with open_connection(target, project_root=tmp_path) as connection:
        found = replace_bench(
            bench,
            manifest=replace(bench.manifest, sources=sources),
            world=world,
            connection=lambda: connection,
        )
        told = registry_function("dbt_source_freshness")(found)
        one = registry_function("freshness")(found, node="source.shop.raw.late")

    judged = [(row["node"].rpartition(".")[2], row.get("status")) for row in told["sources"]]
    assert judged == [("stale", "error"), ("late", "warn"), ("gone", None), ("fresh", "pass")]
    assert round(told["sources"][0]["hours_old"]) == 100
    assert told["sources"][0]["limits_hours"] == {"warn": 12.0, "error": 48.0}
    assert told["sources"][2]["exists"] is False
    assert len(one["tables"]) == 4
