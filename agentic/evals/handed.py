"""`python -m agentic.evals.handed`: `agentic run` on an incident that a case hands over.

For what no dbt artifact says: a failed run of an orchestrator, a person's request. Prints the line
of JSON that `agentic run --output json` prints.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agentic.exceptions import AgenticError
from agentic.records import Incident, dumps, exit_code, loads, public_run
from agentic.runtime import handle, open_session


def main() -> int:
    """Handle one incident. Returns the exit code of `agentic run`."""
    options = argparse.ArgumentParser(prog="python -m agentic.evals.handed")
    options.add_argument("incident", type=Path)
    options.add_argument("--profiles-dir", type=Path)
    options.add_argument("--target")
    given = options.parse_args()
    try:
        incident = loads(given.incident.read_text(encoding="utf-8"), Incident)
        session, _ = open_session(
            None,
            profiles_dir=given.profiles_dir,
            target=given.target,
            apply=False,
            diagnose_only=False,
        )
        runs = handle(session, (incident,), agent_name=None)
    except AgenticError as error:
        sys.stderr.write(f"Error {error.code}: {error}\n")
        return 2
    for run in runs:
        sys.stdout.write(dumps(public_run(run)) + "\n")
    return exit_code(runs)


if __name__ == "__main__":
    sys.exit(main())
