"""The MCP client against servers by the official SDK, over both transports, most hostile."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentic.exceptions import ServiceError
from agentic.integrations.mcp_client import Changed, Pin, ServerAt, Servers
from agentic.project import tool_environment
from tests.support import mcp_peer
from tests.support.hook_server import HookServer, Reply

pytestmark = pytest.mark.slow

PEER = str(Path(mcp_peer.__file__))


def at(manner: str, **env: str) -> ServerAt:
    return ServerAt("peer", (sys.executable, PEER, manner), env={**tool_environment(), **env})


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    opened = Servers(tmp_path, start_s=60.0)
    yield opened
    opened.close()


def said(servers: Servers, server: ServerAt, name: str, pin: Pin, timeout_s: float = 60.0) -> str:
    answer = servers.call(server, pin, {"name": name}, timeout_s=timeout_s)
    assert answer["server"] == "peer"
    return str(answer["text"])


def test_an_honest_one_is_heard_and_can_ask_for_nothing(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "DBT_PASSWORD", "PGPASSWORD", "SOME_TOKEN"):
        monkeypatch.setenv(name, "for-nobody-else")
    peer = at("adds", GIVEN="on-purpose")

    listed = servers.tools(peer, timeout_s=60.0)
    pin = Pin("find", listed[0].sha256)
    found = said(servers, peer, "acme", pin)
    with pytest.raises(ServiceError, match="fails of") as failed:
        said(servers, peer, "fails of ana@example.com", pin)
    env = said(servers, peer, "env", pin)
    long = servers.call(peer, pin, {"name": "long"}, timeout_s=60.0)

    assert [tool.name for tool in listed] == ["find", "create"]
    assert found == "find {'name': 'acme'}"
    assert "ana@example.com" not in failed.value.message
    assert "on-purpose" in env and "for-nobody-else" not in env
    assert (len(long["text"]), long["cut_off"]) == (40_000, 200_005)
    assert said(servers, peer, "asks", pin).count("refused") == 2


def test_one_that_changes_between_list_and_call_is_not_called(servers: Servers) -> None:
    peer = at("changes")
    pin = Pin("find", servers.tools(peer, timeout_s=60.0)[0].sha256)

    first = said(servers, peer, "acme", pin)
    with pytest.raises(Changed) as changed:
        said(servers, peer, "acme", pin)
    with pytest.raises(Changed) as gone:
        said(servers, peer, "acme", Pin("erase", pin.sha256))

    assert "acme" in first
    assert changed.value.now is not None
    assert "password" in json.dumps(changed.value.now.input_schema)
    assert gone.value.now is None


@pytest.mark.parametrize(
    ("name", "why", "timeout_s"),
    [
        ("floods", "more than 4,000,000 bytes", 60.0),
        ("hangs", "in time", 2.0),
        ("dies", "Connection closed", 60.0),
    ],
)
def test_one_that_floods_hangs_or_dies_is_ended_and_not_asked_again(
    servers: Servers, name: str, why: str, timeout_s: float
) -> None:
    peer = at("honest")
    pin = Pin("find", servers.tools(peer, timeout_s=60.0)[0].sha256)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(ServiceError, match=why):
        said(servers, peer, name, pin, timeout_s)
    with pytest.raises(ServiceError, match="not asked again"):
        said(servers, peer, "acme", pin)

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 40_000, "kilobytes"
    assert children_gone()


def children_gone() -> bool:
    """Whether no server of ours is left, waiting a moment for those that are ended."""
    for _ in range(100):
        task = Path(f"/proc/self/task/{os.getpid()}/children")
        if not task.exists():
            return True
        left = [pid for pid in task.read_text().split() if PEER in command(pid)]
        if not left:
            return True
        time.sleep(0.1)
    return False


def command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_what_cannot_be_started_and_what_says_nothing_is_told(tmp_path: Path) -> None:
    servers = Servers(tmp_path, start_s=3.0)
    try:
        with pytest.raises(ServiceError, match="cannot be reached"):
            servers.tools(ServerAt("none", ("no-such-program-here",)))
        with pytest.raises(ServiceError, match="no answer in time"):
            servers.tools(at("silent"))
        with pytest.raises(ServiceError, match="https"):
            servers.tools(ServerAt("plain", url="http://vendor.test/mcp"))
    finally:
        servers.close()
    assert children_gone()


def test_the_same_over_http(servers: Servers) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, PEER, "honest", str(port)])
    peer = ServerAt("peer", url=f"http://127.0.0.1:{port}/mcp", headers={"X-Key": "k"})
    try:
        wait_for(port, process)
        pin = Pin("find", servers.tools(peer, timeout_s=60.0)[0].sha256)
        found = said(servers, peer, "acme", pin)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(ServiceError, match="more than 4,000,000 bytes"):
            said(servers, peer, "floods", pin)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    finally:
        process.kill()
        process.wait()

    assert found == "find {'name': 'acme'}"
    assert grown < 40_000, "kilobytes"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(200, "no message", {"Content-Type": "application/json"}), "parse"),
        (Reply(200, "<html>", {"Content-Type": "text/html"}), "content type"),
        (Reply(200, "x", {"Content-Encoding": "gzip"}), "packed"),
        (Reply(401, {"error": "who are you"}), "error response"),
    ],
)
def test_what_is_no_server_is_told(servers: Servers, reply: Reply, why: str) -> None:
    with HookServer(lambda _: reply) as server, pytest.raises(ServiceError, match=why):
        servers.tools(ServerAt("peer", url=f"{server.url}/mcp"), timeout_s=20.0)


def test_no_redirect_is_followed_with_our_headers(servers: Servers) -> None:
    with HookServer() as elsewhere:
        moved = Reply(307, headers={"Location": f"{elsewhere.url}/mcp"})
        headers = {"Authorization": "Bearer ours"}
        with HookServer(lambda _: moved) as server, pytest.raises(ServiceError):
            servers.tools(ServerAt("peer", url=f"{server.url}/mcp", headers=headers))

    assert elsewhere.seen == []


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not listen")
