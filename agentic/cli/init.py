"""`agentic init`: write agents.yml and guardrails.yml that fit the project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text, note

if TYPE_CHECKING:
    from agentic.project import Manifest, Project, Target

_FILES = ("agents.yml", "guardrails.yml")


@click.command("init", short_help="Write both files to fit this project.")
@project_options()
def command(flags: Flags) -> int:
    """Read the project, its profile and its adapter; write commented agents.yml and guardrails.yml.

    Nothing that is already there is overwritten.
    """
    from agentic.cli.compilation import compile_here, shown, shown_path
    from agentic.cli.survey import survey_project
    from agentic.cli.templates import agents_text, guardrails_text
    from agentic.project import find_project, list_targets, read_target

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    _refuse_existing(project.root)
    target = read_target(project)
    manifest = _manifest(project, target)
    found = survey_project(project, target, list_targets(project), manifest)
    texts = {"agents.yml": agents_text(found), "guardrails.yml": guardrails_text(found)}
    _write(project.root, texts)
    names = [shown_path(project.root / name) for name in texts]
    if flags.as_json:
        emit_json({"status": "success", "files": names, "target": target.name})
    else:
        emit_text(f"Wrote {' and '.join(names)} for {project.name} ({target.adapter}).")
    if manifest is None:
        note("They name no tags: dbt could not parse the project. Then run: agentic compile")
        return 0
    issues = compile_here(flags, quiet=True).issues
    for issue in issues:
        note(shown(issue, project.root))
    if not flags.as_json:
        emit_text("Next: read both, then `dbt build || agentic run`.")
    return 0


def _refuse_existing(root: Path) -> None:
    from agentic.exceptions import AgenticError

    for name in (*_FILES, *(name.replace(".yml", ".yaml") for name in _FILES)):
        path = root / name
        if path.exists() or path.is_symlink():
            raise AgenticError(
                f"{name} is already there; nothing was written",
                hint="`agentic compile` checks it. To start anew, move it away first.",
                where=str(root),
                code="AC502",
            )


def _manifest(project: Project, target: Target) -> Manifest | None:
    from agentic.compiler import current_manifest
    from agentic.exceptions import AgenticError

    try:
        return current_manifest(project, target, on_line=None)
    except AgenticError as error:
        note(f"{error}\n")
        return None


def _write(root: Path, texts: dict[str, str]) -> None:
    from agentic.exceptions import AgenticError

    written: list[Path] = []
    try:
        for name, text in texts.items():
            with (root / name).open("x", encoding="utf-8") as file:
                written.append(root / name)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise AgenticError(
            f"cannot write {error.filename or 'the files'}: {error.strerror or error}",
            hint="Make the project's folder writable; nothing was left behind.",
            where=str(root),
            code="AC502",
        ) from error
