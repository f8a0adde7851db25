"""`agentic compile`: check both files against the lineage and write the compiled manifest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text, note

if TYPE_CHECKING:
    from agentic.exceptions import Issue
    from agentic.records import Compiled


@click.command("compile", short_help="Check and compile both files.")
@click.option(
    "--compare",
    "revision",
    metavar="REV",
    help="List what these files allow and those of the git revision REV did not; write nothing.",
)
@click.option("--prompts", is_flag=True, help="Show each agent's rendered prompt and its tokens.")
@click.option(
    "--count-tokens",
    "count",
    is_flag=True,
    help="Ask the model service for the tokens; sends it the prompts and the tools' schemas.",
)
@project_options()
def command(flags: Flags, revision: str | None, prompts: bool, count: bool) -> int:
    """Check agents.yml and guardrails.yml, and compile them to target/agentic/manifest.json.

    Every issue of both files is told at once, as `file:line:col CODE message`. When one of them is
    an error, nothing is written and the exit code is 2. The JSON summary holds each agent's prompt
    as its model is sent it, with an estimate of its tokens; --prompts shows them as text.
    With --compare the exit code is 1 while something widened that nobody approved.
    """
    from agentic.cli.compilation import compile_here, shown_path
    from agentic.cli.pins import seen_changes
    from agentic.cli.prompts_shown import counted_by_service, prompt_line, prompt_text
    from agentic.compiler import prompts_of, write_manifest

    found = compile_here(flags)
    _tell(found.issues, found.project.root, as_json=flags.as_json)
    for line in seen_changes(found.project):
        note(line)
    if found.failure is not None:
        raise found.failure
    assert found.checked is not None
    if revision is not None and not found.errors:
        from agentic.cli.compare_revision import compare_here

        return compare_here(found, revision, as_json=flags.as_json)
    errors, warnings = len(found.errors), len(found.checked.warnings)
    written = None if errors else write_manifest(found.checked.compiled, found.project)
    compiled = found.checked.compiled
    counts = _counts(compiled)
    sent = () if errors else prompts_of(compiled)
    if count:
        sent = counted_by_service(compiled, sent)
    if flags.as_json:
        summary = {
            "status": "error" if errors else "success",
            "errors": errors,
            "warnings": warnings,
            "manifest": shown_path(written) if written else None,
            "content_hash": compiled.content_hash if written else None,
        }
        emit_json({**summary, **counts, "prompts": [prompt_line(one) for one in sent]})
    else:
        if found.issues:
            emit_text()
        said = ", ".join(_counted(number, name) for name, number in counts.items())
        emit_text(f"Found {said}")
        if written:
            emit_text(f"Compiled to {shown_path(written)} ({compiled.content_hash[:12]})")
        if prompts or count:
            emit_text("".join(f"\n{prompt_text(prompt)}\n" for prompt in sent))
        passed = 0 if errors else len(compiled.agents)
        emit_text(f"Done. PASS={passed} WARN={warnings} ERROR={errors}")
    return 2 if errors else 0


def _counts(compiled: Compiled) -> dict[str, int]:
    rails = compiled.guardrails
    rules = [rails.read_deny, rails.read_mask, rails.change_allow, rails.change_ask]
    return {
        "agents": len(compiled.agents),
        "tools": len(compiled.tools),
        "rules": sum(map(len, [*rules, rails.change_deny])),
        "connections": len(compiled.connections),
    }


def _tell(issues: Iterable[Issue], root: Path, *, as_json: bool) -> None:
    from agentic.cli.compilation import shown
    from agentic.records import dump

    for issue in issues:
        if as_json:
            emit_json(dump(issue))
        else:
            emit_text(shown(issue, root))


def _counted(number: int, name: str) -> str:
    return f"{number} {name.removesuffix('s') if number == 1 else name}"
