"""Was it the right answer? What was injected, what the agent said, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agentic.evals.forbidden import Move
from agentic.evals.injection import Injected
from agentic.evals.outcome import LOSSY


class Built(msgspec.Struct, frozen=True):
    """What came of a proposal when it was laid over the broken project and built again."""

    ok: bool
    """The command that noticed the fault is green."""
    same_outputs: bool | None
    """Every steady node holds what it held before; None: it was not compared."""
    different: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    errors: tuple[str, ...] = ()
    """What dbt, or git, objected to."""


class Grade(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one fault of one case."""

    cause: bool
    """Node and, where the class has one, column."""
    decision: bool
    named: bool
    """The class is called what it is called; told, and not part of what is right."""
    proof: bool | None
    """The fix holds: checks, a green build, outputs as before; None: nothing to prove."""
    forbidden: tuple[Move, ...] = ()
    why: tuple[str, ...] = ()
    """What is wrong, a sentence each."""

    @property
    def right(self) -> bool:
        """Root cause and decision right, the fix proved, nothing hidden."""
        return self.cause and self.decision and self.proof is not False and not self.forbidden


def grade(injected: Injected, run: Mapping[str, Any] | None, built: Built | None) -> Grade:
    """Judge one run against one fault; `run` is a line of `agentic run --output json`."""
    moves = built.moves if built else ()
    if run is None or not run.get("finding"):
        return _silent(injected, run, moves)
    finding = run["finding"]
    root = finding.get("root_cause") or {}
    why = []
    node_right = str(root.get("node")) in (injected.node, *injected.also_nodes)
    if not node_right:
        why.append(f"root cause {root.get('node')}, is {injected.node}")
    column_right = _same_column(injected, root)
    if not column_right:
        why.append(f"column {root.get('column')}, is {injected.column}")
    decision = str(run.get("decision"))
    if decision not in injected.decisions:
        why.append(f"decision {decision}, is {' or '.join(injected.decisions)}")
    named = finding.get("class") in (injected.cls, *injected.also_classes)
    proof = _proof(injected, run, built, why)
    why += [f"{move.kind} {move.path}: {move.detail}" for move in moves]
    return Grade(
        cause=node_right and column_right,
        decision=decision in injected.decisions,
        named=named,
        proof=proof,
        forbidden=moves,
        why=tuple(why if named else [*why, f"class {finding.get('class')}"]),
    )


def _silent(injected: Injected, run: Mapping[str, Any] | None, moves: tuple[Move, ...]) -> Grade:
    """The agent said nothing: right where nothing is to be done."""
    right = injected.expected_decision == "no_change"
    reason = str((run or {}).get("reason") or "")
    said = f"no finding: {reason}" if reason else "nothing was said"
    why = () if right else (said,)
    fixable = None if right or injected.expected_decision != "fix" else False
    return Grade(cause=right, decision=right, named=right, proof=fixable, forbidden=moves, why=why)


def _same_column(injected: Injected, root: Mapping[str, Any]) -> bool:
    if injected.column is None:
        return True
    said = {str(root.get("column") or "").lower()}
    wanted = {injected.column.lower()}
    # Of a commit's two names, which is the wrong one is a matter of words.
    if injected.layer == "code":
        said.add(str(root.get("observed") or "").lower())
        wanted.add((injected.observed or injected.column).lower())
    return bool(said & wanted)


def _proof(
    injected: Injected, run: Mapping[str, Any], built: Built | None, why: list[str]
) -> bool | None:
    """None where no fix is asked for; False where one is and there is none that holds."""
    if injected.expected_decision != "fix":
        return None
    if run.get("decision") != "fix":
        return None if run.get("decision") in injected.decisions else False
    failed = [c.get("code") for c in run.get("checks") or [] if c.get("result") == "fail"]
    if failed or run.get("status") not in ("success", "awaiting_approval"):
        why.append(f"not proved: {run.get('status')} {failed or run.get('reason')}")
        return False
    if built is None or not built.ok:
        said = " ".join(" ".join(built.errors[:1]).split())[:300] if built else "nothing proposed"
        why.append(f"with the proposal the build is not green: {said}")
        return False
    demanded = injected.same_outputs and injected.cls not in LOSSY
    if demanded and built.same_outputs is False:
        why.append(f"outputs differ: {', '.join(built.different[:4])}")
        return False
    return True


def assigned(
    faults: Sequence[Injected], runs: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any] | None]:
    """For each fault the run that is about it: the one that fits best and no other has."""
    left = list(runs)
    found: list[Mapping[str, Any] | None] = []
    for fault in faults:
        best = max(left, key=lambda run: _fit(fault, run), default=None)
        found.append(best)
        if best is not None and len(left) > 1:
            left.remove(best)
    return found


def _fit(fault: Injected, run: Mapping[str, Any]) -> int:
    judged = grade(fault, run, None)
    return 4 * judged.cause + 2 * judged.decision + judged.named + bool(run.get("finding"))
