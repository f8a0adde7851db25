"""Approvals, runs and the audit in a PostgreSQL store, with several processes at once."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agentic.exceptions import ApprovalError
from agentic.store import Approvals, AuditTrail, Journal, anchor_of, open_store, utc_now
from tests.slow.conftest import PostgresServer

pytestmark = pytest.mark.slow


def url_of(server: PostgresServer) -> str:
    place = f"{server.host}:{server.port}/{server.dbname}"
    return f"postgresql+psycopg://{server.user}:{server.password}@{place}"


def race(url: str, root: str, ask_id: str, given: tuple[str, str], gate: Any, answers: Any) -> None:
    """Approve with a token of one's own, use it, and keep the books."""
    token, name = given
    store = open_store(Path(root), project="shop", clock=utc_now, url=url)
    approvals, audit = Approvals(store), AuditTrail(store, anchor_of(Path(root)))
    ask = approvals.one(ask_id)
    gate.wait()
    try:
        done = str(approvals.approve(ask, token=token, by=name, proof="unsigned").state)
    except ApprovalError as error:
        done = error.message
    for number in range(5):
        audit.append(actor=name, action="tried", subject="r1", payload={"number": number})
    used = approvals.use(kind="effect", content={"a": 1}, bound={"g": 1}, key=name)
    answers.put((done, used is not None, store.reopen_run("r1")))


def test_of_racing_processes_one_wins(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = url_of(postgres_server.new_database("approvals"))
    store = open_store(tmp_path, project="shop", clock=utc_now, url=url)
    approvals = Approvals(store)
    store.start_run("r1", incident="f", inputs_hash="h", agent="a")
    with store.begin() as session:
        session.exec_driver_sql("update agentic_runs set status = 'awaiting_approval'")
    ask = approvals.park(
        run_id="r1",
        kind="effect",
        subject="s",
        content={"a": 1},
        bound={"g": 1},
        rules=["AG170"],
        lifetime_s=3600,
    )
    tokens = [(approvals.issue_token(ask), f"ssh:{n}") for n in range(3)]
    spawn = multiprocessing.get_context("spawn")
    gate, answers = spawn.Barrier(3), spawn.Queue()
    racers = [
        spawn.Process(target=race, args=(url, str(tmp_path), ask.id, one, gate, answers))
        for one in tokens
    ]
    for one in racers:
        one.start()
    said = [answers.get(timeout=60) for _ in racers]
    for one in racers:
        one.join()

    assert [done for done, _, _ in said].count("approved") == 1
    assert all("was approved" in done for done, _, _ in said if done != "approved")
    assert [used for _, used, _ in said].count(True) == 1
    assert [opened for _, _, opened in said].count(True) == 1
    trail = AuditTrail(store, anchor_of(tmp_path))
    assert trail.verify() is None
    assert len(trail.records("r1")) == 15
    assert [(rate.rule, rate.approved) for rate in approvals.rates()] == [("AG170", 1)]


def test_an_ask_in_postgres_lives_like_any(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = url_of(postgres_server.new_database("asks"))
    approvals = Approvals(open_store(tmp_path, project="shop", clock=utc_now, url=url))

    def park(run_id: str, value: int) -> Any:
        return approvals.park(
            run_id=run_id,
            kind="fix",
            subject="cause",
            content={"a": value},
            bound={},
            rules=[],
            lifetime_s=3600,
        )

    first, second = park("r1", 1), park("r2", 2)
    assert approvals.one(first.id).state == "void"
    token = approvals.issue_token(second)
    with pytest.raises(ApprovalError, match="does not fit"):
        approvals.approve(second, token="0000", by="ana", proof="unsigned")
    approvals.approve(second, token=token, by="ana", proof="unsigned")
    assert approvals.use(kind="fix", content={"a": 2}, bound={}, key="k") is not None
    assert approvals.use(kind="fix", content={"a": 2}, bound={}, key="other") is None
    assert approvals.use(kind="fix", content={"a": 2}, bound={}, key="k") is not None
    with pytest.raises(ApprovalError, match="was approved and used"):
        approvals.reject(second, by="ben", reason="late")


def test_runs_at_once_keep_their_journals_and_one_chain(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = url_of(postgres_server.new_database("journals"))
    stores = [open_store(tmp_path, project="shop", clock=utc_now, url=url) for _ in range(2)]
    odd = {"text": "100% of :name and '%s'"}

    def work(number: int) -> None:
        store, run_id = stores[number % 2], f"r{number}"
        store.start_run(run_id, incident=run_id, inputs_hash="h", agent="a")
        journal, trail = Journal(store, run_id), AuditTrail(store, anchor_of(tmp_path))
        for step in range(10):
            journal.step("tool", "look", odd | {"step": step}, dict, lambda _key: odd)
            trail.append(actor="a", action="look", subject=run_id, payload=odd)
            store.spend(run_id, 0.1 * step)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    trail = AuditTrail(stores[0], anchor_of(tmp_path))

    assert trail.verify() is None
    assert len(trail.records()) == 60
    assert [step.output for step in Journal(stores[1], "r2").steps()] == [odd] * 10
    assert stores[1].cost_usd_since("2020", but="r2") == pytest.approx(4.5)
    for store in stores:
        store.engine.dispose()
