"""Runs in dbt's own Python, never in ours: each dbt command in a child of one warm process.

dbt is not re-entrant, but most of what a command costs is its start. Here the modules are loaded
once; every command gets a fresh child that ends with it. Started by `agentic.evals.forks`. Reads a
JSON object `{"args", "cwd", "env"}` a line; answers with dbt's log and `{"agentic_exit": CODE}`.
It imports nothing of agentic, which that Python may not have.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any


def main() -> None:
    """Load dbt, then serve until stdin ends."""
    # The folder of this file holds names that other packages import too.
    sys.path.pop(0)
    runner: Any = importlib.import_module("dbt.cli.main").dbtRunner
    for module in ("dbt.task.build", "dbt.adapters.factory", *sys.argv[1:]):
        try:
            importlib.import_module(module)
        except ImportError:
            continue
    while line := sys.stdin.readline():
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            code = 2
            try:
                code = one(runner, json.loads(line))
            finally:
                # Whatever happened: the child ends here and never serves a second command.
                if sys.exc_info()[0] is not None:
                    traceback.print_exc(file=sys.stdout)
                sys.stdout.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        sys.stdout.write("\n" + json.dumps({"agentic_exit": code}) + "\n")
        sys.stdout.flush()


def one(runner: Any, asked: dict[str, Any]) -> int:
    """One command in this child. Returns dbt's exit code."""
    os.chdir(asked["cwd"])
    # dbt writes the command line that was typed into its log.
    sys.argv = ["dbt", *asked["args"]]
    os.environ.clear()
    os.environ.update(asked["env"])
    outcome = runner().invoke(asked["args"])
    if outcome.exception:
        sys.stdout.write(f"{outcome.exception}\n")
    return 0 if outcome.success else (2 if outcome.exception else 1)


if __name__ == "__main__":
    main()
