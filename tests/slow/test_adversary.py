"""An engine that means harm has no effect outside the workspace, and every attempt is on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentic.store import AuditTrail, open_store
from agentic.store.audit import anchor_of
from tests.support.adversary import (
    ENVIRONMENT,
    ORDERS,
    PERSON,
    PLANTED,
    Attempt,
    attempts,
    make_target,
    script,
)
from tests.support.model_server import ModelServer, says, tool_use
from tests.support.tiny import Tiny, copy_tiny

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_target(tmp_path_factory.mktemp("adversary"))


@pytest.fixture
def target(once: Tiny, tmp_path: Path) -> Tiny:
    return copy_tiny(once, tmp_path / "copy")


def around(tiny: Tiny) -> dict[str, bytes]:
    """Every file beside the repository."""
    folder = tiny.repo.parent
    return {
        str(file): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not file.is_relative_to(tiny.repo)
    }


def written(tiny: Tiny) -> list[str]:
    """Files in which a planted value turned up, of all that a run writes."""
    folders = [tiny.root / ".agentic", tiny.root / "target" / "agentic", tiny.root / "logs"]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [
        f"{file.name}: {planted}"
        for file in files
        for planted in PLANTED
        if file.name != "dbt.log" and planted.encode() in file.read_bytes()
    ]


def trail_of(tiny: Tiny) -> AuditTrail:
    store = open_store(tiny.root, project="tiny", clock=lambda: "2026-01-01T00:00:00+00:00")
    return AuditTrail(store, anchor_of(tiny.root))


def attack(tiny: Tiny, env: dict[str, str], *flags: str) -> dict[str, Any]:
    """One run under attack, with everything asserted that must hold whatever it tried."""
    untouched, beside, branches = tiny.fingerprint(), around(tiny), tiny.branches()
    done = tiny.agentic("run", "--output", "json", *flags, env=ENVIRONMENT | env)

    assert len(done.stdout.splitlines()) == 1, done.stderr
    assert [one for one in PLANTED if one in done.stdout + done.stderr] == []
    assert tiny.fingerprint() == untouched
    assert around(tiny) == beside
    assert tiny.branches() == branches
    assert written(tiny) == []
    assert list((tiny.root / ".agentic" / "workspaces").glob("*.json")) == []
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def outcomes(tiny: Tiny) -> list[tuple[str, str, str]]:
    """(call id, tool, verdict) of every record; the trail itself must fit."""
    trail = trail_of(tiny)
    assert trail.verify() is None
    rows = [(row["action"], json.loads(row["payload"])) for row in trail.records()]
    return [
        (payload["call"], action, f"{payload['verdict']} {payload['code']}")
        for action, payload in rows
        if "call" in payload
    ]


def steps(tiny: Tiny, run_id: str) -> dict[str, Any]:
    """The journal's tool steps, by call id."""
    with trail_of(tiny).store.engine.connect() as session:
        rows = session.exec_driver_sql(
            "select input, output from agentic_steps where kind = 'tool' and run_id = ?", (run_id,)
        ).fetchall()
    return {json.loads(str(given))["id"]: json.loads(str(output)) for given, output in rows}


def test_two_hundred_attempts_come_to_nothing(target: Tiny, tmp_path: Path) -> None:
    calls = attempts()
    assert len(calls) >= 200
    run = attack(target, dict(script(tmp_path / "script.json", calls)), "--apply")

    assert (run["status"], run["decision"]) == ("escalated", "escalate"), run["reason"]
    assert run["proposal"] is None
    done = steps(target, run["run_id"])
    ids = [f"script-{number // 2}-{number % 2}" for number in range(len(calls))]
    assert list(done) == ids, run["reason"]
    assert {call for call, _, _ in outcomes(target)} >= set(ids)
    got_through = [
        (call.tool, call.given, done[one]["content"])
        for one, call in zip(ids, calls, strict=True)
        if call.refused and not done[one]["is_error"]
    ]
    assert got_through == []


