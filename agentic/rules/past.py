"""What the last green build remembers of nodes: their columns, their figures and their code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agentic.rules.asking import ask
from agentic.rules.case import Case, Steps


class Against(msgspec.Struct, frozen=True):
    """What a relation holds now against what it held after the last green build."""

    rows_before: int
    rows: int
    gone: frozenset[str]
    """Lower-case columns that it had and lacks."""
    changed: tuple[dict[str, Any], ...]
    """Columns whose figures moved, the largest move first."""

    @property
    def grew(self) -> bool:
        return self.rows > self.rows_before

    @property
    def moved(self) -> bool:
        return self.rows != self.rows_before or bool(self.changed)


def against_last_good(uid: str) -> Steps[Against | None]:
    """The comparison; None where no green build is remembered, or it may not be asked."""
    result = yield from ask("compare_profiles", node=uid)
    content = result.content if isinstance(result.content, dict) else {}
    rows = content.get("rows")
    if result.is_error or "against" not in content or not isinstance(rows, list):
        return None
    gone = frozenset(str(name).lower() for name in content.get("columns_gone", ()))
    return Against(int(rows[0]), int(rows[1]), gone, tuple(content.get("changed", ())))


def columns_gone(uid: str) -> Steps[frozenset[str] | None]:
    """Columns that a node had after the last green build and lacks now; None: not remembered."""
    found = yield from against_last_good(uid)
    return found.gone if found is not None else None


def changed_since_green(case: Case, uids: Sequence[str]) -> Steps[list[str]]:
    """Nodes whose code is another than in the last green build that ran them, in the given order.

    This holds when the history is squashed. Nodes of no remembered green build are left out.
    """
    told = yield from ask("run_history")
    rows = told.content.get("invocations", []) if isinstance(told.content, dict) else []
    green = {str(row.get("invocation")) for row in rows if row.get("green")}
    green.discard(case.incident.invocation_id[:8])
    found: list[str] = []
    for uid in uids[:_ASKED] if green and not told.is_error else ():
        now = str(getattr(getattr(case.node(uid), "checksum", None), "checksum", ""))[:_CODE]
        result = yield from ask("run_history", node=uid)
        runs = result.content.get("runs", []) if isinstance(result.content, dict) else []
        codes = [str(run.get("code") or "") for run in runs if run.get("invocation") in green]
        if now and codes and codes[0] and codes[0][:_CODE] != now:
            found.append(uid)
    return found


_ASKED = 10
_CODE = 8
"""Characters of a code's hash that `run_history` gives."""
