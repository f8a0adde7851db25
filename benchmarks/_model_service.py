"""A model that only calls `look`, `steps` times, then ends: as fast as Python serves it.

It remembers nothing: how far a conversation is, it counts in the request. Streams when asked to.
"""

from __future__ import annotations

import json
import multiprocessing
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

STREAMED = (b'"stream":true', b'"stream": true')
USAGE = {"input_tokens": 100, "output_tokens": 20}


@contextmanager
def model_service(steps: int) -> Iterator[str]:
    """Its URL, in a process of its own."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(target=_serve, args=(steps, there))
    server.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        server.terminate()
        server.join()


def _serve(steps: int, pipe: Connection) -> None:
    answers = {
        (made, stream, reports): _answer(made, steps, stream=stream, reports=reports)
        for made in range(steps + 1)
        for stream in (True, False)
        for reports in (True, False)
    }

    class Handler(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self) -> None:
            while length := _length(self.rfile):
                body = self.rfile.read(length)
                stream = any(sign in body for sign in STREAMED)
                made = min(body.count(b'"tool_result"'), steps)
                self.wfile.write(answers[made, stream, b'"finish"' in body])

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    pipe.send(server.server_address[1])
    server.serve_forever()


def _length(lines: Any) -> int:
    """Of the next request's body; nought when there is none."""
    length = 0
    for line in iter(lines.readline, b""):
        if line == b"\r\n":
            return length
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return 0


def _answer(made: int, steps: int, *, stream: bool, reports: bool) -> bytes:
    """One answer with its headers. The last one calls `finish` where there is such a tool."""
    ends = made == steps and not reports
    content: dict[str, Any] = {"type": "text", "text": "done"}
    if not ends:
        name, given = ("finish", {}) if made == steps else ("look", {"place": made})
        content = {"type": "tool_use", "id": f"toolu_{made}", "name": name, "input": given}
    stop = "end_turn" if ends else "tool_use"
    message = {
        "id": f"msg_{made}",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": [content],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": USAGE,
    }
    kind, body = ("application/json", json.dumps(message).encode())
    if stream:
        kind, body = ("text/event-stream", _events(message, content, stop))
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _events(message: dict[str, Any], content: dict[str, Any], stop: str) -> bytes:
    if content["type"] == "text":
        empty, delta = content | {"text": ""}, {"type": "text_delta", "text": content["text"]}
    else:
        empty = content | {"input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(content["input"])}
    begun = message | {"content": [], "stop_reason": None}
    said: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": {"output_tokens": 20},
        },
        {"type": "message_stop"},
    ]
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in said)
