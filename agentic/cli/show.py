"""`agentic show RUN`: a run's case file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text

if TYPE_CHECKING:
    from agentic.records import RunResult


@click.command("show", short_help="Show a run's case file.")
@click.argument("run", required=False)
@click.option("--body", is_flag=True, help="Only the pull request body.")
@click.option("--steps", is_flag=True, help="Every journalled step with its result.")
@project_options()
def command(flags: Flags, run: str | None, body: bool, steps: bool) -> None:
    """Show a run (its id or the start of it; default: the last one)."""
    from agentic.cli.report import run_text
    from agentic.exceptions import StoreError
    from agentic.project import find_project
    from agentic.records import dump, public_run
    from agentic.review import run_folder
    from agentic.store import Journal, open_store, utc_now

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    store = open_store(project.root, project=project.name, clock=utc_now)
    if run is None:
        last = next((row["run_id"] for row in store.history(20) if row["result"]), None)
        if last is None:
            raise StoreError("there is no finished run yet", hint="`agentic run` makes one.")
        run = last
    result = store.result(run)
    if result is None:
        raise StoreError(
            f"no single run is called {run!r}", hint="`agentic history` lists the runs."
        )
    if steps:
        for step in Journal(store, result.run_id).all_steps():
            emit_json(dict(zip(step._fields, (dump(part) for part in step), strict=True)))
        return
    text = run_folder(project, result.run_id) / "pr_body.md"
    if body:
        if not text.is_file():
            raise StoreError(
                f"run {result.run_id} has no pull request body",
                hint=f"It ended as {result.status}: {result.reason}",
            )
        emit_text(text.read_text(encoding="utf-8"))
    elif result.extra.get("plan"):
        _show_plan(flags, result)
    elif flags.as_json:
        emit_json(public_run(result))
    else:
        emit_text(run_text(result, applied=result.branch is not None))


def _show_plan(flags: Flags, result: RunResult) -> None:
    from agentic.cli.plan_shown import plan_text, public_plan_run

    if flags.as_json:
        emit_json(public_plan_run(result))
    else:
        emit_text(plan_text(result))
