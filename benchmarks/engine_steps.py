"""What a step of the engine `anthropic` costs this process, beside the SDK alone and pydantic-ai.

    python benchmarks/engine_steps.py [--steps N ...]

CPU milliseconds a step, turn and call, against a local server in a process of its own; then steps
a second of 50 runs at once, each side in one process. "SDK alone" asks, streams and appends. Ours
is the whole loop as a run has it: guardrails, journal, masking, audit, limits in the store, the log
file. pydantic-ai is run by `AGENTIC_PYDANTIC_AI`, a Python that has `pydantic-ai-slim[anthropic]`;
it keeps nothing on disk. Clients and stores are made before the clock starts. Held: at most 1 ms
over the SDK alone, and twice pydantic-ai's steps a second.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anthropic
from _model_service import model_service

from agentic.events import Stream, file_sink
from agentic.guardrails import Situation, decide
from agentic.records import CompiledAgent, CompiledGuardrails, Decision, Limits
from agentic.runtime.boundary import Boundary
from agentic.runtime.budget import Budget
from agentic.runtime.engines import Task
from agentic.runtime.engines.anthropic import AnthropicEngine
from agentic.runtime.engines.conversation import tools
from agentic.runtime.loop import Loop
from agentic.store import AuditTrail, Journal, Store, open_store, utc_now
from agentic.tools import Bench, registry, tool

STEPS = (20, 200)
RUNS, RUN_STEPS = 50, 20
REPEAT = 4
MOST_OVER_MS = 1.0
LEAST_TIMES = 2.0
PAGE = "select order_id, customer_id, amount, ordered_at from raw.orders where amount > 0\n" * 12
FINE = Decision("allow", "OK", "fine")
Go = Callable[[], int]
"""Does a whole run; the steps done."""


@tool(toolset="benchmark", effect="read")
def look(bench: Bench, *, place: int) -> dict[str, Any]:  # noqa: ARG001
    """One page of a file."""
    return {"place": place, "text": PAGE}


@tool(toolset="benchmark", effect="read")
def finish(bench: Bench) -> dict[str, Any]:
    """The end."""
    bench.report = cast(Any, "done")
    return {}


TASK = Task("benchmark", "Read. " * 200, "Look around.", (registry()["finish"], registry()["look"]))
SITUATION = Situation(
    cast(Any, None),
    cast(Any, SimpleNamespace(all={})),
    cast(Any, None),
    "duckdb",
    CompiledAgent("benchmark", tools=("finish", "look")),
    CompiledGuardrails(),
    cast(Any, None),
)
LIMITS = Limits(tool_calls=10_000, tokens=10**9, cost_usd=10**6, cost_usd_per_day=10**6)


def sdk_alone(url: str, _store: Store, _run_id: str) -> Go:
    """The plainest loop that the SDK's documentation has."""
    client = anthropic.Anthropic(base_url=url, api_key="benchmark", max_retries=0)
    given = cast(Any, tools((registry()["look"],), strict=False))

    def go() -> int:
        messages: list[Any] = [{"role": "user", "content": TASK.brief}]
        done = 0
        while True:
            with client.messages.stream(
                model="claude-opus-5-5",
                max_tokens=32_000,
                system=TASK.instructions,
                tools=given,
                messages=messages,
            ) as stream:
                said = stream.get_final_message()
            if said.stop_reason != "tool_use":
                return done
            messages.append({"role": "assistant", "content": said.content})
            content = json.dumps({"text": PAGE})
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": content}
                for block in said.content
                if block.type == "tool_use"
            ]
            messages.append({"role": "user", "content": results})
            done += 1

    return go


def ours(url: str, store: Store, run_id: str) -> Go:
    """The whole loop, over a store on disk."""
    folder = Path(str(store.engine.url.database)).parent
    stream = Stream(utc_now, (file_sink(folder / "agentic.log"),))
    store.start_run(run_id, incident=run_id, inputs_hash="h", agent="a")
    nothing = cast(Any, SimpleNamespace(node="", all={}))
    boundary = Boundary(
        Bench(nothing, nothing, nothing, "duckdb", nothing, nothing),
        {spec.name: spec for spec in TASK.tools},
        lambda call, spec: decide(call, spec, SITUATION),
        lambda _edits: FINE,
        Journal(store, run_id),
        stream,
        AuditTrail(store, folder / "audit.head"),
        "benchmark/anthropic",
    )
    started = utc_now()
    budget = Budget(
        LIMITS,
        started,
        utc_now,
        lambda: store.cost_usd_since(started[:10], but=run_id),
        lambda cost: store.spend(run_id, cost),
    )
    engine = AnthropicEngine(base_url=url, time_left_s=budget.time_left_s)
    loop = Loop(engine, TASK, boundary, budget, boundary.journal, stream)

    def go() -> int:
        end = loop.run()
        boundary.close()
        assert end.reason == "reported", end
        return sum(len(exchange.results) for exchange in loop.history)

    return go


