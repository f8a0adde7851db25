"""A `macro` tool: `dbt run-operation`, in the workspace or, approved, on the real target."""

from __future__ import annotations

from typing import Any

import msgspec

from agentic.project import (
    DbtOutcome,
    Project,
    child_environment,
    find_dbt,
    named_variables,
    read_target,
    run_dbt,
)
from agentic.records import OwnTool
from agentic.tools.bench import Bench
from agentic.tools.dbt import shown, workspace_of
from agentic.tools.own.hands import Hands
from agentic.tools.registry import ToolError

_LOG_CHARS = 4_000


def run_operation(
    bench: Bench, tool: OwnTool, given: dict[str, Any], hands: Hands
) -> dict[str, Any]:
    """Run the macro; the inputs are its arguments, as JSON. Raises ToolError with dbt's error."""
    macro: str = tool.body["macro"]
    args = msgspec.json.encode(given).decode()
    outcome = (
        _on_target(bench, tool, args, hands)
        if tool.spec.effect == "external"
        else (_in_workspace(bench, tool, args, hands))
    )
    log = shown(bench, "\n".join(_lines(outcome)))[-_LOG_CHARS:]
    if outcome.timed_out:
        raise ToolError(f"{macro} did not end within {tool.timeout_s:.0f} s and was ended")
    if not outcome.ok:
        raise ToolError(f"{macro} failed:\n{log}")
    return {"ok": True, "log": log}


def _in_workspace(bench: Bench, tool: OwnTool, args: str, hands: Hands) -> DbtOutcome:
    """With the macros of the project as they are: what the proposal, or an earlier step of the
    plan, changes is not run."""
    folders = tuple(f"{folder}/" for folder in bench.project.macro_paths)
    changed = [path for path in bench.edits if path.startswith(folders)]
    changed += _changed_before(bench.project, hands.checkout(bench.project))
    if changed:
        raise ToolError(f"the proposal changes {changed[0]}; macros are run as people wrote them")
    space = workspace_of(bench)
    return space.run_operation(tool.body["macro"], args, timeout_s=tool.timeout_s)


def _changed_before(project: Project, checkout: Project) -> list[str]:
    """Macro files that are not what the checkout has."""
    if project.root == checkout.root:
        return []
    here, there = _macros(project), _macros(checkout)
    return sorted(path for path in {*here, *there} if here.get(path) != there.get(path))


def _macros(project: Project) -> dict[str, bytes]:
    files = (
        file for folder in project.macro_paths for file in (project.root / folder).rglob("*.sql")
    )
    return {file.relative_to(project.root).as_posix(): file.read_bytes() for file in files}


def _on_target(bench: Bench, tool: OwnTool, args: str, hands: Hands) -> DbtOutcome:
    """From the checkout, also in a step of a plan: its macros, and the files its profile names."""
    project = hands.checkout(bench.project)
    target = read_target(project, hands.target or None)
    profiles = target.profiles_path or project.root / "profiles.yml"
    folder = project.target_path / "agentic" / "operation"
    folder.mkdir(parents=True, exist_ok=True)
    where = (
        "--project-dir", str(project.root),
        "--profiles-dir", str(profiles.parent),
        "--target", target.name,
        "--target-path", str(folder),
        "--log-path", str(folder / "logs"),
    )  # fmt: skip
    return run_dbt(
        find_dbt(),
        ["run-operation", tool.body["macro"], "--args", args, *where],
        cwd=project.root,
        env=child_environment(named=named_variables(project, profiles)),
        timeout_s=tool.timeout_s,
    )


def _lines(outcome: DbtOutcome) -> list[str]:
    """What the macro logged and what went wrong; not dbt's own chatter."""
    if not outcome.ok:
        return list(outcome.errors)
    wanted = ("JinjaLogInfo", "PrintEvent", "JinjaLogDebug")
    events = (one["info"] for one in outcome.events)
    return [str(one.get("msg") or "") for one in events if one.get("name") in wanted]
