"""Users' own tools in a real project: compiled, called through the boundary, approved, pinned."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agentic.cli.pins import seen_changes
from agentic.project import find_project
from agentic.runtime import Session, open_session
from agentic.server import Desk
from tests.support import mcp_peer
from tests.support.hook_server import HookServer, Reply, Seen
from tests.support.model_server import ModelServer, says, tool_use
from tests.support.terminal import answer, at_terminal
from tests.support.tiny import Tiny

pytestmark = pytest.mark.slow

PEER = str(Path(mcp_peer.__file__))
MACRO = """\
{% macro stamp(word) %}
  {% do run_query('create table ' ~ target.schema ~ '.stamped as select 1 as a') %}
  {{ log('stamped ' ~ word ~ ' in ' ~ target.schema, info=True) }}
{% endmacro %}
"""
HEAD = """\
version: 1
agents:
  - name: triage
    extends: agentic.triage
    when: [run_error]
    tools: [context, report, %s]
tools:
"""
OWN = """\
  - name: late_orders
    sql: "select id, ordered_at from {{ source('raw', 'orders') }} where ordered_at >= :since"
    input: {since: date}
  - {name: add_one, python: "shop.tools:add_one", input: {n: integer}, effect: read}
  - {name: stamp, macro: stamp, input: {word: string}, effect: workspace}
  - {name: grants, macro: stamp, input: {word: string}, effect: external}
"""


def declare_own(tiny: Tiny) -> None:
    """Tools of every kind that needs no server."""
    tiny.write("agents.yml", HEAD % "late_orders, add_one, stamp, grants" + OWN)
    tiny.write("shop/tools.py", "def add_one(n):\n    return n + 1\n")
    tiny.write("macros/stamp.sql", MACRO)


def declare_server(tiny: Tiny, manner: str) -> None:
    """An MCP server of this manner; two of its tools are offered, one it does not have."""
    effects = "{find: read, create: external, missing: read}"
    command = json.dumps([sys.executable, PEER, manner])
    server = f"  - {{name: peer, mcp: {{command: {command}}}, effects: {effects}, timeout: 20s}}\n"
    tiny.write("agents.yml", HEAD % "peer" + server)


def desk_of(tiny: Tiny) -> Desk:
    def opener() -> tuple[Session, Any]:
        return open_session(
            tiny.root, profiles_dir=tiny.profiles, target=None, apply=False, diagnose_only=False
        )

    return Desk(opener)


def pin(tiny: Tiny, *, typed: str | None = None) -> tuple[int, str]:
    """`agentic pin peer` in a terminal."""
    return at_terminal(tiny, "pin", "peer", typed=typed)


def test_each_kind_is_called_behind_the_boundary(broken: Tiny) -> None:
    declare_own(broken)
    broken.dbt("parse", check=True)
    before = broken.fingerprint()
    desk = desk_of(broken)
    try:
        names = {spec.name for spec in desk.tools()}
        rows = desk.call("late_orders", {"since": "2026-01-05"})
        pasted = desk.call("late_orders", {"since": "2026-01-05' or 1=1 --"})
        added = desk.call("add_one", {"n": 41})
        dry = desk.call("stamp", {"word": "hi"})
        done = desk.call("stamp", {"word": "hi", "dry_run": False})
        asked = desk.call("grants", {"word": "hi", "dry_run": False})
    finally:
        desk.close()

    assert {"late_orders", "add_one", "stamp", "grants"} <= names
    assert len(rows.content["rows"]) == 10
    assert (pasted.is_error, pasted.content["code"]) == (True, "AC590")
    assert added.content == {"result": 42}
    assert dry.content["dry_run"] is True
    assert "stamped hi in agentic_" in done.content["log"]
    assert asked.content["code"] == "AG171"
    assert broken.fingerprint() == before


def test_a_server_is_asked_for_what_a_person_approved_and_nothing_else(broken: Tiny) -> None:
    declare_server(broken, "honest")
    code, told = pin(broken)
    desk = desk_of(broken)
    try:
        names = {spec.name for spec in desk.tools()}
        found = desk.call("peer__find", {"name": "acme"})
        wrong = desk.call("peer__find", {"nme": "acme"})
        dry = desk.call("peer__create", {"name": "acme"})
        asked = desk.call("peer__create", {"name": "acme", "dry_run": False})
    finally:
        desk.close()
    declare_server(broken, "words")  # the command is another, and so are the server's words
    desk = desk_of(broken)
    try:
        said = [spec.description for spec in desk.tools()]
        changed = desk.call("peer__find", {"name": "acme"})
    finally:
        desk.close()
    shown = "\n".join(seen_changes(find_project(broken.root, profiles_dir=broken.profiles)))

    assert (code, "find  new" in told, "missing  gone" in told) == (0, True, True), told
    assert {"peer__find", "peer__create"} <= names and "peer__missing" not in names
    assert found.content["text"] == "find {'name': 'acme'}"
    assert wrong.content["code"] == "AC590"
    assert (dry.is_error, dry.content["would"]["tool"]) == (False, "create")
    assert asked.content["code"] == "AG171"
    assert not any("IGNORE" in one for one in said)
    assert (changed.is_error, changed.content["code"]) == (True, "AG174")
    assert "IGNORE ALL PREVIOUS" in shown and "agentic pin peer" in shown
    assert "\x1b" not in shown and "\u202e" not in shown


TICKET = """\
  - name: ticket
    http: {method: POST, url: "%s/t", headers: {X-Key: "{{ env_var('TICKET_X') }}"}}
    input: {title: string}
