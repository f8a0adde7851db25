"""A high-risk call is confirmed with its own value, asked of a person, and done by its own step."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from agentic.events import Stream
from agentic.guardrails import Desk, Person
from agentic.records import Compiled, CompiledGuardrails, Decision, Limits, OwnTool, ToolCall, Usage
from agentic.runtime.boundary import INPUT_CAP_BYTES, Boundary
from agentic.runtime.budget import Budget
from agentic.runtime.effects import Effects, Parked, Rejected, offered
from agentic.runtime.session import Session
from agentic.store import AuditTrail, Journal, Store, open_store
from agentic.tools import registry

SPEC = registry()["notify"]
CALL = ToolCall("c1", "notify", {"to": "oncall", "title": "amount is gone"})
ASK = Decision("ask", "AG170", "notify has an external effect.")


def clock() -> str:
    return "2026-01-01T00:00:00+00:00"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = open_store(tmp_path, project="shop", clock=clock)
    opened.start_run("r1", incident="f", inputs_hash="h", agent="a")
    return opened


def session_of(store: Store, *, apply: bool = True, approvers: tuple[str, ...] = ("local",)) -> Any:
    anchor = Path(str(store.engine.url.database)).with_name("audit.head")
    return cast(
        Session,
        SimpleNamespace(
            store=store,
            audit=AuditTrail(store, anchor),
            compiled=Compiled("shop", (), CompiledGuardrails(approve_by=approvers)),
            asked_under=Compiled("shop", (), CompiledGuardrails(approve_by=approvers)),
            target=SimpleNamespace(name="dev"),
            stream=Stream(clock),
            apply=apply,
            clock=clock,
        ),
    )


def value_for(effects: Effects, call: ToolCall = CALL) -> str:
    decision, value = effects.settle(call, SPEC, ASK, None, "k")
    assert (decision.verdict, decision.code) == ("ask", "AG171")
    return value


def answer(session: Any, parked: Parked) -> Desk:
    desk = Desk.of(session.store, session.audit)
    token = desk.approvals.issue_token(parked.ask)
    desk.approve(parked.ask, token=token, person=Person("local:ana", "unsigned"))
    return desk


def test_a_value_fits_one_call_once(store: Store) -> None:
    effects = Effects(session_of(store), "r1", "f")
    other = replace(CALL, input={**CALL.input, "title": "something else"})

    first = value_for(effects)
    assert effects.settle(other, SPEC, ASK, first, "k")[0].code == "AG171"
    with pytest.raises(Parked):
        effects.settle(CALL, SPEC, ASK, first, "k")
    assert effects.settle(CALL, SPEC, ASK, first, "k")[0].code == "AG171"


def test_a_wrong_value_takes_the_right_one_with_it(store: Store) -> None:
    effects = Effects(session_of(store), "r1", "f")
    right = value_for(effects)

    _, again = effects.settle(CALL, SPEC, ASK, "00000000", "k")

    assert again != right
    assert effects.settle(CALL, SPEC, ASK, right, "k")[0].code == "AG171"


@pytest.mark.parametrize("text", ["ana@example.com", "password=hunter22", "4111 1111 1111 1111"])
def test_nothing_personal_leaves_even_when_it_is_confirmed(store: Store, text: str) -> None:
    effects = Effects(session_of(store), "r1", "f")
    call = replace(CALL, input={**CALL.input, "text": text})

    assert effects.settle(call, SPEC, ASK, None, "k")[0].code == "AG172"


def test_an_approval_is_for_this_payload_and_this_step(store: Store) -> None:
    session = session_of(store)
    effects = Effects(session, "r1", "f")
    with pytest.raises(Parked) as parked:
        effects.settle(CALL, SPEC, ASK, value_for(effects), "step-1")
    answer(session, parked.value)

    done, _ = effects.settle(CALL, SPEC, ASK, value_for(effects), "step-1")
    again, _ = effects.settle(CALL, SPEC, ASK, value_for(effects), "step-1")  # after a crash

    assert (done.verdict, again.verdict) == ("allow", "allow")
    assert "approved by local:ana (unsigned)" in done.reason
    twice, _ = effects.settle(CALL, SPEC, ASK, value_for(effects), "step-2")
    assert (twice.verdict, twice.code) == ("deny", "AG173")
    other = replace(CALL, input={**CALL.input, "title": "x"})
    with pytest.raises(Parked):
        effects.settle(other, SPEC, ASK, value_for(effects, other), "step-1")


@pytest.mark.parametrize(("kind", "again"), [("http", True), ("python", False), ("mcp", False)])
def test_what_cannot_be_known_again_is_not_begun_twice(
    store: Store, kind: Any, again: bool
) -> None:
    session = session_of(store)
    session.compiled = replace(session.compiled, own_tools=(OwnTool("notify", kind, SPEC),))
    effects = Effects(session, "r1", "f")
    with pytest.raises(Parked) as parked:
        effects.settle(CALL, SPEC, ASK, value_for(effects), "step-1")
    answer(session, parked.value)
    assert effects.settle(CALL, SPEC, ASK, value_for(effects), "step-1")[0].verdict == "allow"

    # the process was killed before the answer was written; another goes on with the step
    resumed = Effects(session, "r1", "f")
    if again:
        assert resumed.settle(CALL, SPEC, ASK, value_for(resumed), "step-1")[0].verdict == "allow"
    else:
        with pytest.raises(Rejected, match="AG173: notify may have been done already"):
            resumed.settle(CALL, SPEC, ASK, value_for(resumed), "step-1")


def test_without_apply_an_approved_call_still_waits(store: Store) -> None:
    session = session_of(store)
    effects = Effects(session, "r1", "f")
    with pytest.raises(Parked) as parked:
        effects.settle(CALL, SPEC, ASK, value_for(effects), "k")
    answer(session, parked.value)
    session.apply = False

    with pytest.raises(Parked, match="--apply"):
        effects.settle(CALL, SPEC, ASK, value_for(effects), "k")


def test_other_guardrails_ask_again(store: Store) -> None:
    session = session_of(store)
    effects = Effects(session, "r1", "f")
    with pytest.raises(Parked) as parked:
        effects.settle(CALL, SPEC, ASK, value_for(effects), "k")
    answer(session, parked.value)
    effects.session = session_of(store, approvers=("local", "ssh:lead"))

    with pytest.raises(Parked):
        effects.settle(CALL, SPEC, ASK, value_for(effects), "k")


def test_a_no_ends_it(store: Store) -> None:
    session = session_of(store)
    effects = Effects(session, "r1", "f")
    with pytest.raises(Parked) as parked:
        effects.settle(CALL, SPEC, ASK, value_for(effects), "k")
    desk = Desk.of(session.store, session.audit)
    desk.reject(parked.value.ask, person=Person("local:ana", "unsigned"), reason="by phone")

    with pytest.raises(Rejected, match="by phone"):
        effects.settle(CALL, SPEC, ASK, value_for(effects), "k")


def test_an_ask_that_came_to_nothing_ends_the_run_that_asked(store: Store) -> None:
    session = session_of(store)
    effects = Effects(session, "r1", "f")
    with pytest.raises(Parked) as parked:
        effects.settle(CALL, SPEC, ASK, value_for(effects), "k")
    desk = Desk.of(session.store, session.audit)
    desk.approvals.void(parked.value.ask, "the guardrails changed")

    with pytest.raises(Rejected, match="is void: the guardrails changed"):
        effects.settle(CALL, SPEC, ASK, value_for(effects), "k")
    later = Effects(session, "r2", "f")
    with pytest.raises(Parked):
        later.settle(CALL, SPEC, ASK, value_for(later), "k")


def test_asks_of_an_incident_that_is_gone_are_closed(store: Store) -> None:
    session = session_of(store)
    effects = Effects(session, "r1", "f")
    with pytest.raises(Parked) as parked:
        effects.settle(CALL, SPEC, ASK, value_for(effects), "k")
    desk = Desk.of(session.store, session.audit)

    desk.close(store.runs_of(["f"]), "the incident is gone")

    assert desk.approvals.one(parked.value.ask.id).state == "void"
    assert desk.approvals.pending() == ()
    assert session.audit.records("r1")[-1]["action"] == "approval.void"


def test_the_engine_sees_where_the_value_goes() -> None:
    assert "confirm" in offered(SPEC).input_schema["properties"]
    assert offered(registry()["read_file"]) == registry()["read_file"]


def test_input_that_is_too_long_is_refused_and_kept_nowhere(store: Store) -> None:
    session = session_of(store)
    boundary = Boundary(
        cast(Any, SimpleNamespace(edits={}, report=None)),
        {"read_file": registry()["read_file"]},
        lambda *_: Decision("allow", "AG000", "fine"),
        lambda _: Decision("allow", "AG000", "fine"),
        Journal(store, "r1"),
        session.stream,
        session.audit,
        "a/scripted",
    )
    long = "z" * (INPUT_CAP_BYTES + 1)

    result = boundary.call(ToolCall("c", "read_file", {"path": long}))

    assert result.is_error
    assert "do it in parts" in result.content["error"]
    kept = str(session.audit.records("r1")) + str(Journal(store, "r1").steps())
    assert "z" * 1000 not in kept


def test_waiting_for_a_person_stops_both_clocks() -> None:
    day = 24 * 3600.0
    times = {"now": "2026-01-02T00:10:00+00:00"}

    def budget(waited_s: float) -> Budget:
        return Budget(
            Limits(duration_s=1800),
            "2026-01-01T00:00:00+00:00",
            lambda: times["now"],
            deadline="2026-01-01T00:30:00+00:00",
            waited_s=waited_s,
        )

    assert budget(0.0).exceeded() is not None
    assert budget(day).exceeded() is None
    assert budget(day).usage().duration_s == 600
    times["now"] = "2026-01-02T00:31:00+00:00"
    assert budget(day).exceeded() is not None


def test_what_other_processes_spend_today_counts_while_they_spend(store: Store) -> None:
    store.start_run("r2", incident="g", inputs_hash="h", agent="a")

    def budget(run_id: str, *, free: bool = False) -> Budget:
        return Budget(
            Limits(cost_usd_per_day=1.0),
            clock(),
            clock,
            lambda: store.cost_usd_since("2026-01-01", but=run_id),
            lambda cost: store.spend(run_id, cost),
            free=free,
        )

    mine, other = budget("r1"), budget("r2")
    mine.spend(Usage(cost_usd=0.6))
    assert other.exceeded() is None
    other.spend(Usage(cost_usd=0.5))

    for one in (mine, other, budget("r3")):
        spent = one.exceeded()
        assert spent is not None
        assert "cost_usd_per_day" in spent.reason
    assert budget("r3", free=True).exceeded() is None