@contextmanager
def fresh_store() -> Iterator[Store]:
    """Its own for each measurement."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder), project="benchmark", clock=utc_now)
        yield store
        store.engine.dispose()


def cpu_ms_a_step(which: Callable[[str, Store, str], Go], steps: int) -> float:
    """Of one run."""
    with model_service(steps) as url, fresh_store() as store:
        go = which(url, store, "r1")
        start = time.process_time()
        done = go()
        spent = time.process_time() - start
    assert done == steps, f"{done} of {steps} steps"
    return 1000 * spent / steps


def steps_a_second() -> float:
    """Of runs at once, each in a thread of its own, over one store."""
    with model_service(RUN_STEPS) as url, fresh_store() as store:
        every = [ours(url, store, f"r{number}") for number in range(RUNS)]
        with ThreadPoolExecutor(RUNS) as pool:
            start = time.perf_counter()
            done = list(pool.map(lambda go: go(), every))
            spent = time.perf_counter() - start
    assert done == [RUN_STEPS] * RUNS, done
    return RUNS * RUN_STEPS / spent


def peer(steps: int, runs: int) -> dict[str, float] | None:
    """pydantic-ai's seconds; None where it is not installed."""
    python = os.environ.get("AGENTIC_PYDANTIC_AI")
    if not python:
        return None
    with model_service(steps) as url:
        done = subprocess.run(
            [python, str(Path(__file__).with_name("_steps_peer.py")), url, str(steps), str(runs)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def versions() -> str:
    """What was compared."""
    ask = "from importlib.metadata import version; print(version('pydantic-ai-slim'))"
    python = os.environ.get("AGENTIC_PYDANTIC_AI")
    if not python:
        return f"anthropic {anthropic.__version__}."
    done = subprocess.run([python, "-c", ask], stdout=subprocess.PIPE, text=True, check=True)
    return (
        f"anthropic {anthropic.__version__}, pydantic-ai {done.stdout.strip()}; run as "
        "`AGENTIC_PYDANTIC_AI=PYTHON python benchmarks/engine_steps.py`."
    )


def one_run(steps: int) -> bool:
    """A row of the first table: each the best of a few, in turns. Whether the limit held."""
    plain = full = other = float("inf")
    for _ in range(REPEAT):
        plain = min(plain, cpu_ms_a_step(sdk_alone, steps))
        full = min(full, cpu_ms_a_step(ours, steps))
        if spent := peer(steps, 1):
            other = min(other, 1000 * spent["cpu_s"] / steps)
    shown = "not run" if other == float("inf") else f"{other:.2f}"
    print(f"| {steps} | {plain:.2f} | {full:.2f} | {full - plain:+.2f} | {shown} |", flush=True)
    return full - plain <= MOST_OVER_MS


def many_runs() -> bool:
    """The second table. Whether the limit held, as far as there is somebody to compare with."""
    own = other = 0.0
    for _ in range(REPEAT):
        own = max(own, steps_a_second())
        if spent := peer(RUN_STEPS, RUNS):
            other = max(other, RUNS * RUN_STEPS / spent["wall_s"])
    shown = f"{other:.0f} | {own / other:.1f}" if other else "not run | "
    print(f"| {RUNS} runs of {RUN_STEPS} steps | {own:.0f} | {shown} |")
    return not other or own >= LEAST_TIMES * other


def main() -> int:
    """Measure and print. Returns 1 when a step costs more than its limit."""
    os.environ["ANTHROPIC_API_KEY"] = "benchmark"
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, nargs="*", default=STEPS)
    options = parser.parse_args()
    print("| steps | SDK alone, CPU ms a step | ours | over | pydantic-ai |")
    print("|---|---|---|---|---|")
    held = [one_run(steps) for steps in options.steps]
    print("\n| at once | ours (threads), steps a second | pydantic-ai (one event loop) | times |")
    print("|---|---|---|---|")
    held.append(many_runs())
    print(f"\n{versions()}")
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
