"""A project that dbt cannot read: which file and node its message names, and what it is not.

A missing package or a wrong profile also stops `dbt parse`, but no edit mends them: those are
errors for the person, not incidents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from agentic.exceptions import DbtError
from agentic.project import DbtOutcome, Logged, Manifest, Project
from agentic.records import Signal
from agentic.triggers.signals import clean

_KINDS = (
    "model|snapshot|seed|test|unit_test|analysis|operation|source|exposure|metric|semantic_model"
    "|saved_query|macro"
)
_UNIQUE_ID = re.compile(rf"\b((?:{_KINDS})\.\w+\.[\w.]+)['\s]* \(([^()\s]+)\)", re.IGNORECASE)
_ANY_NODE = re.compile(rf"\b((?:{_KINDS})\.\w+\.[\w.]*\w)")
_IN_NODE = re.compile(rf"\bin (?:{_KINDS}) \S+ \(([^()\s]+)\)", re.IGNORECASE)
_READING = re.compile(r"Error reading \S+: (\S+\.\w+)")
_ANY_FILE = re.compile(r"[\w./\\ -]*?([\w./\\-]+\.(?:sql|ya?ml|py|csv|md))\b")

# (what dbt says, what to do): the person's set-up, not the project's text
_SET_UP = (
    (re.compile(r"package\(s\) specified in|dbt deps"), "Run `dbt deps`, then `dbt build`."),
    (
        re.compile(r"Could not find adapter type|Credentials in profile|Could not find profile"),
        "Check the target in profiles.yml (`dbt debug`).",
    ),
    (re.compile(r"Env var required but not provided: '?(\w+)"), "Set it in the environment."),
    (
        re.compile(r"This version of dbt is not supported|requires a different version"),
        "Install a dbt version that the project allows, or set AGENTIC_DBT to one.",
    ),
)


def parse_signal(
    outcome: DbtOutcome, project: Project, manifest: Manifest | None, changed: Sequence[str]
) -> Signal:
    """What a failed `dbt parse` says. Raises DbtError where no edit of the project could help.

    `manifest` is the last good one, if there is any; `changed` the files that are newer.
    """
    message = "\n".join(outcome.errors).strip()
    if outcome.timed_out:
        raise DbtError("`dbt parse` took too long and was stopped", hint="Run it by hand.")
    _refuse_set_up(message)
    if outcome.exit_code < 0:
        raise DbtError(f"`dbt parse` was killed by signal {-outcome.exit_code}")
    node, path = _locate(message, project, changed)
    if not node and manifest is not None and path:
        node = _node_at(path, manifest)
    return Signal(kind="parse_error", node=node, message=clean(message), path=path)


def stopped_signal(stopped: Logged, project: Project, changed: Sequence[str]) -> Signal:
    """A build that dbt's log says ended on the project's own code, before any node was run.

    Raises DbtError where no edit of the project could help.
    """
    _refuse_set_up(stopped.error)
    node = _ANY_NODE.search(stopped.error)
    path = _locate(stopped.error, project, changed)[1]
    message = clean(stopped.error)
    return Signal(kind="compile_error", node=node[1] if node else "", message=message, path=path)


def _refuse_set_up(message: str) -> None:
    for pattern, hint in _SET_UP:
        if pattern.search(message):
            raise DbtError(f"dbt cannot start here: {clean(message)}", hint=hint)


def _locate(message: str, project: Project, changed: Sequence[str]) -> tuple[str, str]:
    """(`unique_id`, path), either may be empty."""
    named = [(uid, path) for uid, path in _UNIQUE_ID.findall(message) if _exists(project, path)]
    if named:
        # Two nodes of one name: the one whose file changed last is the new one.
        rank = {path: number for number, path in enumerate(changed)}
        return min(named, key=lambda pair: rank.get(pair[1], len(rank)))
    for pattern in (_IN_NODE, _READING, _ANY_FILE):
        for text in pattern.findall(message):
            path = _resolve(project, text)
            if path:
                return "", path
    files = [path for path in changed if Path(path).suffix]
    return "", files[0] if len(files) == 1 else ""


def _exists(project: Project, path: str) -> bool:
    return (project.root / path).is_file()


def _resolve(project: Project, text: str) -> str:
    """A path as dbt wrote it: relative to the root or a source folder, or absolute."""
    for folder in (project.root, *project.source_roots):
        file = folder / text
        if file.is_file() and file.resolve().is_relative_to(project.root):
            return file.resolve().relative_to(project.root).as_posix()
    return ""


def _node_at(path: str, manifest: Manifest) -> str:
    """The one node that a code file makes; YAML files make many."""
    if path.endswith((".yml", ".yaml", ".md")):
        return ""
    found = [uid for uid, node in manifest.nodes.items() if node.original_file_path == path]
    return found[0] if len(found) == 1 else ""
