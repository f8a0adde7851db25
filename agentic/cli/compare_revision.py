"""`agentic compile --compare REV`: what the files allow now and did not allow then."""

from __future__ import annotations

from agentic.cli.asking import open_desk
from agentic.cli.compilation import Compilation
from agentic.cli.output import emit_json, emit_text, note
from agentic.compiler import (
    AtRevision,
    Widening,
    compile_revision,
    current_manifest,
    widened_between,
)
from agentic.guardrails import POLICY_CHANGE
from agentic.project import Project, Repo, list_targets, read_target
from agentic.records import Compiled, content_hash, dump
from agentic.store import Ask


def compare_here(found: Compilation, revision: str, *, as_json: bool) -> int:
    """List what widened since a revision. Returns 1 while something waits for a person."""
    assert found.checked is not None
    project = found.project
    target = read_target(project)
    before = compile_revision(
        project,
        Repo.open(project.root),
        revision,
        manifest=current_manifest(project, target),
        target=target,
        targets=list_targets(project),
    )
    for fault in before.faults[:1]:
        note(
            f"The files of {revision} do not compile ({len(before.faults)} errors, first {fault}): "
            "compared with the safe defaults."
        )
    widened = widened_between(before.compiled, found.checked.compiled)
    for one in widened:
        if as_json:
            emit_json(dump(one))
        else:
            emit_text(str(one))
    if not widened:
        _say(before, revision, (), None, as_json=as_json)
        return 0
    ask = _approval(project, target.name, before, found.checked.compiled, widened)
    _say(before, revision, widened, ask, as_json=as_json)
    return 0 if ask.state in ("approved", "used") else 1


def _approval(
    project: Project,
    target: str,
    before: AtRevision,
    after: Compiled,
    widened: tuple[Widening, ...],
) -> Ask:
    """The approval of exactly this widening, used up by it; else the ask for one, parked.

    Who may approve is what the older files say: the newer ones could name anybody.
    """
    desk = open_desk(project)
    content = {
        "since": before.revision,
        "before": before.compiled.content_hash,
        "widened": [{**dump(one), "text": str(one)} for one in widened],
    }
    key = content_hash([content, after.content_hash])
    approvers = before.compiled.guardrails.approve_by
    given = desk.use(
        kind=POLICY_CHANGE,
        content=content,
        compiled=after,
        approvers=approvers,
        target=target,
        key=key,
    )
    return given or desk.park(
        run_id=f"compile-{key[:12]}",
        kind=POLICY_CHANGE,
        subject=key,
        content=content,
        compiled=after,
        approvers=approvers,
        rules=sorted({one.what for one in widened}),
        target=target,
    )


def _say(
    before: AtRevision,
    revision: str,
    widened: tuple[Widening, ...],
    ask: Ask | None,
    *,
    as_json: bool,
) -> None:
    short = before.revision[:12]
    if as_json:
        state = (
            "success"
            if ask is None
            else "approved"
            if ask.state in ("approved", "used")
            else "widened"
        )
        approval = None if ask is None else ask.id
        emit_json(
            {
                "status": state,
                "since": before.revision,
                "widened": len(widened),
                "approval": approval,
                "approved_by": None if ask is None else ask.decided_by,
            }
        )
    elif ask is None:
        emit_text(f"Nothing widened since {revision} ({short}).")
    elif ask.state in ("approved", "used"):
        emit_text(
            f"\n{len(widened)} widened since {revision} ({short}), approved by "
            f"{ask.decided_by} ({ask.proof})."
        )
    else:
        emit_text(
            f"\n{len(widened)} widened since {revision} ({short}): not approved. "
            f"agentic approve {ask.id}"
        )