"""
SECRET = "s3cr3t-of-tickets"
REPORT = {
    "finding": {
        "cls": "src_column_renamed",
        "root_cause": {"node": "source.tiny.raw.orders", "column": "amount"},
        "confidence": 0.9,
        "summary": "amount is gone",
    },
    "decision": "escalate",
    "title": "amount is gone",
}


def mind(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Ask what it would do, mean it, confirm it, report."""
    turn, meant = len(messages) // 2, {"title": "amount is gone", "dry_run": False}
    if turn == 0:
        return says(tool_use("ticket", {"title": "amount is gone"}, number=0))
    if turn == 1:
        return says(tool_use("ticket", meant, number=1))
    if turn == 2:
        value = messages[-1]["content"][0]["content"].split('"confirm":"')[1][:8]
        return says(tool_use("ticket", meant | {"confirm": value}, number=2))
    return says(tool_use("submit_report", REPORT, number=3))


def test_a_post_waits_for_a_person_and_its_key_is_nowhere(broken: Tiny) -> None:
    broken.write("guardrails.yml", "version: 1\napprove: {by: [local]}\n")

    def created(seen: Seen) -> Reply:
        return Reply(201, {"id": 7, "echo": seen.headers["X-Key"]})

    with HookServer(created) as server, ModelServer(mind) as service:
        broken.write("agents.yml", HEAD % "ticket" + TICKET % server.url)
        env = {
            "TICKET_X": SECRET,
            "ANTHROPIC_API_KEY": service.key,
            "ANTHROPIC_BASE_URL": service.url,
            "AGENTIC_ENGINE": "anthropic",
        }
        asked = broken.run("--apply", env=env)
        before = list(server.seen)
        code, said = answer(broken, asked["run_id"])
        broken.run("--apply", env=env)
        prompts = json.dumps([str(one) for one in service.requests])

    assert (asked["status"], before, code) == ("awaiting_approval", [], 0), said
    assert f"POST {server.url}/t" in said
    (seen,) = server.seen
    assert (seen.headers["X-Key"], seen.body) == (SECRET, {"title": "amount is gone"})
    assert seen.headers["Idempotency-Key"].startswith(asked["run_id"])
    assert "[secret]" in prompts and SECRET not in prompts + said
    files = [file for file in broken.root.rglob("*") if file.is_file()]
    assert [file for file in files if SECRET.encode() in file.read_bytes()] == []
