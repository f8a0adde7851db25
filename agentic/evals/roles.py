"""Evals of roles: a good result that must get through, and wrong ones that must not.

evals/roles/<role>.yml   the task, a good proposal, and plausible wrong ones with what rejects them

A scripted engine plays each through the run's own loop, boundary, guardrails and static checks.
That a scripted good result gets through proves the plumbing, and nothing about a model; that the
wrong ones do not is what the checks are for.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agentic.checks import Subject, registered_checks
from agentic.config import standard_agents
from agentic.evals.databases import EvalError
from agentic.evals.stage import LEFT_BEHIND, Stage, link
from agentic.project import Project
from agentic.records import ToolCall, Turn
from agentic.runtime import Session, agent_named, incident_of_request, open_session
from agentic.runtime.engines.scripted import ScriptedEngine
from agentic.runtime.investigate import Investigation, investigate

FOLDER = Path("evals") / "roles"
CAVEAT = (
    "A scripted engine played these: that a good result gets through proves the plumbing, not that "
    "a model would find it. What is measured is that the wrong ones are rejected."
)


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tool call of a script."""

    tool: str
    input: dict[str, Any] = {}


class Play(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A result as an engine would bring it."""

    what: str
    """Why it is good; why it is plausible, and wrong all the same."""
    calls: list[Step] = []
    submit: dict[str, Any] = {}
    """The input of `submit_report`."""
    rejected: str = ""
    """The code that has to reject a wrong one: of the policy, a guardrail, a check or a tool."""


class RoleEval(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One role's eval."""

    version: int
    role: str
    task: str
    good: Play
    wrong: dict[str, Play]


class Played(msgspec.Struct, frozen=True):
    """What became of one play."""

    role: str
    name: str
    """`good`, or the name of the wrong one."""
    expected: str
    """The code that had to reject it; empty for the good one."""
    codes: tuple[str, ...]
    """Codes that rejected it, in order; the first one counts."""
    said: str = ""
    """What the first of them said."""

    @property
    def right(self) -> bool:
        return self.codes[:1] == ((self.expected,) if self.expected else ())


def read_role(path: Path) -> RoleEval:
    """Raises EvalError for a file that is not of the form, or has fewer than three wrong ones."""
    try:
        loaded = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        read = msgspec.convert(loaded, RoleEval)
    except (OSError, YAMLError, msgspec.ValidationError) as error:
        raise EvalError(f"{path.name}: {error}", where=str(path)) from error
    bad = [name for name, play in read.wrong.items() if not play.rejected]
    if len(read.wrong) < 3 or bad:
        hint = "Each names with `rejected` the code that has to reject it."
        raise EvalError(f"{path.name}: at least three wrong results are needed", hint=hint)
    return read


def read_roles(root: Path) -> tuple[RoleEval, ...]:
    """The evals of a project, by name. Raises EvalError."""
    return tuple(read_role(path) for path in sorted((root / FOLDER).glob("*.yml")))


def scratch_of(project: Project, home: Path) -> Path:
    """A copy of a project in a repository of its own, without what dbt and agentic made."""
    root = home / "roles"
    shutil.copytree(project.root, root, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    if project.packages_path.is_dir():
        link(project.packages_path, root / project.packages_path.name)
    (root / ".gitignore").write_text("target/\nlogs/\n.agentic/\n")
    with_all_roles(root)
    Stage(root, database="none", target="").commit("as it was")
    return root


def with_all_roles(root: Path) -> None:
    """Write an agents.yml into a scratch copy that declares every standard role."""
    lines = [f"  - {{name: {name.split('.')[-1]}, extends: {name}}}" for name in standard_agents()]
    (root / "agents.yml").write_text("version: 1\nagents:\n" + "\n".join(lines) + "\n")


def play_roles(
    root: Path, evals: Iterable[RoleEval], *, profiles_dir: Path | None = None
) -> Iterator[Played]:
    """Play every eval in a scratch copy, whose agents are `with_all_roles`; nothing is built."""
    session, _ = open_session(
        root,
        profiles_dir=profiles_dir,
        target=None,
        apply=False,
        diagnose_only=True,
        asked=True,
    )
    for one in evals:
        yield _played(session, one, "good", one.good)
        for name, play in one.wrong.items():
            yield _played(session, one, name, play)


def _played(session: Session, one: RoleEval, name: str, play: Play) -> Played:
    agent = agent_named(session, one.role)
    words = f"{one.task} [{one.role}/{name}]"
    incident = session.store.see(incident_of_request(agent.name, words, session.target.name))
    found = investigate(session, agent, incident, ScriptedEngine(_turns(play)))
    try:
        rejections = list(_rejections(session, found))
    finally:
        found.places.close()
        session.store.close_incident(incident.fingerprint)
        session.store.abandon_run(found.run_id)
    codes = tuple(dict.fromkeys(code for code, _ in rejections))
    return Played(one.role, name, play.rejected, codes, rejections[0][1] if rejections else "")


def _turns(play: Play) -> list[Turn]:
    steps = [*play.calls, Step("submit_report", play.submit)]
    return [
        Turn("tool_use", calls=(ToolCall(f"call-{number}", step.tool, step.input),))
        for number, step in enumerate(steps, start=1)
    ]


def _rejections(session: Session, found: Investigation) -> Iterator[tuple[str, str]]:
    """(code, sentence) of every call that was refused, then of every static check that failed."""
    for step in found.journal.steps():
        output = step.output if step.kind == "tool" and isinstance(step.output, dict) else {}
        content = output.get("content")
        if output.get("is_error") and isinstance(content, dict):
            yield str(content.get("code", "")), str(content.get("reason") or content.get("error"))
    proposal = found.proposal
    if found.report is None:
        yield "no_report", found.end.sentence
    if proposal is None:
        return
    subject = Subject(
        proposal=proposal,
        project=session.project,
        manifest=session.manifest,
        graph=session.graph,
        dialect=session.dialect,
        incident=found.incident,
        finding=found.report.finding if found.report else None,
        guardrails=session.compiled.guardrails,
        world=session.world,
    )
    for spec in registered_checks():
        if spec.builds:
            continue
        result = spec.run(subject)
        if result.result == "fail":
            yield result.code, result.detail
