"""The last look at a statement before it runs: only text that the policy rendered is ever sent."""

from __future__ import annotations

from agentic.policy import judge_sql
from agentic.tools.bench import Bench
from agentic.tools.registry import ToolError


def judged(bench: Bench, sql: str) -> str:
    """The policy's own rendering of a read statement. Raises ToolError when it is not allowed."""
    if bench.world is None:
        raise ToolError("no statement can be judged in this run")
    verdict = judge_sql(sql, dialect=bench.dialect, role="reader", world=bench.world)
    if verdict.verdict != "allow":
        raise ToolError(f"{verdict.code}: {verdict.reason}")
    return verdict.sql or sql
