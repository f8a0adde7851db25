"""Runs in dbt's own Python, never in ours: dbt commands one after the other, in one process.

Started by `agentic.project.session`. Reads one JSON list of arguments a line; answers each with
dbt's log and a last line `{"agentic_exit": CODE}`. A build that follows a parse uses its manifest.
It imports nothing of agentic, which that Python may not have.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any


def main() -> None:
    # The folder of this file holds names (git, manifest) that other packages import too.
    sys.path.pop(0)
    runner: Any = importlib.import_module("dbt.cli.main").dbtRunner
    manifest: Any = None
    for line in sys.stdin:
        args = json.loads(line)
        parses = "parse" in args[:20]
        outcome = runner(manifest=None if parses else manifest).invoke(args)
        if parses:
            manifest = outcome.result if outcome.success else None
        code = 0 if outcome.success else (2 if outcome.exception else 1)
        if outcome.exception:
            sys.stdout.write(f"{outcome.exception}\n")
        sys.stdout.write(json.dumps({"agentic_exit": code}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
