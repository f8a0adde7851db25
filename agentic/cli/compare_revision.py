"""`agentic compile --compare REV`: what the files allow now and did not allow then."""

from __future__ import annotations

from agentic.cli.compilation import Compilation
from agentic.cli.output import emit_json, emit_text, note
from agentic.compiler import (
    AtRevision,
    Widening,
    compile_revision,
    current_manifest,
    widened_between,
)
from agentic.project import Repo, list_targets, read_target
from agentic.records import dump


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
    _summary(before, revision, widened, as_json=as_json)
    return 1 if widened else 0


def _summary(
    before: AtRevision, revision: str, widened: tuple[Widening, ...], *, as_json: bool
) -> None:
    if as_json:
        state = "widened" if widened else "success"
        emit_json({"status": state, "since": before.revision, "widened": len(widened)})
    elif widened:
        emit_text(f"\n{len(widened)} widened since {revision} ({before.revision[:12]}).")
    else:
        emit_text(f"Nothing widened since {revision} ({before.revision[:12]}).")
