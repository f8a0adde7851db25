"""The agent under test, started as a user starts it, and measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

import agentic
from agentic.evals.copies import Copy
from agentic.evals.outcome import PROPOSED
from agentic.project import child_environment

TIMEOUT_S = 900
_CODE = str(Path(agentic.__file__).parents[1])
"""The agent under test is the one whose evals these are, wherever another is installed."""
# Written by the process itself: nobody else can tell its own CPU from that of its children.
_MEASURED = """
import atexit, json, resource, sys
path = sys.argv.pop(1)
def write():
    own, below = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    numbers = [own.ru_utime + own.ru_stime, below.ru_utime + below.ru_stime]
    with open(path, "w") as file:
        json.dump(numbers, file)
atexit.register(write)
module = sys.argv.pop(1)
from importlib import import_module
sys.exit(import_module(module).main())
"""


class AgentRun(msgspec.Struct, frozen=True):
    """What one `agentic run` printed and cost."""

    runs: tuple[dict[str, Any], ...]
    """Its lines of JSON."""
    exit_code: int
    seconds: float
    own_cpu_s: float
    children_cpu_s: float
    """dbt and git, mostly."""
    patches: dict[str, str] = {}
    """run_id -> unified diff of what was proposed; a change that its own checks refused is none."""
    stderr: str = ""
    """Its last lines."""

    @property
    def quiet(self) -> bool:
        """True when it found nothing to do."""
        kept = all(run.get("decision") in (None, "no_change") for run in self.runs)
        return self.exit_code == 0 and kept

    @property
    def cost_usd(self) -> float:
        """What the model service charged."""
        return sum(float((run.get("usage") or {}).get("cost_usd") or 0) for run in self.runs)

    @property
    def queries(self) -> int:
        """Tool calls that asked the warehouse or the project."""
        return sum(int((run.get("usage") or {}).get("tool_calls") or 0) for run in self.runs)


def run_agent(copy: Copy, *, engine: str = "rules", incident: str = "") -> AgentRun:
    """`agentic run --output json` in a copy, in a process of its own, without --apply.

    `incident`: JSON of an incident to handle in place of what the last dbt build left.
    """
    numbers = copy.home / "numbers.json"
    numbers.unlink(missing_ok=True)
    command = [sys.executable, "-c", _MEASURED, str(numbers)]
    if incident:
        file = copy.home / "incident.json"
        file.write_text(incident, encoding="utf-8")
        command += ["agentic.evals.handed", str(file)]
    else:
        command += ["agentic.cli.entry", "run", "--output", "json"]
    command += ["--profiles-dir", str(copy.profiles), "--target", copy.target]
    started = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=copy.root,
            env={**_environment(engine), "AGENTIC_ENGINE": engine, "PYTHONPATH": _CODE},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return AgentRun((), 2, time.monotonic() - started, 0, 0, {}, "it did not end in time")
    seconds = time.monotonic() - started
    own, below = json.loads(numbers.read_text()) if numbers.is_file() else (0.0, 0.0)
    runs = tuple(json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    return AgentRun(
        runs=runs,
        exit_code=done.returncode,
        seconds=seconds,
        own_cpu_s=own,
        children_cpu_s=below,
        patches=_patches(copy.root, runs),
        stderr="\n".join(done.stderr.splitlines()[-12:]),
    )


def _environment(engine: str) -> dict[str, str]:
    """Without any service's key, but for an engine that needs one."""
    if engine == "rules":
        return child_environment()
    return child_environment(named=[name for name in os.environ if name.startswith("ANTHROPIC_")])


def _patches(root: Path, runs: tuple[dict[str, Any], ...]) -> dict[str, str]:
    found = {}
    for run in runs:
        if run.get("status") not in PROPOSED:
            continue
        file = root / "target" / "agentic" / "runs" / str(run.get("run_id")) / "changes.patch"
        if file.is_file():
            found[str(run["run_id"])] = file.read_text(encoding="utf-8")
    return found