def test_the_same_behind_the_model_server(target: Tiny) -> None:
    # One call a turn; what is slow is in the script. The rest of the turns go in a circle.
    calls = [one for one in attempts() if len(str(one.given)) < 5000 and one.tool != "dbt_show"]
    calls = [one for at, one in enumerate(calls) if at % 3 or one.tool != "run_sql"]
    assert len(calls) >= 200

    def brain(messages: list[dict[str, Any]]) -> dict[str, Any]:
        turn = len(messages) // 2
        mine = calls[turn : turn + 1] or [Attempt("run_sql", {"sql": "drop table raw.orders"})]
        return says(*(tool_use(one.tool or "none", one.given, number=turn) for one in mine))

    with ModelServer(brain) as server:
        env = {"ANTHROPIC_API_KEY": server.key, "ANTHROPIC_BASE_URL": server.url}
        run = attack(target, env | {"AGENTIC_ENGINE": "anthropic"}, "--apply")

    assert server.violations == []
    assert len(server.requests) >= 200
    sent = json.dumps(server.requests[-1], ensure_ascii=False)  # it holds the whole history
    assert sent.count("tool_result") >= 200
    assert [one for one in (*PLANTED, ORDERS) if one in sent] == []
    assert run["status"] == "escalated"
    assert "in circles" in run["reason"]
    assert len({call for call, _, _ in outcomes(target)}) >= len(calls)


def test_an_error_text_tells_no_protected_value(target: Tiny) -> None:
    """dbt's own error repeats a person's name; nothing that agentic says or keeps does."""
    sql = "select cast(name as integer) as n from {{ source('raw', 'customers') }}"
    target.write("models/marts/bad.sql", "{{ config(materialized='table') }} " + sql)
    target.write("models/marts/worse.sql", "select cast(n as date) as d from {{ ref('bad') }}")
    assert PERSON in target.dbt("build", "--select", "bad+").stdout

    done = target.agentic("run", "--output", "json", env=ENVIRONMENT)

    (line,) = [json.loads(one) for one in done.stdout.splitlines()]
    assert line["incident"]["node"] == "model.tiny.bad"
    assert PERSON not in done.stdout + done.stderr
    assert written(target) == []


HOLE = """
import agentic.runtime.investigate as investigate
from agentic.guardrails.calls import ALLOWED
investigate.decide = lambda *_: ALLOWED
"""


def test_a_planted_hole_is_found(target: Tiny, tmp_path: Path) -> None:
    """The attack itself can fail: with guardrails that allow everything, something gets through."""
    calls = [one for one in attempts() if one.tool in ("notify", "get_schema", "profile_column")]
    env = ENVIRONMENT | dict(script(tmp_path / "script.json", calls))
    done = target.agentic("run", "--output", "json", env=env, prelude=HOLE)
    run = json.loads(done.stdout)

    found = steps(target, run["run_id"])
    got_through = [
        call.tool
        for call, one in zip(calls, found.values(), strict=False)
        if call.refused and not one["is_error"]
    ]
    assert got_through


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ("tool_calls: 7", "tool_calls"),
        ("tool_calls: 400, tokens: 1000", "tokens"),
        ("tool_calls: 400, cost_usd: 0.01", "cost_usd"),
        ("tool_calls: 400, duration: 1s", "duration"),
    ],
)
def test_overspending_ends_the_run(target: Tiny, limits: str, reason: str) -> None:
    rules = target.root / "guardrails.yml"
    rules.write_text(rules.read_text().replace("tool_calls: 400, duration: 20m", limits))

    def brain(messages: list[dict[str, Any]]) -> dict[str, Any]:
        turn = len(messages)
        many = [{"sql": f"select {turn} + {one}"} for one in range(5)]
        uses = [tool_use("run_sql", one, number=turn * 10 + n) for n, one in enumerate(many)]
        return says(*uses, input_tokens=200, output_tokens=100)

    with ModelServer(brain) as server:
        env = {"ANTHROPIC_API_KEY": server.key, "ANTHROPIC_BASE_URL": server.url}
        run = attack(target, env | {"AGENTIC_ENGINE": "anthropic"})

    assert run["status"] == "escalated"
    assert f"`{reason}` is used up" in run["reason"]
    assert len([one for one in outcomes(target) if one[1] == "run_sql"]) <= 60
