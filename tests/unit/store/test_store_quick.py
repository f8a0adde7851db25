"""The short way into the store: all or nothing, errors as ours, the promise of each commit kept."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agentic.exceptions import StoreError
from agentic.store import AuditTrail, Journal, Store, open_store, utc_now

WRITE = "insert into agentic_meta (name, value) values (:name, :value)"
READ = "select value from agentic_meta where name = :name"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path, project="shop", clock=utc_now)


def synchronous(store: Store) -> int:
    """SQLite's setting for everything that is not quick: 1 is NORMAL, 2 is FULL."""
    with store.begin() as connection:
        return int(connection.exec_driver_sql("pragma synchronous").scalar_one())


def test_what_fails_writes_nothing(store: Store) -> None:
    with (
        pytest.raises(StoreError, match="state store failed"),
        store.quick.write(flush=False) as run,
    ):
        run(WRITE, name="a", value="1")
        run(WRITE, name="a", value="2")

    assert store.quick.read(READ, name="a") == []


def test_an_exception_of_the_caller_writes_nothing_and_passes(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.quick.write(flush=False) as run:
        run(WRITE, name="a", value="1")
        raise KeyboardInterrupt

    assert store.quick.read(READ, name="a") == []


@pytest.mark.parametrize("flush", [True, False])
def test_each_write_is_as_safe_as_it_asked_to_be(store: Store, flush: bool) -> None:
    for first in (not flush, flush):
        with store.quick.write(flush=first):
            pass
    with store.quick.write(flush=flush) as run:
        ((inside,),) = run("pragma synchronous")

    assert inside == (2 if flush else 1)
    assert synchronous(store) == 2


def test_a_store_that_is_let_go_holds_no_file(store: Store, tmp_path: Path) -> None:
    with store.quick.write(flush=False) as run:
        run(WRITE, name="a", value="1")
    store.engine.dispose()
    with sqlite3.connect(tmp_path / ".agentic" / "state.db") as alone:
        (mode,) = alone.execute("pragma journal_mode=delete").fetchone()

    assert mode == "delete"


def test_a_store_that_is_locked_says_so_and_stays_as_safe(store: Store, tmp_path: Path) -> None:
    store.quick.read("pragma busy_timeout=1")
    with sqlite3.connect(tmp_path / ".agentic" / "state.db") as other:
        other.execute("begin immediate")
        with pytest.raises(StoreError, match="locked"), store.quick.write(flush=False):
            pass
        other.rollback()

    assert synchronous(store) == 2


def giving(value: int) -> Callable[[str], int]:
    return lambda _key: value


def test_several_threads_write_journals_and_one_chain(store: Store, tmp_path: Path) -> None:
    trail = AuditTrail(store, tmp_path / "audit.head")

    def work(number: int) -> None:
        run_id = f"r{number}"
        store.start_run(run_id, incident=f"f{number}", inputs_hash="h", agent="a")
        journal = Journal(store, run_id)
        for step in range(10):
            journal.step("tool", "look", {"step": step}, int, giving(step))
            trail.append(actor="a", action="look", subject=run_id, payload={"step": step})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert trail.verify() is None
    assert len(trail.records()) == 60
    assert [one.output for one in Journal(store, "r3").steps()] == list(range(10))


@pytest.mark.parametrize(("kind", "safest"), [("turn", 1), ("tool", 1), ("branch", 2)])
def test_a_step_with_an_effect_outside_is_on_the_disk_before_it(
    store: Store, kind: str, safest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[bool] = []
    write = store.quick.write

    def watched(*, flush: bool) -> object:
        flushed.append(flush)
        return write(flush=flush)

    monkeypatch.setattr(store.quick, "write", watched)
    Journal(store, "r1").step(kind, "x", {}, str, lambda _key: "done")

    assert flushed == [safest == 2] * 2
