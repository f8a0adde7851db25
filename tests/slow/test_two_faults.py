"""Two faults at once that one mart lies below: each repair is proved for what it stands for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.tiny import make_tiny

pytestmark = pytest.mark.slow

PEOPLE = {
    "models/sources.yml": """\
version: 2
sources:
  - name: raw
    schema: raw
    config: {meta: {owner: shop-data}}
    tables:
      - name: orders
      - name: people
""",
    "models/staging/stg_people.sql": """\
select
    id as person_id,
    town
from {{ source('raw', 'people') }}
""",
    "models/marts/spent.sql": """\
select
    people.town,
    sum(orders.amount) as spent
from {{ ref('stg_orders') }} as orders
inner join {{ ref('stg_people') }} as people on orders.order_id = people.person_id
group by people.town
""",
}


def test_two_faults_above_one_mart_are_two_proven_repairs(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path, files=PEOPLE)
    tiny.sql(
        "create table raw.people as "
        "select i as id, 'town ' || (i % 7) as town from range(1, 51) r(i)"
    )
    tiny.dbt("build", check=True)
    tiny.sql(
        "alter table raw.orders rename column amount to amount_usd",
        "alter table raw.people rename column town to town_name",
    )
    assert tiny.dbt("build").returncode == 1

    done = tiny.agentic("run", "--output", "json")

    runs = [json.loads(line) for line in done.stdout.splitlines()]
    found = {run["finding"]["root_cause"]["node"]: run for run in runs if run["finding"]}
    assert sorted(found) == ["source.tiny.raw.orders", "source.tiny.raw.people"], done.stderr
    assert [run["decision"] for run in runs] == ["fix", "fix"], done.stdout
    for run in runs:
        other = next(one["run_id"] for one in runs if one is not run)
        checks = {check["code"]: check for check in run["checks"]}
        assert not [code for code, check in checks.items() if check["result"] == "fail"]
        assert f"still failing for another incident {other}" in checks["AP010"]["detail"]
        assert "model.tiny.spent" in checks["AP010"]["detail"]
