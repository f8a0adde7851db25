"""The two files as they are in a git revision, compiled against today's lineage."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath

import msgspec

from agentic.compiler.compile import Checked, check_project
from agentic.compiler.instructions import included
from agentic.config import AGENTS_FILE, GUARDRAILS_FILE, LOCK_FILE, Inspected, inspect_files
from agentic.exceptions import Issue
from agentic.lineage import Graph
from agentic.project import Manifest, Project, Repo, Target
from agentic.records import Compiled

_FILES = (AGENTS_FILE, GUARDRAILS_FILE, LOCK_FILE, "dbt_project.yml")

_NARROW_NOTHING = ("AC215", "AC216")
"""Faults of output schemas: a report's shape allows nothing, and the code of a class as it was then
is not imported."""


class AtRevision(msgspec.Struct, frozen=True):
    """What a revision's files compile to."""

    revision: str
    """The commit's full hash."""
    compiled: Compiled
    faults: tuple[Issue, ...] = ()
    """Errors of those files; `compiled` is then the safe default, since nothing could run."""


def compile_revision(
    project: Project,
    repo: Repo,
    revision: str,
    *,
    manifest: Manifest,
    target: Target,
    targets: dict[str, Target],
) -> AtRevision:
    """Compile agents.yml and guardrails.yml of a revision. Raises GitError when there is none.

    The variables are those that dbt_project.yml had then; instructions are read from the revision.
    """
    sha = repo.resolve(revision)
    with tempfile.TemporaryDirectory(prefix="agentic-compare-") as folder:
        root = Path(folder).resolve()
        inspected = _exported(project, repo, sha, root)
        checked = _checked(project, inspected, manifest, target, targets)
        faults = tuple(
            issue
            for issue in (*inspected.issues, *checked.errors)
            if issue.severity == "error" and issue.code not in _NARROW_NOTHING
        )
        if faults:
            for name in (AGENTS_FILE, GUARDRAILS_FILE):
                (root / name).unlink(missing_ok=True)
            checked = _checked(project, inspect_files(root), manifest, target, targets)
    return AtRevision(sha, checked.compiled, tuple(sorted(set(faults))))


def _checked(
    project: Project,
    inspected: Inspected,
    manifest: Manifest,
    target: Target,
    targets: dict[str, Target],
) -> Checked:
    graph = Graph(manifest)
    return check_project(project, inspected.specs, manifest, graph, target=target, targets=targets)


def _exported(project: Project, repo: Repo, sha: str, root: Path) -> Inspected:
    """Write what the two files need into `root`, and read them there."""
    prefix = repo.relative(project.root)
    for name in _FILES:
        _export(repo, sha, prefix, root, name)
    inspected = inspect_files(root)
    for agent in inspected.specs.agents.agents or ():
        if agent.instructions and "\n" not in agent.instructions.strip():
            name = agent.instructions.strip()
            for part in included(_export(repo, sha, prefix, root, name)):
                _export(repo, sha, prefix, root, (PurePosixPath(name).parent / part).as_posix())
    return inspected


def _export(repo: Repo, sha: str, prefix: str, root: Path, name: str) -> str:
    place = (root / name).resolve()
    if not place.is_relative_to(root) or len(name) > 300:
        return ""
    text = repo.show(sha, f"{prefix}/{name}" if prefix else name)
    if text is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return text or ""
