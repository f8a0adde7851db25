"""Silent changes on the example's raw data, as if `agentic run` had been called every evening."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agentic.evals.stage import copy_example, load_raw
from agentic.history import DailySeries, Day, RelationProfile, daily_series, profile_relation
from agentic.history.anomalies import over_days
from agentic.project import Target
from agentic.warehouse import Relation, open_connection

pytestmark = pytest.mark.slow

TABLES = {
    ("raw_shop", "orders"): "",
    ("raw_shop", "refunds"): "amount",
    ("raw_payments", "payments"): "amount",
    ("raw_payments", "payouts"): "gross_amount",
}
Watched = tuple[RelationProfile, DailySeries, str]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> list[Watched]:
    stage = copy_example("daily_sales", tmp_path_factory.mktemp("rolling") / "shop")
    load_raw(stage)
    target = Target(
        name="prod",
        adapter="duckdb",
        schema="analytics",
        database="warehouse",
        settings={"type": "duckdb", "path": str(stage.database)},
    )
    found = []
    with open_connection(target, project_root=Path(stage.root)) as connection:
        for (schema, name), measure in TABLES.items():
            relation = Relation(None, schema, name)
            profile = profile_relation(connection, relation)
            assert profile is not None
            series = daily_series(connection, relation, profile, days=500)
            assert series is not None
            found.append((profile, series, measure))
    return found


def evenings(
    profile: RelationProfile, series: DailySeries
) -> Iterator[tuple[RelationProfile, DailySeries]]:
    """The relation at the end of each day from the second week on."""
    for end in range(15, len(series.days) + 1):
        cut = replace(series, days=series.days[max(0, end - 60) : end])
        last = f"{cut.days[-1].day}T23:59:00"
        columns = tuple(
            replace(one, max=last) if one.name == series.column and one.kind == "timestamp" else one
            for one in profile.columns
        )
        yield replace(profile, columns=columns), cut


def with_last(series: DailySeries, day: Day) -> DailySeries:
    return replace(series, days=(*series.days[:-1], day))


def test_no_evening_of_a_green_project_raises_an_alarm(watched: list[Watched]) -> None:
    raised, looked = [], 0
    for profile, series, _ in watched:
        for now, days in evenings(profile, series):
            looked += 1
            raised += [(series.relation, days.days[-1].day, one) for one in over_days(now, days)]

    assert looked > 200
    assert raised == []


def test_a_hundredfold_unit_and_four_fifths_of_rows_lost_are_seen(watched: list[Watched]) -> None:
    units = rows = looked = counted = 0
    for profile, series, measure in watched:
        for now, days in evenings(profile, series):
            last = days.days[-1]
            if measure and last.rows >= 3:
                column = last.columns[measure]
                scaled = replace(column, sum=(column.sum or 0) * 100)
                day = replace(last, columns={**last.columns, measure: scaled})
                found = over_days(now, with_last(days, day))
                units += any(one.change == "unit_scale_change" for one in found)
                counted += 1
            if last.rows >= 15:
                few = replace(last, rows=last.rows // 5)
                found = over_days(now, with_last(days, few))
                rows += any(one.change == "volume_drop" for one in found)
                looked += 1

    assert counted > 50
    assert units >= 0.9 * counted, (units, counted)
    assert rows >= 0.9 * looked, (rows, looked)
