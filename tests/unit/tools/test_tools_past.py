"""Tools over what was: runs, batches, metrics, logs; each small, and each saying what it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agentic.history import record_invocation
from agentic.project import BatchResults, Manifest, Metadata, NodeResult, RunResults
from agentic.project.manifest import Checksum
from agentic.store import open_store, utc_now
from agentic.tools import Bench, ToolError, registry_function
from agentic.tools.compact import tokens_of

STAGING = "model.shop.stg_orders"
MART = "model.shop.orders"


def coded(manifest: Manifest, checksum: str, **config: Any) -> Manifest:
    """The manifest with another code (and configuration) of the staging node."""
    node = manifest.nodes[STAGING]
    changed = replace(node, checksum=Checksum("sha256", checksum * 8), config=config or node.config)
    return replace(manifest, nodes={**manifest.nodes, STAGING: changed})


def results(day: int, status: str, *, full: bool = False, **more: Any) -> RunResults:
    seconds = more.pop("seconds", 1.0)
    rows = [NodeResult(unique_id=STAGING, status=status, execution_time=seconds, **more)]
    rows.append(NodeResult(unique_id=MART, status="success", execution_time=0.1))
    head = Metadata(generated_at=f"2026-01-{day:02d}T06:00:00Z", invocation_id=f"inv-{day}")
    return RunResults(metadata=head, results=rows, args={"which": "build", "full_refresh": full})


@pytest.fixture
def past(bench: Bench, tmp_path: Path) -> Bench:
    bench.history = open_store(tmp_path, project="shop", clock=utc_now)
    return bench


def remember(bench: Bench, day: int, status: str, code: str = "aaaaaaaa", **more: Any) -> None:
    assert bench.history is not None
    told = results(day, status, **more)
    assert record_invocation(bench.history, coded(bench.manifest, code), told)


def test_history_says_since_when_and_whether_the_code_changed(past: Bench) -> None:
    remember(past, 1, "success")
    remember(past, 2, "error", "bbbbbbbb", message="Binder Error: no column x")
    remember(past, 3, "error", "bbbbbbbb", message="Binder Error: no column x")
    past.manifest = coded(past.manifest, "bbbbbbbb")

    told = registry_function("run_history")(past, node="stg_orders")

    assert told["last_success"] == "2026-01-01T06:00:00"
    assert told["failing_since"] == "2026-01-02T06:00:00"
    assert told["failed_in_a_row"] == 2
    assert told["code_changed_since_success"] is True
    assert [run["code"] for run in told["runs"]] == ["bbbbbbbb", "bbbbbbbb", "aaaaaaaa"]
    assert told["runs"][0]["message"] == "Binder Error: no column x"


def test_history_without_a_node_is_of_invocations(past: Bench) -> None:
    remember(past, 1, "success")
    remember(past, 2, "error")

    told = registry_function("run_history")(past)["invocations"]

    assert [one["green"] for one in told] == [False, True]
    assert told[0]["failed"] == [STAGING]
    assert "failed" not in told[1]


def test_what_is_not_remembered_is_said(bench: Bench) -> None:
    for name, given in (
        ("run_history", {"node": "stg_orders"}),
        ("run_history", {}),
        ("query_metrics", {}),
    ):
        assert "remembered" in registry_function(name)(bench, **given)["note"]


def test_a_long_history_comes_in_parts(past: Bench) -> None:
    for day in range(1, 29):
        remember(past, day, "error", message="something long about what went wrong " * 3)
    run_history = registry_function("run_history")

    first = run_history(past, node="stg_orders")
    rest = run_history(past, node="stg_orders", more=first["more"])

    assert tokens_of(first) < 900
    assert first["total"] == 28
    seen = [run["at"] for run in first["runs"]]
    assert rest["runs"][0]["at"] < seen[-1]
    with pytest.raises(ToolError, match="more"):
        run_history(past, node="stg_orders", more="x")


def test_batches_of_a_microbatch_node(past: Bench) -> None:
    days = [f"2026-02-{day:02d}T00:00:00" for day in range(1, 8)]
    batch = [[days[n], days[n + 1]] for n in range(6)]
    ran = BatchResults(successful=[*batch[:2], batch[4]], failed=[batch[2]])
    remember(past, 1, "partial success", batch_results=ran)
    later = BatchResults(successful=[batch[5]], failed=[])
    remember(past, 2, "success", "bbbbbbbb", batch_results=later)
    config = {"materialized": "incremental", "incremental_strategy": "microbatch"}
    past.manifest = coded(past.manifest, "bbbbbbbb", **config)

    told = registry_function("partition_state")(past, node="stg_orders")

    assert (told["batches"], told["failed"], told["gaps"]) == (5, 1, 1)
    assert told["built_by_older_code"] == 3
    assert told["config"]["incremental_strategy"] == "microbatch"
    assert told["state"][0] == {
        "from": "2026-02-03",
        "to": "2026-02-04",
        "status": "failed",
        "ran": "2026-01-01T06:00:00",
        "code": "aaaaaaaa",
    }
    assert told["state"][1] == {"from": "2026-02-04", "to": "2026-02-05", "status": "never ran"}


def test_a_batch_that_ran_again_counts_as_it_ended(past: Bench) -> None:
    one = [["2026-02-01", "2026-02-02"]]
    remember(past, 1, "partial success", batch_results=BatchResults(failed=one))
    remember(past, 2, "success", batch_results=BatchResults(successful=one))
    past.manifest = coded(past.manifest, "aaaaaaaa", materialized="incremental")

    told = registry_function("partition_state")(past, node="stg_orders")

    assert (told["batches"], told["failed"]) == (1, 0)


def test_an_incremental_node_may_hold_rows_of_two_codes(past: Bench) -> None:
    remember(past, 1, "success", "00000000")
    remember(past, 2, "success", "aaaaaaaa", full=True)
    remember(past, 3, "success", "bbbbbbbb")
    past.manifest = coded(past.manifest, "bbbbbbbb", materialized="incremental")

    told = registry_function("partition_state")(past, node="stg_orders")

    assert told["last_full_refresh"] == "2026-01-02T06:00:00"
    assert told["built_by"] == ["bbbbbbbb", "aaaaaaaa"]
    assert told["mixed"] is True


def test_a_table_has_no_partitions(past: Bench) -> None:
    assert "built whole" in registry_function("partition_state")(past, node="stg_orders")["note"]


def test_metrics_name_what_became_slower(past: Bench) -> None:
    for day, seconds in ((1, 1.0), (2, 1.2), (3, 6.0)):
        remember(past, day, "success", seconds=seconds)

    told = registry_function("query_metrics")(past, order="slower")["nodes"]

    assert told[0]["node"] == STAGING
    assert told[0]["slower"] == pytest.approx(5.455)


def test_the_log_is_searched_newest_first_and_masked(bench: Bench) -> None:
    logs = Path(bench.project.root) / "logs"
    logs.mkdir()
    lines = ["10:00 Compilation Error in stg_orders", "10:01 error for ann@example.com", "ok"]
    (logs / "dbt.log").write_text("\n".join(lines), encoding="utf-8")

    told = registry_function("search_logs")(bench, text="ERROR")

    assert [hit["line"] for hit in told["lines"]] == [2, 1]
    assert told["lines"][0]["text"] == "10:01 error for [email]"
    assert told["path"] == "logs/dbt.log"


def test_without_a_log_there_is_an_error_with_a_next_step(bench: Bench) -> None:
    with pytest.raises(ToolError, match=r"no dbt\.log"):
        registry_function("search_logs")(bench, text="error")
