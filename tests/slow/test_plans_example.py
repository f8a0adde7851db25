"""examples/daily_sales_from_scratch: a mart out of two raw sources and one sentence, by plan.

The turns are scripted, so that this shows the plumbing: steps, reviews, stacking, proof. What a
model makes of the same steps is for `make live` (docs/plans.md).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support import warm
from tests.support.plans import Desktop, call, report, steps, turn
from tests.support.tiny import clean_environment
from tests.support.warm_dbt import WarmDbt

pytestmark = pytest.mark.slow
EXAMPLE = Path(__file__).parents[2] / "examples" / "daily_sales_from_scratch"
SENTENCE = "a daily sales mart"

SOURCES = """\
version: 2

sources:
  - name: raw_shop
    tables:
      - name: orders
        columns: [{name: id}, {name: customer_id}, {name: status}, {name: ordered_at}]
  - name: raw_payments
    tables:
      - name: payments
        columns: [{name: payment_id}, {name: order_ref}, {name: amount}, {name: state}]
"""
STG_ORDERS = """\
select
    id as order_id,
    customer_id,
    status as order_status,
    cast(ordered_at as date) as order_date
from {{ source('raw_shop', 'orders') }}
"""
STG_PAYMENTS = """\
select
    payment_id,
    order_ref as order_id,
    amount,
    state as payment_state
from {{ source('raw_payments', 'payments') }}
"""
MART = """\
with paid as (
    select order_id, sum(amount) as amount
    from {{ ref('stg_payments') }}
    where payment_state = 'captured'
    group by order_id
)

select
    orders.order_date,
    count(*) as orders,
    count(distinct orders.customer_id) as customers,
    cast(sum(paid.amount) as decimal(18, 2)) as net_sales
from {{ ref('stg_orders') }} as orders
inner join paid on paid.order_id = orders.order_id
where orders.order_status <> 'cancelled'
group by orders.order_date
"""
STAGING_TESTS = """\
version: 2

models:
  - name: stg_orders
    columns:
      - {name: order_id, data_tests: [unique, not_null]}
  - name: stg_payments
    columns:
      - {name: payment_id, data_tests: [unique, not_null]}
      - name: order_id
        data_tests:
          - relationships: {arguments: {to: ref('stg_orders'), field: order_id}}
"""
MART_TESTS = """\
version: 2

models:
  - name: daily_sales
    columns:
      - {name: order_date, data_tests: [unique, not_null]}
      - {name: net_sales, data_tests: [not_null]}
"""
SELECTOR = """\
selectors:
  - name: daily_sales
    description: The mart and all above it; the nightly job builds it.
    definition: {method: fqn, value: daily_sales, parents: true}
"""


def new(path: str, text: str) -> dict[str, Any]:
    return call("create_model", path=path, text=text, why="the step's task")


TURNS = {
    "Step `ingest`": [turn(new("models/staging/_sources.yml", SOURCES)), report("feat: sources")],
    "Step `stage`": [
        turn(
            new("models/staging/stg_orders.sql", STG_ORDERS),
            new("models/staging/stg_payments.sql", STG_PAYMENTS),
        ),
        report("feat: staging"),
    ],
    "Step `model`": [turn(new("models/marts/daily_sales.sql", MART)), report("feat: daily_sales")],
    "Step `test`": [
        turn(
            new("models/staging/_staging.yml", STAGING_TESTS),
            new("models/marts/_marts.yml", MART_TESTS),
        ),
        report("test: keys, payments and days"),
    ],
    "Step `document`": [
        turn(
            call(
                "edit_file",
                path="models/marts/_marts.yml",
                edits=[
                    {
                        "old": "  - name: daily_sales\n",
                        "new": "  - name: daily_sales\n    description: Sales a day, UTC.\n",
                    }
                ],
            )
        ),
        report("docs: daily_sales"),
    ],
    "Step `schedule`": [turn(new("selectors.yml", SELECTOR)), report("feat: nightly selector")],
}
REVIEWED = ["ingest", "stage", "model", "test", "document", "schedule"]


@pytest.fixture
def dbt() -> Iterator[WarmDbt]:
    served = WarmDbt()
    yield served
    served.close()


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    root = tmp_path / "project"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("*.duckdb*", "target", ".agentic"))
    subprocess.run([sys.executable, "load.py"], cwd=root, check=True, capture_output=True)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "raw data alone")
    return Desktop(root, root, tmp_path / "script.json")


def git(root: Path, *args: str) -> str:
    who = ["-c", "user.name=Tess Ter", "-c", "user.email=tess@example.com"]
    done = subprocess.run(
        ["git", *who, *args], cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_mart_is_built_from_two_sources_and_a_sentence(
    desktop: Desktop, dbt: WarmDbt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desktop.plays(monkeypatch, TURNS, dbt=dbt.executable)
    before = git(desktop.root, "rev-parse", "HEAD")

    asked: list[tuple[str, list[object]]] = []
    result = desktop.run("daily_sales", SENTENCE)
    while result.status == "awaiting_approval" and len(asked) < 10:
        ask = desktop.approve(result)
        asked.append((ask.content["content"]["step"], ask.content["content"]["files"]))
        result = desktop.run("daily_sales", SENTENCE)

    assert (result.status, result.decision) == ("success", "fix"), result.reason
    assert [step for step, _ in asked] == REVIEWED
    assert [len(files) for _, files in asked] == [1, 2, 1, 2, 1, 1]
    assert steps(result) == [(step, "done") for step in REVIEWED]
    branch = str(result.branch)
    titles = git(desktop.root, "log", "--reverse", "--format=%s", f"{before}..{branch}")
    assert titles.splitlines() == [
        "feat: sources", "feat: staging", "feat: daily_sales", "test: keys, payments and days",
        "docs: daily_sales", "feat: nightly selector",
    ]  # fmt: skip
    # The checkout is as it was, and nothing else is left of the run.
    assert git(desktop.root, "rev-parse", "HEAD") == before
    assert git(desktop.root, "status", "--porcelain") == ""
    assert len(git(desktop.root, "worktree", "list").splitlines()) == 1
    check_mart(desktop.root, branch, tmp_path / "merged")


def check_mart(root: Path, branch: str, merged: Path) -> None:
    """The branch builds with dbt, and its numbers are those of the raw rows."""
    git(root, "worktree", "add", "-q", str(merged), branch)
    database = root / "warehouse.duckdb"
    env = clean_environment() | {"DAILY_SALES_DUCKDB": str(database)}
    done = warm.dbt(
        ["build", "--selector", "daily_sales", "--profiles-dir", "."], cwd=merged, env=env
    )
    assert done.returncode == 0, done.stdout
    assert "PASS=11" in done.stdout
    with duckdb.connect(str(database)) as session:
        mart = session.execute(
            "select order_date, orders, customers, net_sales from analytics.daily_sales order by 1"
        ).fetchall()
        raw = session.execute(
            """
            select ordered_at::date, count(distinct o.id), count(distinct customer_id), sum(amount)
            from raw_shop.orders o join raw_payments.payments p on p.order_ref = o.id
            where status <> 'cancelled' and state = 'captured' group by 1 order by 1
            """
        ).fetchall()
    assert mart == raw
    assert len(mart) == 15
    assert os.path.lexists(merged / "selectors.yml")
