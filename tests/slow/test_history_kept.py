"""What is remembered of real builds, and figures of a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentic.history import (
    daily_series,
    invocations,
    last_good_profile,
    node_runs,
    profile_relation,
    profiles,
)
from agentic.project import Target
from agentic.store import open_store, utc_now
from agentic.warehouse import Relation, open_connection
from tests.support.tiny import make_tiny

pytestmark = pytest.mark.slow

STAGING = "model.tiny.stg_orders"
SOURCE = "source.tiny.raw.orders"


def test_green_builds_are_remembered_and_red_ones_spoil_nothing(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path)
    tiny.dbt("build", check=True)

    assert tiny.agentic("run").returncode == 0

    store = open_store(tiny.root, project="tiny", clock=utc_now)
    (first,) = invocations(store)
    good = last_good_profile(store, SOURCE)
    assert (first.green, first.command, first.failed) == (True, "build", 0)
    assert first.head == tiny.git("rev-parse", "HEAD")
    assert good is not None
    assert (good.rows, good.by_name["amount"].nulls) == (50, 0)
    assert len(profiles(store, STAGING)) == 1

    tiny.sql("update raw.orders set amount = null where id > 40")
    assert tiny.dbt("build").returncode == 1
    tiny.agentic("diagnose")

    assert [run.status for run in node_runs(store, STAGING)] == ["success", "success"]
    assert [one.green for one in invocations(store)] == [False, True]
    still = last_good_profile(store, SOURCE)
    assert still == good


@pytest.fixture(scope="module")
def lines(postgres_server: Any) -> Target:
    server = postgres_server.new_database("history_figures")
    server.run(
        'create schema "Shop raw"',
        'create table "Shop raw"."Order.lines" (id int, "Net amount" numeric(10,2), paid boolean,'
        " how text, at timestamptz, tags text[], body jsonb, token uuid)",
        """insert into "Shop raw"."Order.lines"
            select n, n * 1.5, n % 2 = 0, case when n % 4 = 0 then null else 'it''s' end,
                timestamptz '2026-01-01 12:00+00' + make_interval(days => n % 5), array['a'], '{}',
                gen_random_uuid()
            from generate_series(1, 100) n""",
    )
    settings = server.output("Shop raw")
    return Target(
        name="dev",
        adapter="postgres",
        schema="Shop raw",
        database=str(settings["dbname"]),
        settings=settings,
    )


def test_figures_and_days_of_postgresql(lines: Target) -> None:
    relation = Relation(None, "Shop raw", "Order.lines")
    with open_connection(lines, project_root=Path.cwd()) as connection:
        found = profile_relation(connection, relation, max_rows=1000)
        assert found is not None
        days = daily_series(connection, relation, found, at="AT")

    amount, how = found.by_name["net amount"], found.by_name["how"]
    assert (found.rows, amount.sum, amount.min, amount.distinct) == (100, 7575.0, 1.5, 100)
    assert (how.nulls, [(top.value, top.rows) for top in how.top]) == (25, [("it's", 75)])
    assert {top.value: top.rows for top in found.by_name["paid"].top} == {"true": 50, "false": 50}
    assert [found.by_name[name].nulls for name in ("tags", "body")] == [0, 0]
    assert found.by_name["token"].distinct == 100
    assert days is not None
    assert [(day.day, day.rows) for day in days.days] == [
        (f"2026-01-0{number}", 20) for number in range(1, 6)
    ]
    assert days.days[0].columns["paid"].counts == {"false": 10, "true": 10}
