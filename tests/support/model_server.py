"""A local HTTP server that speaks the model service's protocol, so that the real SDK is used.

It asserts the protocol on every request: a violation is answered 400 and kept in `violations`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

Brain = Callable[[list[dict[str, Any]]], dict[str, Any] | int]
"""Messages in; the answer's `content`, `stop_reason` and maybe `usage` out, or an HTTP status."""


class ModelServer:
    """`with ModelServer(brain) as server:` then point `base_url` at `server.url`."""

    def __init__(
        self, brain: Brain, *, key: str = "test-key-123456", refuse_strict: bool = False
    ) -> None:
        self.brain = brain
        self.key = key
        self.refuse_strict = refuse_strict
        self.requests: list[dict[str, Any]] = []
        self.violations: list[str] = []
        self.sent: list[list[dict[str, Any]]] = []
        self.talks: dict[str, list[list[dict[str, Any]]]] = {}
        """What was said in each conversation: several agents have one each."""
        self._lock = threading.Lock()
        self.cuts: list[int] = []
        """Bytes after which the next answers break off, one an answer; no more: whole answers."""
        self.headers: dict[str, str] = {"retry-after-ms": "5"}
        """Of every answer."""
        handler = _handler(self)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        # Asked often whether it is to end: tests start hundreds of these.
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.requests.append(body)
            talk = self.talks.setdefault(conversation(body), [])
        if self.refuse_strict and any("strict" in tool for tool in body.get("tools", ())):
            return 400, _error("invalid_request_error", "the compiled grammar is too large")
        found = list(protocol_violations(body, talk))
        if found:
            self.violations += found
            return 400, _error("invalid_request_error", "; ".join(found))
        said = self.brain(body["messages"])
        if isinstance(said, int):
            return said, _error("api_error", f"scripted {said}")
        with self._lock:
            talk.append([_read_back(block) for block in said["content"]])
            self.sent.append(talk[-1])
        usage = {"input_tokens": 100, "output_tokens": 20} | said.get("usage", {})
        return 200, {
            "id": f"msg_{len(self.sent)}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": said["content"],
            "stop_reason": said["stop_reason"],
            "stop_sequence": None,
            "usage": usage,
        }


def conversation(body: dict[str, Any]) -> str:
    """What tells one conversation from another: who speaks, and what it was told first."""
    return json.dumps([body.get("system"), body["messages"][:1]])


def protocol_violations(body: dict[str, Any], sent: list[list[dict[str, Any]]]) -> list[str]:
    """What the service would refuse in a request."""
    refused = ("temperature", "top_p", "top_k", "tool_choice")
    found = [f"{name} is refused" for name in refused if name in body]
    if body.get("max_tokens", 10**9) > 21_333 and not body.get("stream"):
        found.append("max_tokens needs streaming")
    if body.get("thinking", {}).get("type") == "disabled":
        found.append("thinking cannot be turned off")
    schemas = [tool["input_schema"] for tool in body.get("tools", ())]
    found += ["input_schema is no object" for one in schemas if one.get("type") != "object"]
    return found + _history_violations(body["messages"], sent)


def _history_violations(
    messages: list[dict[str, Any]], sent: list[list[dict[str, Any]]]
) -> list[str]:
    found = []
    if not messages or messages[0]["role"] != "user":
        found.append("the first message is the user's")
    assistant = [message["content"] for message in messages if message["role"] == "assistant"]
    if assistant != sent[: len(assistant)]:
        found.append("history was edited: assistant turns differ from what was sent")
    for before, after in pairwise(messages):
        if before["role"] == after["role"]:
            found.append("roles do not alternate")
        if before["role"] == "assistant":
            found += _unanswered(before["content"], after["content"])
    return found


def _unanswered(said: Any, answer: Any) -> list[str]:
    asked = [block["id"] for block in said if block["type"] == "tool_use"]
    blocks = answer if isinstance(answer, list) else []
    given = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    kinds = [block["type"] for block in blocks]
    found = [] if sorted(asked) == sorted(given) else [f"tool_use {asked} answered by {given}"]
    if "tool_result" in kinds and kinds != sorted(kinds, key=lambda kind: kind != "tool_result"):
        found.append("tool_result blocks come first")
    return found


def _read_back(block: dict[str, Any]) -> dict[str, Any]:
    """A block as a client that read it sends it back: input that is no JSON cannot be."""
    given = block.get("input")
    return block if given is None or isinstance(given, dict) else block | {"input": ANY_INPUT}


def events(message: dict[str, Any]) -> Iterator[bytes]:
    """An answer as the service streams it; a call's input comes in pieces of text."""
    begun = message | {"content": [], "stop_reason": None}
    begun["usage"] = message["usage"] | {"output_tokens": 1}
    yield _event("message_start", message=begun)
    for index, block in enumerate(message["content"]):
        start, deltas = _pieces(block)
        yield _event("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    spent = {"output_tokens": message["usage"]["output_tokens"]}
    yield _event("message_delta", delta=stop, usage=spent)
    yield _event("message_stop")


def _pieces(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "text":
        return block | {"text": ""}, [{"type": "text_delta", "text": block["text"]}]
    if block["type"] == "tool_use":
        given = block["input"]
        whole = given if isinstance(given, str) else json.dumps(given)
        size = max(40, len(whole) // 200)
        parts = [whole[at : at + size] for at in range(0, len(whole), size)]
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
        return block | {"input": {}}, deltas
    if block["type"] == "thinking":
        start = {"type": "thinking", "thinking": "", "signature": ""}
        return start, [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    return block, []


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


class _AnyInput:
    """Equal to whatever the SDK made of input that is no JSON."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


ANY_INPUT = _AnyInput()


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _handler(owner: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = json.loads(self.rfile.read(length))
            key = self.headers.get("x-api-key") or self.headers.get("Authorization", "")
            if not self.path.startswith("/v1/messages"):
                status, answer = 404, _error("not_found_error", self.path)
            elif owner.key not in key:
                status, answer = 401, _error("authentication_error", "invalid x-api-key")
            elif "anthropic-version" not in self.headers:
                status, answer = 400, _error("invalid_request_error", "no anthropic-version")
            elif self.path.endswith("/count_tokens"):
                owner.requests.append(body)
                status, answer = 200, {"input_tokens": len(json.dumps(body)) // 3}
            else:
                status, answer = owner.answer(body)
            streamed = status == 200 and body.get("stream")
            payload = b"".join(events(answer)) if streamed else json.dumps(answer).encode()
            kind = "text/event-stream" if streamed else "application/json"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(payload)))
            for name, value in owner.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if streamed and owner.cuts:
                owner.sent.pop()
                owner.talks[conversation(body)].pop()
                payload = payload[: owner.cuts.pop(0)]
                self.close_connection = True
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            return

    return Handler


def tool_use(name: str, given: dict[str, Any], *, number: int = 0) -> dict[str, Any]:
    """One tool_use block."""
    return {"type": "tool_use", "id": f"toolu_{name}_{number}", "name": name, "input": given}


def says(*blocks: dict[str, Any], stop: str | None = None, **usage: int) -> dict[str, Any]:
    """An answer of these blocks; `tool_use` where one is, unless `stop` says otherwise."""
    uses = any(block["type"] == "tool_use" for block in blocks)
    reason = stop or ("tool_use" if uses else "end_turn")
    return {"content": list(blocks), "stop_reason": reason, "usage": usage}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}
