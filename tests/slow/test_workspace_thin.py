"""A thin project builds what the whole one builds, and gives way where it cannot."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from workspace_projects import Shop, duckdb_output

from agentic.checks import Subject, tests_kept
from agentic.lineage import Graph
from agentic.records import Edit, Proposal
from agentic.workspace import BuildOutcome
from agentic.workspace.thin import SMALL

pytestmark = pytest.mark.slow

STG = "models/staging/stg_orders.sql"
EDITED = """
select id as order_id, customer_id, amount, placed_at
from {{ source('shop', 'orders') }} where id > 0
"""
FILLERS = SMALL // 2
MORE = {
    "models/marts/large_orders.sql": """
select o.order_id, f.id from {{ ref('only_large') }} o join {{ ref('filler_07') }} f on f.id = 1
""",
    "models/marts/only_large.sql": """
{{ config(materialized='ephemeral') }}
select order_id from {{ ref('stg_orders') }} where amount > {{ var('large', 100) }}
""",
    "models/marts/large.yml": """
version: 2
groups:
  - name: sales
    owner: {name: sales}
models:
  - name: large_orders
    config: {group: sales}
    columns:
      - name: id
        data_tests:
          - relationships: {to: ref('filler_09'), field: id}
unit_tests:
  - name: large_only
    model: large_orders
    given:
      - input: ref('only_large')
        format: sql
        rows: select 1 as order_id
      - input: ref('filler_07')
        rows: [{id: 1}]
    expect:
      rows: [{order_id: 1, id: 1}]
exposures:
  - name: board
    type: dashboard
    owner: {name: sales}
    depends_on: [ref('large_orders'), ref('filler_20')]
""",
    "tests/no_negative.sql": """
select order_id from {{ ref('stg_orders') }}
where amount < (select min(id) from {{ ref('filler_11') }})
""",
    "models/filler/fillers.yml": "version: 2\nmodels:\n"
    + "".join(
        f"  - name: filler_{n:02}\n    columns:\n      - name: id\n"
        "        data_tests: [unique, not_null]\n"
        for n in range(FILLERS)
    )
    + "unit_tests:\n  - name: one\n    model: filler_03\n    given: []\n"
    "    expect: {rows: [{id: 1}]}\n",
    **{f"models/filler/filler_{n:02}.sql": "select 1 as id\n" for n in range(FILLERS)},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    output = duckdb_output(tmp_path_factory.mktemp("database"))
    made = Shop(tmp_path_factory.mktemp("shop"), output)
    for path, text in MORE.items():
        made.write(path, text)
    made.commit("more")
    time.sleep(0.1)
    made.build()
    return made


def statuses(outcome: BuildOutcome) -> dict[str, str]:
    return {uid: one.status for uid, one in outcome.results.items()}


def test_a_thin_project_builds_the_same_nodes_and_tests(shop: Shop) -> None:
    with shop.open() as workspace:
        workspace.write_files({STG: EDITED})
        thin = workspace.build_changed([STG])
        # A file that is newer than the manifest: nobody knows what it says.
        os.utime(shop.root / "models/sources.yml")
        whole = workspace.build_changed([STG])
        os.utime(shop.root / "models/sources.yml", (0, 0))

    assert thin.ok, thin.error + thin.log
    assert whole.ok
    assert (thin.thin, whole.thin) == (True, False)
    assert thin.manifest is not None
    assert whole.manifest is not None
    assert "model.shop.filler_20" in whole.manifest.nodes
    assert "model.shop.filler_20" not in thin.manifest.nodes
    assert statuses(thin) == statuses(whole)
    assert "unit_test.shop.large_orders.large_only" in thin.results
    assert any("no_negative" in uid for uid in thin.results)
    assert any("relationships_large_orders" in uid for uid in thin.results)
    assert thin.relations == whole.relations


def test_every_test_of_the_built_nodes_is_found_again(shop: Shop) -> None:
    manifest = shop.manifest
    edit = Edit(path=STG, before=(shop.root / STG).read_text(), after=EDITED)
    with shop.open() as workspace:
        subject = Subject(
            proposal=Proposal(title="t", edits=(edit,)),
            project=shop.project,
            manifest=manifest,
            graph=Graph(manifest),
            dialect="duckdb",
            workspace=lambda: workspace,
        )
        kept = tests_kept.tests_kept_by_dbt(subject)
        thin = subject.memo["change"].thin

    assert thin
    assert kept.result == "pass", kept


def test_a_change_that_reads_more_or_does_not_parse(shop: Shop) -> None:
    more = EDITED.replace("where", "cross join {{ ref('filler_20') }} f where")
    with shop.open() as workspace:
        workspace.write_files({STG: more.replace("id as", "orders.id as").replace("id >", "1 >")})
        reads_more = workspace.build_changed([STG])
        workspace.write_files({STG: more.replace("filler_20", "filler_99")})
        broken = workspace.build_changed([STG])
        restored = (workspace.project_root / "models/filler/filler_20.sql").read_text()

    assert reads_more.ok, reads_more.log
    assert reads_more.thin
    assert broken.manifest is None
    assert "filler_99" in broken.error
    assert restored == "select 1 as id\n"


def test_an_edited_parent_is_built_with_the_child_that_is_asked_for(shop: Shop) -> None:
    with shop.open() as workspace:
        workspace.write_files({STG: EDITED.replace("id > 0", "id > 15")})
        outcome = workspace.build(["customer_orders"])
        relation = outcome.relations["model.shop.customer_orders"].sql("duckdb")
        with workspace.connection() as connection:
            orders = connection.query(f"select sum(orders) from {relation}").rows

    assert outcome.ok, outcome.log
    assert "model.shop.stg_orders" in outcome.results
    assert orders == ((5,),)


def test_jinja_that_walks_the_graph_gets_the_whole_project(shop: Shop, tmp_path: Path) -> None:
    walking = EDITED + "and {{ graph.nodes | length }} > 60"
    with shop.open() as workspace:
        workspace.write_files({STG: walking})
        outcome = workspace.build_changed([STG])

    assert outcome.ok, outcome.log
    assert not outcome.thin
