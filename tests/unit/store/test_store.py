"""State survives the process, and a step is never done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.exceptions import StoreError
from agentic.records import Incident, RunResult
from agentic.store import Journal, Store, open_store


class Clock:
    def __init__(self) -> None:
        self.minute = 0

    def __call__(self) -> str:
        self.minute += 1
        return f"2026-01-01T00:{self.minute:02d}:00Z"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path, project="shop", clock=Clock())


def incident(fingerprint: str = "f1") -> Incident:
    return Incident("i", "run_error", "model.shop.a", "boom", fingerprint)


def start(store: Store, run_id: str = "r1") -> None:
    store.start_run(run_id, incident="f1", inputs_hash="h", agent="triage")


def test_a_done_step_is_replayed_and_not_done_again(store: Store) -> None:
    done: list[str] = []

    def effect(key: str) -> dict[str, str]:
        done.append(key)
        return {"key": key}

    start(store)
    first = Journal(store, "r1").step("tool", "get", {"a": 1}, dict, effect)
    again = Journal(store, "r1").step("tool", "get", {"a": 1}, dict, effect)

    assert again == first
    assert len(done) == 1


def test_a_step_cut_off_in_the_middle_is_done_again_under_the_same_key(store: Store) -> None:
    keys: list[str] = []

    def effect(key: str) -> str:
        keys.append(key)
        if len(keys) == 1:
            raise KeyboardInterrupt
        return "done"

    start(store)
    with pytest.raises(KeyboardInterrupt):
        Journal(store, "r1").step("tool", "get", {}, str, effect)

    assert Journal(store, "r1").step("tool", "get", {}, str, effect) == "done"
    assert keys[0] == keys[1]


def test_a_resumed_run_that_diverges_is_refused(store: Store) -> None:
    start(store)
    Journal(store, "r1").step("tool", "get", {"a": 1}, str, lambda _: "x")

    with pytest.raises(StoreError, match="cannot be resumed"):
        Journal(store, "r1").step("tool", "get", {"a": 2}, str, lambda _: "x")


def test_an_incident_keeps_the_time_it_was_first_seen_until_it_closes(store: Store) -> None:
    first = store.see(incident())
    second = store.see(incident())
    closed = store.close_absent(set())
    reopened = store.see(incident())

    assert second.first_seen_at == first.first_seen_at
    assert closed == ["f1"]
    assert reopened.first_seen_at > first.first_seen_at


def test_a_result_is_found_by_a_prefix_that_one_run_has(store: Store) -> None:
    for run_id in ("ab1", "ab2"):
        start(store, run_id)
        store.end_run(RunResult(run_id, "triage", "rules", incident(), "escalated"))

    assert store.result("ab1") == RunResult("ab1", "triage", "rules", incident(), "escalated")
    assert store.result("ab") is None


def test_only_runs_that_never_ended_are_unfinished(store: Store) -> None:
    start(store, "r1")
    store.end_run(RunResult("r1", "triage", "rules", incident(), "success"))
    start(store, "r3")
    store.abandon_run("r3")
    start(store, "r2")

    assert [row["run_id"] for row in store.unfinished("f1")] == ["r2"]


def test_an_incident_has_one_run_at_a_time(store: Store) -> None:
    start(store, "r1")
    with pytest.raises(StoreError, match="r1 has just begun"):
        start(store, "r2")


def test_a_newer_store_is_refused_with_a_next_step(store: Store, tmp_path: Path) -> None:
    with store.begin() as connection:
        connection.exec_driver_sql("update agentic_meta set value = '99'")

    with pytest.raises(StoreError, match="schema version 99"):
        open_store(tmp_path, project="shop", clock=Clock())


def test_it_hides_itself_from_git(store: Store, tmp_path: Path) -> None:
    assert (tmp_path / ".agentic" / ".gitignore").read_text() == "*\n"


def test_a_replayed_result_is_the_first_one_to_the_letter(store: Store) -> None:
    start(store)
    given = {"z": 1, "a": (1, 2)}
    first = Journal(store, "r1").step("tool", "get", {}, dict, lambda _: given)
    again = Journal(store, "r1").step("tool", "get", {}, dict, lambda _: given)

    assert list(first) == list(again) == ["z", "a"]
    assert first == again
