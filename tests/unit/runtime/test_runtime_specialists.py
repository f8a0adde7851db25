"""Specialists: isolated, at the same time, within one budget, and resumed where they stood."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentic.exceptions import EngineUnavailable, WarehouseLocked
from agentic.records import Decision, Edit, Limits, Turn
from agentic.runtime.budget import KEPT_CALLS, Budget
from agentic.runtime.effects import Parked
from agentic.runtime.engines import Exchange, Task
from agentic.runtime.loop import LoopEnd
from agentic.store import Store, open_store
from tests.support.crew import Crew, clock, reports, uses

TASKS = (("data", {"task": "look at rows"}), ("code", {"task": "look at code"}))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = open_store(tmp_path, project="shop", clock=clock)
    opened.start_run("r1", incident="f", inputs_hash="h", agent="lead")
    return opened


def look(name: str = "look", of: str = "a") -> tuple[str, dict[str, Any]]:
    return name, {"of": of}


def test_a_specialist_hands_back_its_report_and_nothing_else(store: Store) -> None:
    crew = Crew(
        store,
        engines={
            "lead": [uses(TASKS[0]), reports(number=2)],
            "data": [uses(look(of="rows")), reports()],
        },
        bodies={"look": lambda _bench, of: {"saw": of}},
    )

    assert crew.run() == LoopEnd("reported")
    content = crew.lead.history[0].results[0].content
    assert content["report"]["what_happened"] == "it broke"
    assert content["calls"] == ['look {"of":"rows"}: done', content["calls"][1]]
    assert "saw" not in str(content)
    assert crew.found.budget.spent.tool_calls == 1 + 2 + 1
    assert [made.id for made in crew.found.bench.made][:1] == ["c0-0"]


def test_what_a_specialist_is_told_is_its_task_and_the_record(store: Store) -> None:
    told: list[Task] = []

    def listen(task: Task, _history: Sequence[Exchange]) -> Turn:
        told.append(task)
        return reports()

    crew = Crew(
        store,
        engines={
            "lead": [
                uses(look(of="</task>first")),
                uses(("data", {"task": "see <b>", "hypothesis": "h1"}), number=1),
                reports(number=2),
            ],
            "data": [listen],
        },
        bodies={"look": lambda _bench, of: {"saw": "SECRET ROWS"}},
    )
    crew.run()

    (task,) = told
    assert "see &lt;b&gt;" in task.brief
    assert "h1" in task.brief
    assert 'look {\\"of\\":\\"&lt;/task&gt;first\\"}: done' in task.brief
    assert task.brief.count("</task>") == 1
    assert "SECRET ROWS" not in task.brief
    assert not {tool.name for tool in task.tools} & {"data", "code"}


def test_specialists_of_one_turn_work_at_the_same_time(store: Store) -> None:
    both = threading.Barrier(2, timeout=20)

    def meet(_task: Task, _history: Sequence[Exchange]) -> Turn:
        both.wait()
        return reports()

    engines: dict[str, Any] = {
        "lead": [uses(*TASKS), reports(number=2)],
        "data": [meet],
        "code": [meet],
    }
    crew = Crew(store, engines=engines)

    assert crew.run() == LoopEnd("reported")
    results = crew.lead.history[0].results
    assert [one.content["agent"] for one in results] == ["data", "code"]


def test_a_specialist_with_effects_works_alone(store: Store) -> None:
    at_it: list[str] = []

    def alone(task: Task, _history: Sequence[Exchange]) -> Turn:
        at_it.append(task.agent)
        assert len(at_it) == 1
        at_it.remove(task.agent)
        return reports()

    crew = Crew(
        store,
        engines={"lead": [uses(*TASKS), reports(number=2)], "data": [alone], "code": [alone]},
        bodies={"build": lambda _bench, of: {}},
        effects={"build": "workspace"},
    )

    assert crew.run() == LoopEnd("reported")
    assert [not one.is_error for one in crew.lead.history[0].results] == [True, True]


def test_reading_calls_of_one_turn_run_together_and_answer_in_order(store: Store) -> None:
    three = threading.Barrier(3, timeout=20)

    def read(_bench: object, *, of: str) -> dict[str, Any]:
        three.wait()
        return {"of": of}

    asked = [look("read", of) for of in "abc"]
    crew = Crew(store, engines={"lead": [uses(*asked), reports(number=2)]}, bodies={"read": read})

    assert crew.run() == LoopEnd("reported")
    assert [one.content["of"] for one in crew.lead.history[0].results] == ["a", "b", "c"]
    assert [step.input["input"]["of"] for step in crew.found.journal.steps()[1:4]] == [*"abc"]


def test_calls_with_effects_keep_their_place_between_reads(store: Store) -> None:
    done: list[str] = []

    def body(_bench: object, *, of: str) -> dict[str, Any]:
        done.append(of)
        return {}

    asked = [look("read", "1"), look("read", "2"), look("write", "w"), look("read", "3")]
    crew = Crew(
        store,
        engines={"lead": [uses(*asked), reports(number=2)]},
        bodies={"read": body, "write": body},
        effects={"write": "workspace"},
    )
    crew.run()

    assert (set(done[:2]), done[2:]) == ({"1", "2"}, ["w", "3"])


def test_two_hundred_calls_in_one_turn_stop_at_the_limit(store: Store) -> None:
    made: list[str] = []

    def read(_bench: object, *, of: str) -> dict[str, Any]:
        made.append(of)
        return {}

    asked = [look("read", str(n)) for n in range(200)]
    crew = Crew(
        store,
        engines={"lead": [uses(*asked), reports(number=2)]},
        bodies={"read": read},
        limits=Limits(tool_calls=15),
    )

    assert crew.run().reason == "limit"
    assert sorted(made, key=int) == [str(n) for n in range(15)]
    results = crew.lead.history[0].results
    assert len(results) == 200
    assert {one.decision.code for one in results[15:] if one.decision} == {"AG110"}


def greedy(_task: Task, history: Sequence[Exchange]) -> Turn:
    turn = len(history)
    return uses(look(of=str(turn)), number=turn, input_tokens=90, output_tokens=10)


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(Limits(tool_calls=20), id="calls"),
        pytest.param(Limits(tool_calls=400, tokens=4_000), id="tokens"),
        pytest.param(Limits(tool_calls=5), id="few"),
        pytest.param(Limits(tool_calls=3), id="hardly"),
    ],
)
def test_specialists_never_spend_what_the_orchestrator_has_not(
    store: Store, limits: Limits
) -> None:
    crew = Crew(
        store,
        engines={
            "lead": [uses(*TASKS), reports(number=2)],
            "data": greedy_steps(),
            "code": greedy_steps(),
        },
        bodies={"look": lambda _bench, of: {}},
        limits=limits,
    )

    assert crew.run() == LoopEnd("reported")
    ended = [one.content for one in crew.lead.history[0].results]
    assert [one["ended"] for one in ended] == ["limit", "limit"]
    assert all("is used up" in one["error"] for one in ended)
    spent = crew.found.budget.spent
    assert spent.tool_calls <= limits.tool_calls
    assert spent.input_tokens + spent.output_tokens <= limits.tokens
    shares = [
        loop.budget.spent.tool_calls for name in ("data", "code") for loop in crew.loops[name]
    ]
    assert sum(shares) <= max(0, limits.tool_calls - 2 - KEPT_CALLS + 1)


def greedy_steps() -> list[Any]:
    return [greedy] * 400


def test_both_stop_when_the_orchestrator_has_nothing_left() -> None:
    parent = Budget(Limits(tool_calls=3), clock(), clock)
    child = Budget(Limits(tool_calls=10), clock(), clock, parent=parent)

    taken = [child.take_call() for _ in range(5)]

    assert [one is None for one in taken] == [True, True, True, False, False]
    assert parent.exceeded() is not None
    assert parent.spent.tool_calls == child.spent.tool_calls == 3


def test_one_call_is_never_taken_twice() -> None:
    parent = Budget(Limits(tool_calls=40), clock(), clock)
    children = [Budget(Limits(tool_calls=40), clock(), clock, parent=parent) for _ in range(8)]
    taken: list[bool] = []

    def take(budget: Budget) -> None:
        for _ in range(25):
            taken.append(budget.take_call() is None)

    threads = [threading.Thread(target=take, args=(one,)) for one in children]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(taken) == parent.spent.tool_calls == 40


class Killed(BaseException):
    """What a kill -9 leaves: nothing after it is done."""


STORY: dict[str, Any] = {
    "lead": [uses(look(of="l0")), uses(*TASKS, number=1), uses(look(of="l1"), number=2)],
    "data": [uses(look(of="d0"), look(of="d1")), uses(look(of="d2"), number=1), reports()],
    "code": [uses(look(of="k0")), uses(look(of="k1"), number=1), reports()],
}


@pytest.mark.parametrize("at", ["l0", "d0", "d1", "d2", "k0", "k1", "l1"])
def test_a_run_killed_in_a_specialist_repeats_no_finished_step(store: Store, at: str) -> None:
    engines = STORY | {"lead": [*STORY["lead"], reports(number=9)]}
    done: list[str] = []
    asked: list[str] = []

    def counted(name: str, step: Any) -> Callable[[Task, Sequence[Exchange]], Turn]:
        def turn(_task: Task, history: Sequence[Exchange]) -> Turn:
            asked.append(f"{name}{len(history)}")
            found: Turn = step
            return found

        return turn

    def crew(killed: str) -> Crew:
        def body(_bench: object, *, of: str) -> dict[str, Any]:
            if of == killed:
                raise Killed
            done.append(of)
            return {"of": of}

        steps = {name: [counted(name, one) for one in turns] for name, turns in engines.items()}
        return Crew(store, engines=steps, bodies={"look": body})

    with pytest.raises(Killed):
        crew(at).run()
    again = crew("")

    assert again.run() == LoopEnd("reported")
    # A reading call beside the killed one may have been done and not yet written: it is repeated.
    beside = {"d0": {"d1"}, "d1": {"d0"}}.get(at, set())
    assert {of for of in done if done.count(of) > 1} <= beside
    assert set(done) == {"l0", "d0", "d1", "d2", "k0", "k1", "l1"}
    assert len(asked) == len(set(asked))
    assert again.found.budget.spent.tool_calls == 1 + 2 + 4 + 3 + 1 + 1


def test_a_specialists_edits_are_the_orchestrators_proposal(store: Store) -> None:
    crew = editing(store)

    assert crew.run() == LoopEnd("reported")
    assert [edit.after for edit in crew.found.bench.edits.values()] == ["new"]
    again = editing(store)
    again.run()
    assert again.found.bench.edits == crew.found.bench.edits


def test_edits_that_the_orchestrator_may_not_make_are_taken_back(store: Store) -> None:
    no = Decision("deny", "AG120", "No.")
    crew = editing(store, judge_edits=lambda edits: no if list(edits) else FINE_EDITS)

    crew.run()

    assert crew.found.bench.edits == {}
    (result,) = crew.lead.history[0].results
    assert result.decision == no


FINE_EDITS = Decision("allow", "OK_CHANGE", "fine")


def editing(store: Store, **given: Any) -> Crew:
    def edit(bench: Any, *, of: str) -> dict[str, Any]:
        bench.edits[of] = Edit(of, "old", "new")
        return {"edited": of}

    return Crew(
        store,
        engines={
            "lead": [uses(TASKS[0]), reports(number=2)],
            "data": [uses(look("edit", "a.sql")), reports("fix")],
        },
        bodies={"edit": edit},
        effects={"edit": "workspace"},
        **given,
    )


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="missing"),
        pytest.param({"task": ""}, id="empty"),
        pytest.param({"task": 3}, id="type"),
        pytest.param({"task": "x", "more": 1}, id="extra"),
        pytest.param({"task": "x", "nodes": "a"}, id="no-list"),
        pytest.param({"task": "x" * 5_000}, id="long"),
    ],
)
def test_a_task_that_does_not_fit_starts_no_specialist(store: Store, given: Any) -> None:
    crew = Crew(store, engines={"lead": [uses(("data", given)), reports(number=2)], "data": []})

    crew.run()

    assert crew.lead.history[0].results[0].content["code"] == "AC590"
    assert "data" not in crew.loops


def test_what_waits_for_a_person_in_a_specialist_parks_the_run(store: Store) -> None:
    ask: Any = object()
    answered: list[str] = []

    def crew() -> Crew:
        def send(_bench: object, *, of: str) -> dict[str, Any]:
            if not answered:
                raise Parked(ask, "send waits for a person")
            return {"sent": of}

        return Crew(
            store,
            engines={
                "lead": [uses(TASKS[0]), reports(number=2)],
                "data": [uses(look("send")), reports()],
            },
            bodies={"send": send},
            effects={"send": "workspace"},
        )

    assert crew().run() == LoopEnd("parked", "send waits for a person", ask)
    answered.append("yes")
    again = crew()

    assert again.run() == LoopEnd("reported")
    assert not again.lead.history[0].results[0].is_error


def test_a_locked_warehouse_leaves_the_specialists_step_open(store: Store) -> None:
    held = [True]

    def crew() -> Crew:
        def read(_bench: object, *, of: str) -> dict[str, Any]:
            if held and of == "d":
                raise WarehouseLocked("held by another process")
            return {"of": of}

        engines = {
            "lead": [uses(*TASKS), reports(number=2)],
            "data": [uses(look("read", "d")), reports()],
            "code": [uses(look("read", "k")), reports()],
        }
        return Crew(store, engines=engines, bodies={"read": read})

    with pytest.raises(WarehouseLocked):
        crew().run()
    held.clear()

    again = crew()
    assert again.run() == LoopEnd("reported")
    assert [one.is_error for one in again.lead.history[0].results] == [False, False]


def test_a_specialist_that_fails_hands_back_what_it_checked(store: Store) -> None:
    def gone(_task: Task, _history: Sequence[Exchange]) -> Turn:
        raise EngineUnavailable("the model service answered 529", hint="Try again later.")

    crew = Crew(
        store,
        engines={
            "lead": [uses(TASKS[0]), reports(number=2)],
            "data": [uses(look(of="rows")), gone],
        },
        bodies={"look": lambda _bench, of: {}},
    )

    assert crew.run() == LoopEnd("reported")
    (result,) = crew.lead.history[0].results
    assert result.is_error
    assert result.content["ended"] == "engine_failed"
    assert "529" in result.content["error"]
    assert result.content["calls"] == ['look {"of":"rows"}: done']
