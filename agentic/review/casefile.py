"""A run's case file, `target/agentic/runs/<run_id>/`: what the store can make again."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentic import __version__
from agentic.project import Project
from agentic.records import Proposal, RunResult, dump, dumps

SCHEMA = "v1"


def run_folder(project: Project, run_id: str) -> Path:
    """Where a run's files lie."""
    return project.target_path / "agentic" / "runs" / run_id


def write_casefile(
    project: Project, run: RunResult, *, transcript: object, body: str | None, patch: str
) -> Path:
    """Write incident, finding, transcript, proposal, checks and the agent's report as JSON, the
    body and the patch as text.

    Each JSON has a `metadata` block with a schema version, as dbt's artifacts have. Returns the
    folder.
    """
    folder = run_folder(project, run.run_id)
    folder.mkdir(parents=True, exist_ok=True)
    parts: Mapping[str, Any] = {
        "incident": dump(run.incident),
        "finding": dump(run.finding),
        "proposal": dump(run.proposal),
        "report": run.output_report,
        "checks": dump(run.report),
        "transcript": dump(transcript),
        "result": dump(run),
    }
    for name, value in parts.items():
        if value is not None:
            _write_json(folder / f"{name}.json", name, run, value)
    if body is not None:
        (folder / "pr_body.md").write_text(body, encoding="utf-8")
    if patch:
        (folder / "changes.patch").write_text(patch, encoding="utf-8")
    return folder


def _write_json(path: Path, name: str, run: RunResult, value: Any) -> None:
    metadata = {
        "schema_version": f"agentic/{name}/{SCHEMA}",
        "agentic_version": __version__,
        "run_id": run.run_id,
        "generated_at": run.ended_at,
    }
    path.write_text(dumps({"metadata": metadata, name: value}, indent=2) + "\n", encoding="utf-8")


def patch_of(proposal: Proposal, prefix: str = "") -> str:
    """The proposal as a unified diff that `git apply` takes; `prefix` is the project's folder."""
    return "".join(
        _file_patch(prefix, edit.path, edit.before, edit.after) for edit in proposal.edits
    )


def _file_patch(prefix: str, path: str, before: str | None, after: str | None) -> str:
    full = f"{prefix}{path}"
    lines = difflib.unified_diff(
        (before or "").splitlines(keepends=True),
        (after or "").splitlines(keepends=True),
        fromfile="/dev/null" if before is None else f"a/{full}",
        tofile="/dev/null" if after is None else f"b/{full}",
    )
    text = "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
    head = f"diff --git a/{full} b/{full}\n"
    if before is None:
        head += "new file mode 100644\n"
    if after is None:
        head += "deleted file mode 100644\n"
    return head + text
