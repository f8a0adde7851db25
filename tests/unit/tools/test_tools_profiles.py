"""What relations hold now against before, through the policy: masked stays masked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as replace_bench
from pathlib import Path

import duckdb
import pytest
from msgspec.structs import replace

from agentic.history import record_invocation, record_profiles
from agentic.policy import World
from agentic.project import Metadata, NodeResult, RunResults, Target
from agentic.store import open_store, utc_now
from agentic.tools import Bench, ToolError, registry_function
from agentic.tools.shielded import hidden_columns
from agentic.warehouse import open_connection

MART = "model.shop.orders"
BEFORE = """create or replace table orders as
    select i as id, 10.0 as amount, case when i % 2 = 0 then 'card' else 'cash' end as method,
    'person ' || i as who from range(100) r(i)"""
NOW = """create or replace table orders as
    select i as id, 1000.0 as amount, case when i % 10 = 0 then 'CARD' else 'cash' end as method,
    'person ' || i as who, 1 as extra from range(40) r(i)"""


@pytest.fixture
def fill(tmp_path: Path) -> Callable[[str], None]:
    def run(sql: str) -> None:
        with duckdb.connect(str(tmp_path / "shop.duckdb")) as session:
            session.execute(sql)

    return run


@pytest.fixture
def shop(bench: Bench, tmp_path: Path, fill: Callable[[str], None]) -> Bench:
    """A mart whose last good state is remembered, and whose rows are others now."""
    orders = replace(
        bench.manifest.nodes[MART],
        relation_name='"shop"."main"."orders"',
        database="shop",
        schema="main",
        alias="orders",
    )
    manifest = replace(bench.manifest, nodes={**bench.manifest.nodes, MART: orders})
    target = Target(
        name="dev",
        adapter="duckdb",
        schema="main",
        database="shop",
        settings={"path": "shop.duckdb"},
    )
    store = open_store(tmp_path, project="shop", clock=utc_now)
    world = World(
        relations={"main.orders": ()},
        default_schema="main",
        default_database="shop",
        columns_mask=("main.orders.who",),
    )
    fill(BEFORE)
    head = Metadata(generated_at="2026-01-01T06:00:00Z", invocation_id="inv-1")
    built = RunResults(metadata=head, results=[NodeResult(MART, "success")], args={"which": "run"})
    record_invocation(store, manifest, built)
    with open_connection(target, project_root=tmp_path) as connection:
        record_profiles(
            store,
            connection,
            manifest,
            built,
            masked=lambda node, names: hidden_columns(world, "main.orders", names),
        )
    fill(NOW)
    found = replace_bench(bench, manifest=manifest, world=world, history=store)
    return replace_bench(found, connection=lambda: open_connection(target, project_root=tmp_path))


def test_now_is_compared_with_the_last_good_state(shop: Bench) -> None:
    told = registry_function("compare_profiles")(shop, node=MART)

    changed = {row["column"]: row for row in told["changed"]}
    assert told["against"] == "last good, 2026-01-01T06:00:00"
    assert told["rows"] == [100, 40]
    assert told["columns_new"] == ["extra"]
    assert changed["amount"]["mean"] == [10, 1000]
    assert changed["method"]["shares"] == {
        "card": [0.5, 0.0],
        "cash": [0.5, 0.9],
        "CARD": [0.0, 0.1],
    }
    # Fewer rows have fewer keys: that alone is no move of the column.
    assert "distinct" not in changed["id"]
    assert told["changed"][0]["column"] == "amount"


def test_masked_values_are_in_no_profile(shop: Bench) -> None:
    compared = registry_function("compare_profiles")(shop, node=MART)
    profiled = registry_function("profile_column")(shop, node=MART, columns=["who", "amount"])

    assert "person" not in str(compared) + str(profiled)
    assert profiled["columns"]["who"] == {"masked": True}
    assert compared["masked"] == ["who"]
    assert profiled["columns"]["amount"]["sum"] == 40000


def test_without_a_past_the_figures_are_of_now(shop: Bench) -> None:
    told = registry_function("compare_profiles")(replace_bench(shop, history=None), node=MART)

    assert "no green build" in told["note"]
    assert told["rows"] == 40


def test_the_proposal_cannot_be_compared_where_nothing_is_built(shop: Bench) -> None:
    with pytest.raises(ToolError, match="built"):
        registry_function("compare_profiles")(shop, node=MART, against="workspace")


def test_what_may_not_be_read_is_not_profiled(shop: Bench) -> None:
    denied = replace(shop.world, read_deny=("main.orders",)) if shop.world else None
    hidden = replace_bench(shop, world=denied)

    for name, given in (("compare_profiles", {}), ("profile_column", {"columns": ["id"]})):
        with pytest.raises(ToolError, match="may not be read"):
            registry_function(name)(hidden, node=MART, **given)


@pytest.mark.parametrize(
    ("rules", "names", "hidden"),
    [
        pytest.param({"columns_deny": ("main.orders.who",)}, ["WHO", "id"], {"WHO"}, id="case"),
        pytest.param({"columns_mask": ("main.orders.*",)}, ["a.b", "c"], {"a.b", "c"}, id="dots"),
        pytest.param({"pii_columns": ("raw.people.who",)}, ["who"], {"who"}, id="same-name"),
        pytest.param({"read_mask": ("main.*",)}, ["id"], {"id"}, id="whole"),
        pytest.param({}, ["id"], set(), id="open"),
    ],
)
def test_columns_that_give_counts_alone(
    rules: dict[str, tuple[str, ...]], names: list[str], hidden: set[str]
) -> None:
    world = World(relations={"main.orders": ()}, **rules)

    assert hidden_columns(world, "main.orders", names) == hidden
