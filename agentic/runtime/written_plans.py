"""Plans outside of agents.yml: written by an engine in a run, or in a file of a person's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from agentic.compiler import plan_of_text
from agentic.exceptions import AgenticError, ConfigError, Issue
from agentic.project import Project
from agentic.records import CompiledPlan, dumps
from agentic.review import run_folder
from agentic.runtime.session import Session

FILE = "plan.json"
_MOST_BYTES = 256 * 1024


def keep_plan(session: Session, run_id: str, plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Check a plan that an engine wrote, and keep it with its run. Returns its faults."""
    text = dumps(dict(plan), indent=2)
    read, issues = plan_of_text(text, FILE, session.compiled)
    faults = tuple(
        f"{one.code} {one.message}" + (f" ({one.hint})" if one.hint else "")
        for one in issues
        if one.severity == "error"
    )
    if read is None or faults:
        return faults or ("AC100 the plan cannot be read",)
    folder = run_folder(session.project, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")
    return ()


def written_plan(session: Session, run_id: str) -> CompiledPlan | None:
    """The plan that a run wrote, if it wrote one."""
    file = run_folder(session.project, run_id) / FILE
    if not file.is_file():
        return None
    read, _ = plan_of_text(file.read_text(encoding="utf-8"), FILE, session.compiled)
    return read


def read_plan(session: Session, name: str) -> CompiledPlan:
    """A plan by its file, or by the id of the run that wrote it (its start is enough).

    Raises ConfigError with every fault, AgenticError when there is no such plan.
    """
    file = _file(session.project, name)
    if file.stat().st_size > _MOST_BYTES:
        raise AgenticError(f"{file} is too long for a plan", hint="256 KiB are the most.")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AgenticError(f"{file} cannot be read: {error}") from error
    plan, issues = plan_of_text(text, name, session.compiled)
    errors = tuple(one for one in issues if one.severity == "error")
    if plan is None or errors:
        raise ConfigError(errors or [Issue(name, 1, 1, "AC107", "there is no plan in it")])
    return plan


def _file(project: Project, name: str) -> Path:
    given = Path(name)
    with suppress(OSError):  # a name that no file can have
        if given.is_file():
            return given
    runs = run_folder(project, "x").parent
    found = sorted(runs.glob(f"{_plain(name)}*/{FILE}")) if _plain(name) else []
    if len(found) == 1:
        return found[0]
    many = f"{len(found)} runs" if found else "neither a file nor a run with a plan"
    raise AgenticError(f"{name!r} names {many}", hint="Give a file, or the id of one run.")


def _plain(name: str) -> str:
    return name if name and all(one.isalnum() or one == "-" for one in name) else ""
