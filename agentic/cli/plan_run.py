"""`agentic run PLAN`."""

from __future__ import annotations

from agentic.cli.options import Flags
from agentic.cli.output import emit_json, emit_text
from agentic.cli.plan_shown import plan_text, public_plan_run
from agentic.records import CompiledPlan, exit_code
from agentic.runtime import Session, run_plan


def handle_plan(
    flags: Flags, session: Session, plan: CompiledPlan, request: str, *, written: bool = False
) -> int:
    """Run it and show how it ended. Returns the exit code."""
    result = run_plan(session, plan, request, written=written)
    if flags.as_json:
        emit_json(public_plan_run(result))
    else:
        emit_text(plan_text(result))
    return exit_code([result])
