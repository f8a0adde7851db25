"""Each agent that can call a model, over the real SDK: prompt, tools, report, one correction.

The turns are given, so this proves that prompt, tools, report and checks fit together, and nothing
of what a model would do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from agentic.compiler.prompts import offered_tools
from agentic.events import Stream
from agentic.lineage import Graph
from agentic.records import (
    Compiled,
    CompiledAgent,
    Decision,
    Incident,
    Limits,
    ToolCall,
    ToolSpec,
)
from agentic.runtime.boundary import Boundary
from agentic.runtime.brief import brief, instructions
from agentic.runtime.budget import Budget
from agentic.runtime.engines import Task
from agentic.runtime.engines.anthropic import AnthropicEngine
from agentic.runtime.loop import Loop, LoopEnd
from agentic.store import AuditTrail, Journal, open_store
from agentic.tools import Bench
from tests.support.evaluated import compiled_at, place_names
from tests.support.model_server import ModelServer, says, tool_use
from tests.support.shop import make_manifest, make_project

NODE = "model.shop.orders"
CITED = [{"kind": "node", "ref": NODE}]
ROLES = [
    pytest.param(name, id=name, marks=pytest.mark.evaluates(name, engine="scripted"))
    for name in place_names()
]
FINDING = {
    "cls": "logic_changed",
    "root_cause": {"node": NODE},
    "confidence": 0.4,
    "summary": "The evidence is not enough.",
}


def clock() -> str:
    return "2026-01-01T00:00:00+00:00"


@pytest.fixture
def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key-123456")
    store = open_store(tmp_path, project="shop", clock=clock)
    store.start_run("r1", incident="f", inputs_hash="h", agent="a")

    def make(compiled: Compiled, agent: CompiledAgent, incident: Incident, url: str) -> Loop:
        manifest = make_manifest()
        graph = Graph(manifest)
        bench = Bench(make_project(tmp_path), manifest, graph, "duckdb", incident, cast(Any, None))
        bench.output = compiled.output_named(agent.output)
        tools = offered_tools(compiled, agent)
        journal, stream = Journal(store, "r1"), Stream(clock)
        boundary = Boundary(
            bench,
            {spec.name: spec for spec in tools},
            allow,
            lambda _: Decision("allow", "AG000", "fine"),
            journal,
            stream,
            AuditTrail(store, tmp_path / "audit.head"),
            "role/anthropic",
        )
        told = instructions(agent, incident, graph)
        task = Task(agent.name, told, brief(incident), tools, agent.model, agent.effort)
        engine = AnthropicEngine(model=agent.model, base_url=url)
        return Loop(engine, task, boundary, Budget(Limits(), clock(), clock), journal, stream)

    yield make
    store.engine.dispose()


def allow(call: ToolCall, spec: ToolSpec) -> Decision:
    return Decision("allow", "AG000", "fine")


@pytest.mark.parametrize("name", ROLES)
def test_a_role_reports_in_its_schema_and_cites_what_is_there(name: str, loop: Any) -> None:
    compiled, agent = compiled_at(name)
    output = compiled.output_named(agent.output)
    assert output is not None
    incident = asked() if not agent.when else broken()
    report = specimen(output.schema)
    given = {"decision": "escalate", "title": "nothing to change", "report": report}
    given |= {"finding": FINDING} if agent.when else {}
    made_up = given | {"report": report | {"evidence": [fact("file", "models/no_such.sql:1")]}}
    answers = [made_up, given]

    def brain(messages: list[dict[str, Any]]) -> Any:
        return says(tool_use("submit_report", answers[len(messages) // 2], number=len(messages)))

    with ModelServer(brain) as server:
        one = loop(compiled, agent, incident, server.url)
        assert one.run() == LoopEnd("reported")

    assert server.violations == []
    assert one.boundary.bench.report.report == report
    first, second = server.requests
    told = first["system"][0]["text"]
    assert "a guess is not" in told
    assert "{{" not in told and "{%" not in told
    offered = {tool["name"]: tool for tool in first["tools"]}
    assert set(agent.tools) | set(agent.delegates) == set(offered)
    shown = offered["submit_report"]["input_schema"]["properties"]["report"]
    assert set(shown["properties"]) == set(output.schema["properties"])
    assert offered["submit_report"]["strict"] is True
    assert (
        "there is no file 'models/no_such.sql'" in second["messages"][-1]["content"][0]["content"]
    )


def asked() -> Incident:
    return Incident("r", "request", "", "", "f", request="Look at orders.")


def broken() -> Incident:
    return Incident("i", "test_failure", NODE, "3 rows are wrong", "f", invocation_id="inv")


def fact(kind: str, ref: str) -> dict[str, Any]:
    return {"text": "seen", "citations": [{"kind": kind, "ref": ref}]}


def specimen(schema: dict[str, Any]) -> Any:
    """The least that fits a schema, citing one node."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return None if {"type": "null"} in schema["anyOf"] else specimen(schema["anyOf"][0])
    if schema.get("description") == "unique_id of a node":
        return NODE
    kind = schema["type"]
    if kind == "object":
        parts = schema["properties"]
        found = {key: specimen(parts[key]) for key in schema["required"]}
        return found | ({"citations": CITED} if "citations" in found else {})
    if kind == "array":
        return [specimen(schema["items"])] * schema.get("minItems", 0)
    return {"string": NODE.rpartition(".")[2], "number": 0.5, "boolean": True}.get(kind, 1)
