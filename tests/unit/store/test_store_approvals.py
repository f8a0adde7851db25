"""An ask is answered once, by what was shown, in time; of two processes one wins."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agentic.exceptions import ApprovalError
from agentic.store import Approvals, Ask, open_store

DAY = 24 * 3600.0
BOUND = {"guardrails": "g1"}
CONTENT = {"files": [{"path": "a.sql", "before": "x", "after": "y"}]}


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> str:
        self.now += timedelta(microseconds=1)
        return self.now.isoformat(timespec="microseconds")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def approvals(tmp_path: Path, clock: Clock) -> Approvals:
    return opened(tmp_path, clock)


def opened(root: Path, clock: Callable[[], str]) -> Approvals:
    return Approvals(open_store(root, project="shop", clock=clock))


def park(approvals: Approvals, run_id: str = "r1", **changes: Any) -> Ask:
    given = {
        "run_id": run_id,
        "kind": "fix",
        "subject": "cause-1",
        "content": CONTENT,
        "bound": BOUND,
        "rules": ["AG1 change.ask: tag:gold"],
        "lifetime_s": DAY,
    }
    return approvals.park(**given | changes)


def approve(approvals: Approvals, ask: Ask, token: str | None = None) -> Ask:
    token = approvals.issue_token(ask) if token is None else token
    return approvals.approve(ask, token=token, by="local:ana", proof="unsigned")


def use(approvals: Approvals, key: str = "cause-1", **changes: Any) -> Ask | None:
    given: dict[str, Any] = {"kind": "fix", "content": CONTENT, "bound": BOUND}
    return approvals.use(**given | changes, key=key)


def test_an_ask_survives_a_restart_and_is_approved_by_another_process(
    tmp_path: Path, clock: Clock
) -> None:
    parked = park(opened(tmp_path, clock))
    later = opened(tmp_path, clock)

    assert later.pending() == (parked,)
    assert later.find("r1") == later.find(parked.id[:8]) == parked
    assert approve(later, later.find("r1")).state == "approved"
    assert later.pending() == ()


def test_the_same_ask_of_the_same_run_is_parked_once(approvals: Approvals) -> None:
    assert park(approvals) == park(approvals)
    assert len(approvals.of_run("r1")) == 1


def test_a_second_approval_is_a_conflict_that_names_the_first(approvals: Approvals) -> None:
    ask = park(approvals)
    first, second = approvals.issue_token(ask), approvals.issue_token(ask)
    approve(approvals, ask, first)

    with pytest.raises(ApprovalError, match="was approved by local:ana at 2026-01-01"):
        approve(approvals, ask, second)


def test_a_token_works_once(approvals: Approvals) -> None:
    ask, other = park(approvals), park(approvals, "r2", subject="cause-2", content={"files": []})
    token = approvals.issue_token(ask)

    with pytest.raises(ApprovalError, match="given for something else"):
        approve(approvals, other, token)
    approve(approvals, ask, token)
    with pytest.raises(ApprovalError, match="approved"):
        approve(approvals, ask, token)


def test_a_used_token_says_so_when_the_ask_is_open_again(tmp_path: Path, clock: Clock) -> None:
    approvals = opened(tmp_path, clock)
    ask = park(approvals)
    token = approvals.issue_token(ask)
    approve(approvals, ask, token)
    with sqlite3.connect(tmp_path / ".agentic" / "state.db") as session:
        session.execute("update agentic_approvals set state = 'pending'")

    with pytest.raises(ApprovalError, match="it was used at"):
        approve(approvals, ask, token)


@pytest.mark.parametrize("token", ["", "00000000", "' or 1=1 --"])
def test_a_token_that_was_never_given(approvals: Approvals, token: str) -> None:
    with pytest.raises(ApprovalError, match="does not fit"):
        approve(approvals, park(approvals), token)


def test_tokens_and_asks_expire(approvals: Approvals, clock: Clock) -> None:
    ask = park(approvals)
    token = approvals.issue_token(ask, lifetime_s=60)
    clock.now += timedelta(seconds=61)
    with pytest.raises(ApprovalError, match=r"the token does not fit .* it has expired"):
        approve(approvals, ask, token)

    clock.now += timedelta(days=1)
    assert approvals.pending() == ()
    with pytest.raises(ApprovalError, match="expired at 2026-01-02"):
        approve(approvals, ask)


def test_a_token_for_other_content_than_the_store_holds_now(tmp_path: Path, clock: Clock) -> None:
    approvals = opened(tmp_path, clock)
    ask = park(approvals)
    token = approvals.issue_token(ask)
    with sqlite3.connect(tmp_path / ".agentic" / "state.db") as session:
        session.execute("update agentic_approvals set payload_hash = 'other'")

    with pytest.raises(ApprovalError, match="is not what was shown"):
        approve(approvals, ask, token)
    with pytest.raises(ApprovalError, match="given for other content"):
        approve(approvals, approvals.one(ask.id), token)


def test_other_content_of_the_same_subject_makes_the_older_ask_void(approvals: Approvals) -> None:
    older, elsewhere = park(approvals), park(approvals, subject="cause-2", content={"files": [1]})
    approve(approvals, older)
    park(approvals, "r2", content={"files": []})

    assert approvals.one(older.id).state == "void"
    assert approvals.one(elsewhere.id).state == "pending"
    with pytest.raises(ApprovalError, match="void: run r2 asks for something else"):
        approve(approvals, older)
    assert use(approvals) is None


def test_other_guardrails_make_the_older_ask_void(approvals: Approvals) -> None:
    older = park(approvals)
    park(approvals, "r2", bound={"guardrails": "g2"})

    assert approvals.one(older.id).state == "void"


def test_one_answer_serves_every_run_that_asks_the_same(approvals: Approvals) -> None:
    first, second = park(approvals), park(approvals, "r2")
    approve(approvals, second)

    assert approvals.one(first.id).state == "superseded"
    with pytest.raises(ApprovalError, match="answered with"):
        approve(approvals, first)


def test_an_approval_is_used_once_and_again_only_by_the_same_effect(approvals: Approvals) -> None:
    assert use(approvals) is None
    approve(approvals, park(approvals))

    assert use(approvals, bound={"guardrails": "g2"}) is None
    assert use(approvals, content={"files": []}) is None
    first = use(approvals)
    assert first is not None
    assert (first.state, first.used_by) == ("used", "cause-1")
    assert use(approvals) == first
    assert use(approvals, key="another effect") is None


def test_an_approval_that_expired_is_worth_nothing(approvals: Approvals, clock: Clock) -> None:
    approve(approvals, park(approvals))
    clock.now += timedelta(days=2)

    assert use(approvals) is None


def test_a_rejection_also_stops_what_was_approved(approvals: Approvals) -> None:
    ask = approve(approvals, park(approvals))

    assert approvals.reject(ask, by="local:bo", reason="no").reason == "no"
    assert use(approvals) is None
    with pytest.raises(ApprovalError, match="rejected by local:bo"):
        approvals.reject(ask, by="local:ana", reason="")


def test_names_that_are_none_or_many(approvals: Approvals) -> None:
    park(approvals)
    park(approvals, content={"files": [2]}, subject="s2")

    with pytest.raises(ApprovalError, match="no ask is called 'r9'"):
        approvals.find("r9")
    with pytest.raises(ApprovalError, match="no ask"):
        approvals.find("")
    with pytest.raises(ApprovalError, match="2 asks are called 'r1'"):
        approvals.find("r1")


def test_answers_are_counted_by_rule(approvals: Approvals) -> None:
    for number in range(3):
        ask = park(approvals, f"r{number}", subject=str(number), content={"n": number})
        approve(approvals, ask)
    approvals.reject(park(approvals, "r9", subject="9", rules=["b"]), by="x", reason="")

    assert [(one.rule, one.approved, one.rejected) for one in approvals.rates()] == [
        ("AG1 change.ask: tag:gold", 3, 0),
        ("b", 0, 1),
    ]


def test_two_projects_in_one_store_do_not_meet(tmp_path: Path, clock: Clock) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    mine = Approvals(open_store(tmp_path, project="mine", clock=clock, url=url))
    yours = Approvals(open_store(tmp_path, project="yours", clock=clock, url=url))
    approve(mine, park(mine))

    assert use(yours) is None
    assert yours.pending() == ()
