"""`agentic mcp` as an MCP client sees it: the protocol's own SDK on the other end of a pipe."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters, types

from tests.support.tiny import Tiny, clean_environment

pytestmark = pytest.mark.slow

MAIN = "from agentic.cli.entry import main; main()"
Talk = Callable[[Client], Awaitable[Any]]


def talk(tiny: Tiny, what: Talk, *arguments: str) -> Any:
    """Start `agentic mcp` in the project, do `what` with a client, and stop it."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-c", MAIN, "mcp", "--profiles-dir", str(tiny.profiles), *arguments],
        cwd=str(tiny.root),
        env=clean_environment(),
    )

    async def run() -> Any:
        async with Client(server, read_timeout_seconds=120) as client:
            return await what(client)

    return asyncio.run(run())


async def call(client: Client, name: str, /, **given: Any) -> tuple[Any, bool]:
    answer = await client.call_tool(name, given)
    (said,) = answer.content
    assert isinstance(said, types.TextContent)
    return json.loads(said.text), bool(answer.is_error)


def test_a_client_finds_the_cause_and_proposes_a_proved_change(broken: Tiny) -> None:
    before = broken.fingerprint()

    async def work(client: Client) -> dict[str, Any]:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        wrong = [
            await call(client, "take_incident", fingerprint="no-such"),
            await call(client, "get_schema", node=3),
            await call(client, "run_sql", sql="drop table orders"),
        ]
        listed, _ = await call(client, "list_incidents")
        (incident, *_) = listed["incidents"]
        await call(client, "take_incident", fingerprint=incident["fingerprint"])
        found, _ = await call(client, "diagnose")
        cause = found["finding"]["root_cause"]
        edited, failed = await call(
            client,
            "rename_column",
            node="stg_orders",
            old=cause["column"],
            new=cause["observed"],
            parent=cause["node"],
        )
        denied, refused = await call(
            client,
            "create_model",
            path=".github/workflows/ci.yml",
            text="on: push",
        )
        unknown, no_such = await call(client, "drop_table", relation="orders")
        report = {key: found["finding"][key] for key in ("cls", "confidence", "summary")}
        run, broke = await call(
            client,
            "submit_report",
            finding=report | {"root_cause": cause},
            decision="fix",
            title="fix(stg_orders): read the new name",
        )
        return {
            "tools": tools,
            "wrong": wrong,
            "edited": (edited, failed),
            "denied": (denied, refused),
            "unknown": (unknown, no_such),
            "run": (run, broke),
        }

    seen = talk(broken, work)

    assert {"list_incidents", "diagnose", "get_schema", "edit_file"} <= set(seen["tools"])
    assert seen["tools"]["get_schema"].annotations.read_only_hint is True
    assert seen["tools"]["edit_file"].annotations.read_only_hint is False
    assert [failed for _, failed in seen["wrong"]] == [True, True, True]
    assert "fingerprint" in seen["wrong"][0][0]["error"]
    assert seen["edited"][1] is False
    assert seen["denied"][1] is True
    assert seen["denied"][0]["verdict"] == "deny"
    assert seen["unknown"][0]["code"] == "AG100"
    run, broke = seen["run"]
    assert (broke, run["decision"], run["engine"]) == (False, "fix", "mcp")
    assert run["proposal"]["files"]
    assert {check["result"] for check in run["checks"]} <= {"pass", "warn", "not_compared"}
    assert broken.fingerprint() == before
    audited = broken.agentic("debug", "--audit")
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_the_same_over_http_and_for_this_machine_alone(broken: Tiny) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = subprocess.Popen(
        [sys.executable, "-c", MAIN, "mcp", "--http", str(port), "--profiles-dir", broken.profiles],
        cwd=broken.root,
        env=clean_environment(),
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/mcp"

    async def ask() -> Any:
        async with Client(url, read_timeout_seconds=120) as client:
            answer = await call(client, "list_incidents")
        # The handshake that today's clients begin with.
        async with Client(url, read_timeout_seconds=120, mode="legacy") as client:
            await client.send_ping()
            for method in (client.list_resources, client.list_prompts):
                with pytest.raises(MCPError, match="Method not found"):
                    await method()
            return answer

    try:
        wait_for(port, started)
        listed, failed = asyncio.run(ask())
        elsewhere = httpx2.post(url, headers={"Host": "evil.example"}, json={})
    finally:
        started.terminate()
        started.wait()

    assert (failed, len(listed["incidents"])) == (False, 1)
    assert elsewhere.status_code in (403, 421)


INSPECTED: list[tuple[str, dict[str, Any] | None]] = [
    ("tools/list", {}),
    ("resources/list", {}),
    ("resources/templates/list", {}),
    ("prompts/list", {}),
    ("ping", None),
    ("logging/setLevel", {"level": "debug"}),
    ("tools/call", {"name": "system_map", "arguments": {}}),
    ("tools/call", {"name": "no_such_tool", "arguments": {}}),
    ("tools/call", {"arguments": {}}),
    ("no/such", {}),
]
"""What Claude Code and the inspector's command line ask, and what nobody should."""


def test_a_client_that_asks_as_claude_code_and_the_inspector_do(broken: Tiny) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "mcp", "--profiles-dir", str(broken.profiles)],
        cwd=broken.root,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def ask(number: int | None, method: str, params: dict[str, Any] | None) -> dict[str, Any]:
        assert process.stdin and process.stdout
        message = {"jsonrpc": "2.0", "method": method}
        more = {"id": number} if number is not None else {}
        given = {"params": params} if params is not None else {}
        process.stdin.write(json.dumps({**message, **more, **given}) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline()) if more else {}
        return answer

    client = {"name": "claude-code", "version": "2.0"}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {"roots": {}}, "clientInfo": client}
    try:
        met = ask(0, "initialize", hello)["result"]
        ask(None, "notifications/initialized", None)
        answers = [ask(number, *one) for number, one in enumerate(INSPECTED, start=1)]
    finally:
        process.stdin.close()  # type: ignore[union-attr] # a pipe
        code = process.wait(60)

    assert (met["protocolVersion"], set(met["capabilities"])) == ("2025-06-18", {"tools"})
    assert code == 0
    tools, *refused, ping, level, shown, unknown, nameless, no_such = answers
    assert [one["error"]["code"] for one in (*refused, level, no_such)] == [-32601] * 5
    assert (ping["result"], shown["result"]["isError"]) == ({}, False)
    assert (unknown["result"]["isError"], nameless["error"]["code"]) == (True, -32602)
    for tool in tools["result"]["tools"]:
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool["name"])
        assert tool["inputSchema"]["type"] == "object"
        assert len(tool["description"]) > 20


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until it listens. Raises AssertionError when it ended or does not come up in two minutes."""
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError("the server does not listen")
