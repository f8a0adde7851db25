"""`agentic check changes`: verdicts for changes of project files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text

if TYPE_CHECKING:
    from agentic.policy import ChangeVerdict

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command("changes", short_help="Judge changes of project files.")
@click.option("--base", metavar="REV", help="Judge what this checkout changes since REV.")
@click.option("--input", "lines", type=_FILE, help="JSON lines of {id, files, before}.")
@click.option("--guardrails", type=_FILE, help="A guardrails.yml; default: the project's.")
@click.option("--dialect", help="Dialect of the project's SQL; default: the target's.")
@project_options()
def command(
    flags: Flags,
    base: str | None,
    lines: Path | None,
    guardrails: Path | None,
    dialect: str | None,
) -> int:
    """Judge the checkout against a revision, or the changes of a JSON lines file.

    `files` maps paths to new text (null: deleted; `SYMLINK:target`: a link), `before` to the text
    that stood there; both are laid over the project. Exits 0 when everything is allowed, 1 when
    something is asked or denied.
    """
    from agentic.cli.change_world import checkout_change, find_rules, find_view
    from agentic.policy import judge_change
    from agentic.project import find_project

    if (base is None) == (lines is None):
        raise click.UsageError("Give --base REV or --input FILE.")
    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    cases = read_cases(lines) if lines is not None else [checkout_change(project, str(base))]
    view = find_view(project, dialect)
    rules = find_rules(flags, project, guardrails)
    worst = 0
    for case in cases:
        verdict = judge_change(case["files"], case["before"], project=view, rules=rules)
        worst = max(worst, int(verdict.verdict != "allow"))
        if flags.as_json or lines is not None:
            emit_json(as_line(case["id"], verdict))
        else:
            _print(verdict)
    return worst


def as_line(identity: object, verdict: ChangeVerdict) -> dict[str, Any]:
    """The public shape of a verdict (design.md section 6)."""
    return {
        "id": identity,
        "verdict": verdict.verdict,
        "code": verdict.code,
        "reason": verdict.reason,
        "findings": [
            {
                "path": one.path,
                "line": one.line,
                "verdict": one.verdict,
                "code": one.code,
                "reason": one.reason,
            }
            for one in verdict.findings
        ],
    }


def _print(verdict: ChangeVerdict) -> None:
    emit_text(f"{verdict.verdict} {verdict.code}: {verdict.reason}")
    for one in verdict.findings:
        where = f"{one.path}:{one.line}" if one.line else one.path
        emit_text(f"  {where} {one.verdict} {one.code} {one.reason}")


def read_cases(path: Path) -> list[dict[str, Any]]:
    """The cases of a JSON lines file. Raises AgenticError with the line that is wrong."""
    from agentic.exceptions import AgenticError

    cases = []
    text = path.read_bytes().decode("utf-8", errors="replace")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            raw = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise AgenticError(
                f"not JSON: {error}", hint="One object a line.", where=where
            ) from error
        if not isinstance(raw, dict) or not _texts(raw.get("files"), required=True):
            hint = "Each line is {id, files: {path: text or null}, before: {path: text}}."
            raise AgenticError("needs a mapping under `files`", hint=hint, where=where)
        if not _texts(raw.get("before"), required=False):
            raise AgenticError(
                "`before` must map paths to texts", hint="Leave it out if empty.", where=where
            )
        cases.append(
            {
                "id": raw.get("id", number),
                "files": raw["files"],
                "before": raw.get("before") or {},
            }
        )
    return cases


def _texts(value: object, *, required: bool) -> bool:
    if value is None:
        return not required
    return isinstance(value, dict) and all(isinstance(text, str | None) for text in value.values())
