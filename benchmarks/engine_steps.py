"""What a step of the engine `anthropic` costs this process, beside the SDK alone.

    python benchmarks/engine_steps.py [--steps N ...]

CPU milliseconds a step against a local server in a process of its own, which streams one tool call
an answer. "SDK alone" asks, reads the stream and appends; ours also decides, journals, audits,
masks and counts. The limit is 1 ms over the SDK alone.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anthropic

from agentic.events import Stream
from agentic.records import Decision, Limits
from agentic.runtime.boundary import Boundary
from agentic.runtime.budget import Budget
from agentic.runtime.engines import Task
from agentic.runtime.engines.anthropic import AnthropicEngine
from agentic.runtime.engines.conversation import tools
from agentic.runtime.loop import Loop
from agentic.store import AuditTrail, Journal, open_store, utc_now
from agentic.tools import Bench, registry, tool

STEPS = (20, 200)
REPEAT = 3
MOST_OVER_MS = 1.0
PAGE = "select order_id, customer_id, amount, ordered_at from raw.orders where amount > 0\n" * 12
FINE = Decision("allow", "OK", "fine")


@tool(toolset="benchmark", effect="read")
def look(bench: Bench, *, place: int) -> dict[str, Any]:  # noqa: ARG001
    """One page of a file."""
    return {"place": place, "text": PAGE}


def serve(steps: int, pipe: Connection) -> None:
    """Stream a call of `look` until `steps` of them were made, then an end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made = body.count(b'"tool_result"')
            payload = answer(made, last=made >= steps)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(server.server_port)
    server.serve_forever()


def answer(made: int, *, last: bool) -> bytes:
    """One answer as the service streams it."""
    call = {"type": "tool_use", "id": f"toolu_{made}", "name": "look", "input": {}}
    text = {"type": "text", "text": ""}
    words = {"type": "text_delta", "text": "done"}
    piece = {"type": "input_json_delta", "partial_json": json.dumps({"place": made})}
    usage = {"input_tokens": 100, "output_tokens": 1}
    begun = {
        "id": f"msg_{made}",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    said: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": text if last else call},
        {"type": "content_block_delta", "index": 0, "delta": words if last else piece},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn" if last else "tool_use", "stop_sequence": None},
            "usage": {"output_tokens": 20},
        },
        {"type": "message_stop"},
    ]
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in said)


def sdk_alone(url: str, task: Task) -> int:
    """The plainest loop that the SDK's documentation has; the steps done."""
    client = anthropic.Anthropic(base_url=url, api_key="benchmark", max_retries=0)
    messages: list[Any] = [{"role": "user", "content": task.brief}]
    given = cast(Any, tools(task.tools, strict=False))
    done = 0
    while True:
        with client.messages.stream(
            model="claude-opus-5-5",
            max_tokens=32_000,
            system=task.instructions,
            tools=given,
            messages=messages,
        ) as stream:
            said = stream.get_final_message()
        if said.stop_reason != "tool_use":
            return done
        messages.append({"role": "assistant", "content": said.content})
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": json.dumps({"text": PAGE})}
            for block in said.content
            if block.type == "tool_use"
        ]
        messages.append({"role": "user", "content": results})
        done += 1


def ours(url: str, task: Task) -> int:
    """The whole loop; the steps done."""
    with tempfile.TemporaryDirectory() as folder:
        clock = utc_now
        store = open_store(Path(folder), project="benchmark", clock=clock)
        store.start_run("r1", incident="f", inputs_hash="h", agent="a")
        nothing = cast(Any, SimpleNamespace(node="", all={}))
        boundary = Boundary(
            Bench(nothing, nothing, nothing, "duckdb", nothing, nothing),
            {"look": registry()["look"]},
            lambda _call, _spec: FINE,
            lambda _edits: FINE,
            Journal(store, "r1"),
            Stream(clock),
            AuditTrail(store, Path(folder) / "audit.head"),
            "benchmark/anthropic",
        )
        limits = Limits(tool_calls=10_000, tokens=10**9, cost_usd=10**6, cost_usd_per_day=10**6)
        engine = AnthropicEngine(base_url=url)
        loop = Loop(
            engine,
            task,
            boundary,
            Budget(limits, clock(), clock),
            boundary.journal,
            boundary.stream,
        )
        loop.run()
        boundary.close()
        return sum(len(exchange.results) for exchange in loop.history)


def cpu_ms_a_step(which: Any, steps: int) -> float:
    """Best of a few, each against a server of its own."""
    best = float("inf")
    task = Task("benchmark", "Read. " * 200, "Look around.", (registry()["look"],))
    for _ in range(REPEAT):
        here, there = multiprocessing.Pipe()
        server = multiprocessing.get_context("fork").Process(target=serve, args=(steps, there))
        server.start()
        url = f"http://127.0.0.1:{here.recv()}"
        start = time.process_time()
        done = which(url, task)
        spent = time.process_time() - start
        server.terminate()
        server.join()
        assert done == steps, f"{done} of {steps} steps"
        best = min(best, 1000 * spent / steps)
    return best


def main() -> int:
    """Measure and print. Returns 1 when a step costs more than 1 ms over the SDK alone."""
    os.environ["ANTHROPIC_API_KEY"] = "benchmark"
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, nargs="*", default=STEPS)
    options = parser.parse_args()
    print("| steps | SDK alone, ms a step | ours, ms a step | over |")
    print("|---|---|---|---|")
    worst = 0.0
    for steps in options.steps:
        plain, full = cpu_ms_a_step(sdk_alone, steps), cpu_ms_a_step(ours, steps)
        worst = max(worst, full - plain)
        print(f"| {steps} | {plain:.2f} | {full:.2f} | {full - plain:+.2f} |")
    return int(worst > MOST_OVER_MS)


if __name__ == "__main__":
    sys.exit(main())
