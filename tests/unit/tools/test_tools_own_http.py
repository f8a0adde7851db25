"""An http tool asks the host that its file names, with what it was given, and nothing else."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest

from agentic.events import Stream
from agentic.masking import mask_text
from agentic.records import Decision, OwnTool, ToolCall, dumps
from agentic.runtime.boundary import RESULT_CAP_BYTES, Boundary
from agentic.store import AuditTrail, Journal, Store, open_store
from agentic.tools import ToolError
from agentic.tools.own import Hands, bodies_of
from tests.support.hook_server import HookServer, Reply
from tests.support.own_tools import bench_at, own_tools, use

SECRET = "s3cr3t-of-the-vendor"


def vendor(root: Path, url: str, **more: str) -> OwnTool:
    """A GET tool with one input in its path."""
    rest = "".join(f", {key}: {value}" for key, value in more.items())
    http = f"{{url: '{url}/v/{{{{ vendor }}}}'{rest}}}"
    line = f"{{name: vendor, http: {http}, input: {{vendor: string}}}}"
    return own_tools(root, line)["vendor"]


def test_inputs_are_encoded_into_their_segment(tmp_path: Path) -> None:
    with HookServer(lambda _: Reply(200, {"up": True})) as server:
        tool = vendor(tmp_path, server.url)

        said = use(tool, bench_at(tmp_path), vendor="a/../b?x=1#y@z acme&c=é")

    assert said == {"status": 200, "json": {"up": True}}
    assert server.seen[0].path == "/v/a%2F..%2Fb%3Fx%3D1%23y%40z%20acme%26c%3D%C3%A9"
    assert (tool.spec.effect, tool.dry) == ("read", False)


@pytest.mark.parametrize("value", ["..", ".", ""])
def test_an_input_never_leaves_its_segment(tmp_path: Path, value: str) -> None:
    with HookServer() as server, pytest.raises(ToolError):
        use(vendor(tmp_path, server.url), bench_at(tmp_path), vendor=value)

    assert server.seen == []


def test_what_the_address_does_not_name_goes_into_the_query(tmp_path: Path) -> None:
    with HookServer() as server:
        line = f"{{name: v, http: {{url: '{server.url}/v?a=1'}}, input: {{day: date, n: integer}}}}"

        use(own_tools(tmp_path, line)["v"], bench_at(tmp_path), day="2026-01-01", n=3)

    assert server.seen[0].path == "/v?a=1&day=2026-01-01&n=3"


def test_no_redirect_is_followed(tmp_path: Path) -> None:
    with HookServer() as elsewhere:
        moved = Reply(302, headers={"Location": f"{elsewhere.url}/steal"})
        with (
            HookServer(lambda _: moved) as server,
            pytest.raises(ToolError, match="leads elsewhere"),
        ):
            use(vendor(tmp_path, server.url), bench_at(tmp_path), vendor="a")

    assert elsewhere.seen == []


def test_a_huge_answer_is_cut(tmp_path: Path) -> None:
    with HookServer(lambda _: Reply(200, "x" * 5_000_000)) as server:
        said = use(vendor(tmp_path, server.url), bench_at(tmp_path), vendor="a")

    assert said["cut_off"] is True
    assert len(dumps(said)) < RESULT_CAP_BYTES


def test_an_answer_that_never_ends_is_late(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        line = f"{{name: v, http: {{url: '{url}/v'}}, timeout: 1s}}"
        with pytest.raises(ToolError, match="does not end"):
            use(own_tools(tmp_path, line)["v"], bench_at(tmp_path))


def drip(listener: socket.socket) -> None:
    """One byte now and then, for as long as somebody listens."""
    peer, _ = listener.accept()
    with peer, contextlib.suppress(OSError):
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            peer.sendall(b"x")
            time.sleep(0.2)


def test_an_answer_that_is_nested_too_deep_is_told(tmp_path: Path) -> None:
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    with HookServer(lambda _: Reply(200, deep)) as server, pytest.raises(ToolError, match="deep"):
        use(vendor(tmp_path, server.url), bench_at(tmp_path), vendor="a")


def test_a_refusal_is_an_answer_and_a_failure_is_none(tmp_path: Path) -> None:
    replies = [Reply(404, {"error": "no such vendor"}), Reply(503, {"error": "down"})]
    with HookServer(lambda _: replies.pop(0)) as server:
        tool = vendor(tmp_path, server.url)

        said = use(tool, bench_at(tmp_path), vendor="a")
        with pytest.raises(ToolError, match="503"):
            use(tool, bench_at(tmp_path), vendor="a")

    assert said["status"] == 404


def test_a_secret_is_resolved_at_use_and_masked_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HookServer(lambda seen: Reply(200, {"you": seen.headers["X-Key"]})) as server:
        tool = vendor(tmp_path, server.url, headers="{X-Key: \"{{ env_var('VENDOR_X') }}\"}")
        with pytest.raises(ToolError, match="VENDOR_X") as missing:
            use(tool, bench_at(tmp_path), vendor="a")
        monkeypatch.setenv("VENDOR_X", SECRET)

        said = use(tool, bench_at(tmp_path), vendor="a")

    assert missing.value.code == "AC586"
    assert server.seen[0].headers["X-Key"] == SECRET
    assert "env_var" in tool.body["headers"]["X-Key"]
    assert SECRET not in mask_text(dumps(said))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = open_store(tmp_path, project="shop", clock=lambda: "2026-01-01T00:00:00+00:00")
    opened.start_run("r1", incident="f", inputs_hash="h", agent="a")
    return opened


def boundary_of(tool: OwnTool, store: Store, root: Path) -> Boundary:
    fine = Decision("allow", "AG000", "fine")
    return Boundary(
        bench_at(root, made=[]),
        {tool.name: tool.spec},
        lambda _call, _spec: fine,
        lambda _edits: fine,
        Journal(store, "r1"),
        Stream(lambda: "2026-01-01T00:00:00+00:00"),
        AuditTrail(store, root / "audit.head"),
        "triage/scripted",
        bodies=bodies_of([tool], Hands({}, "dev")),
    )


def test_a_secret_is_in_no_journal_and_no_audit(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENDOR_X", SECRET)
    echo = {"a": f"key {SECRET}", "mail": "ana@example.com"}
    with HookServer(lambda _: Reply(200, echo)) as server:
        tool = vendor(tmp_path, server.url, headers="{X-Key: \"Key {{ env_var('VENDOR_X') }}\"}")
        boundary = boundary_of(tool, store, tmp_path)

        result = boundary.call(ToolCall("c1", "vendor", {"vendor": "acme"}))
        boundary.close()

    assert server.seen[0].headers["X-Key"] == f"Key {SECRET}"
    assert not result.is_error
    folder = Path(str(store.engine.url.database)).parent
    kept = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    assert b"acme" in kept
    assert SECRET.encode() not in kept
    assert b"ana@example.com" not in kept


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="missing"),
        pytest.param({"vendor": 3}, id="type"),
        pytest.param({"vendor": "a", "url": "https://evil.test"}, id="unknown"),
        pytest.param({"vendor": "a", "bench": 1}, id="bench"),
    ],
)
def test_input_that_does_not_fit_is_never_sent(
    tmp_path: Path, store: Store, given: dict[str, Any]
) -> None:
    with HookServer() as server:
        boundary = boundary_of(vendor(tmp_path, server.url), store, tmp_path)

        result = boundary.call(ToolCall("c1", "vendor", given))

    assert server.seen == []
    assert (result.is_error, result.content["code"]) == (True, "AC590")


def test_nothing_personal_is_asked_about(tmp_path: Path) -> None:
    with HookServer() as server, pytest.raises(ToolError) as refused:
        use(vendor(tmp_path, server.url), bench_at(tmp_path), vendor="ana@example.com")

    assert (refused.value.code, server.seen) == ("AG172", [])


def order(root: Path, url: str) -> OwnTool:
    body = "{to: '{{ to }}', n: '{{ n }}', note: 'for {{ to }}'}"
    line = (
        f"{{name: order, http: {{method: POST, url: '{url}/orders', body: {body}}}, "
        "input: {to: string, n: integer}}"
    )
    return own_tools(root, line)["order"]


def test_a_post_is_external_and_dry_until_it_is_meant(tmp_path: Path) -> None:
    with HookServer(lambda _: Reply(201, {"id": 7})) as server:
        tool = order(tmp_path, server.url)
        dry = use(tool, bench_at(tmp_path), to='a"b', n=2)
        sent_dry = list(server.seen)

        said = use(tool, bench_at(tmp_path), to='a"b', n=2, dry_run=False)

    assert tool.spec.effect == "external"
    assert tool.spec.input_schema["properties"]["dry_run"]["default"] is True
    assert (dry["dry_run"], sent_dry) == (True, [])
    assert dry["would"]["input"] == {"to": 'a"b', "n": 2}
    assert said == {"status": 201, "json": {"id": 7}}
    (seen,) = server.seen
    assert seen.body == {"to": 'a"b', "n": 2, "note": 'for a"b'}
    assert seen.headers["Idempotency-Key"] == "step-1"


def test_the_description_shows_the_reference_and_not_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENDOR_BASE", "https://vendor.test/base")
    line = "{name: v, description: Asks., http: {url: \"{{ env_var('VENDOR_BASE') }}/v\"}}"

    tool = own_tools(tmp_path, line)["v"]

    assert tool.spec.description == "Asks. (GET {{ env_var('VENDOR_BASE') }}/v)"
    assert "vendor.test" not in json.dumps(cast(Any, tool.body))


def test_an_address_of_the_environment_is_held_to_https(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENDOR_BASE", "http://vendor.test")
    line = "{name: v, http: {url: \"{{ env_var('VENDOR_BASE') }}/{{ a }}\"}, input: {a: string}}"

    with pytest.raises(ToolError, match="https"):
        use(own_tools(tmp_path, line)["v"], bench_at(tmp_path), a="x")
