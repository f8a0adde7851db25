"""`agentic adr`: which pattern a task needs, as a short decision record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentic.cli.advice import KINDS, QUESTIONS, Seat
from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text, note

if TYPE_CHECKING:
    from agentic.records import Compiled


def _flags(function: Callable[..., Any]) -> Callable[..., Any]:
    for question in reversed(QUESTIONS):
        option = click.option(
            f"--{question.flag}", type=click.Choice(question.answers), help=question.text
        )
        function = option(function)
    return function


@click.command("adr", short_help="Recommend a pattern for a task, with reasons.")
@click.option("--title", help="The task in a few words.")
@click.option("--reads", help=f"Which evidence it reads, of {','.join(KINDS)}; with commas.")
@_flags
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the record there too; a file that is there is left alone.",
)
@project_options()
def command(
    flags: Flags, /, title: str | None, reads: str | None, path: Path | None, **given: str | None
) -> int:
    """Ask what a task is like, and recommend a single agent, an orchestrator or a plan.

    What no flag answers is asked, on the terminal or line by line on stdin. The context that each
    agent would have is measured on this project's compiled files, else on the standard agents.
    """
    from agentic.cli import advice as rules

    try:
        title = title or str(click.prompt("The task in a few words", err=True))
        kinds = _kinds(reads or str(click.prompt("Which evidence it reads", _WIDE, err=True)))
        answers = {one.flag: given[one.flag] or _asked(one) for one in QUESTIONS}
    except click.Abort:
        names = ", ".join(f"--{one.flag}" for one in QUESTIONS)
        raise click.UsageError(f"answers are missing: give --title, --reads, {names}") from None
    advice = rules.advise(answers, kinds)
    every, source = _seats(flags)
    shown = rules.contexts(advice, rules.seats(advice, every))
    said = [("Which evidence does it read?", ", ".join(kinds))]
    said += [(one.text, answers[one.flag]) for one in QUESTIONS]
    text = rules.record(title, said, advice, shown, source)
    if path is not None:
        _write(path, text)
    if flags.as_json:
        emit_json(
            {
                "title": title,
                "answers": {"reads": list(kinds), **answers},
                "pattern": advice.pattern,
                "reasons": list(advice.reasons),
                "not_chosen": advice.against,
                "contexts": shown,
                "measured_on": source,
                "record": text,
            }
        )
    else:
        emit_text(text.rstrip("\n"))
    return 0


_WIDE = "data,code"


def _asked(question: Any) -> str:
    answer: str = click.prompt(
        question.text, question.default, type=click.Choice(question.answers), err=True
    )
    return answer


def _kinds(text: str) -> tuple[str, ...]:
    named = [one.strip() for one in text.split(",") if one.strip()]
    unknown = [one for one in named if one not in KINDS]
    if unknown or not named:
        raise click.UsageError(f"--reads takes {', '.join(KINDS)}; not {unknown or 'nothing'}")
    return tuple(one for one in KINDS if one in named)


def _seats(flags: Flags) -> tuple[tuple[Seat, ...], str]:
    """The agents that there are, and where they were looked up."""
    from agentic.cli.compilation import compile_here
    from agentic.exceptions import AgenticError

    try:
        found = compile_here(flags, quiet=True)
        if found.checked is not None and found.checked.compiled.agents:
            return _compiled(found.checked.compiled), "measured on this project's files"
    except AgenticError as error:
        note(f"measured on the standard agents: {error.message}")
    return _standard(), "measured on the standard agents: this project does not compile"


def _compiled(compiled: Compiled) -> tuple[Seat, ...]:
    return tuple(
        _seat(one.name, one.tools, one.instructions, one.output, one.delegates)
        for one in compiled.agents
    )


def _standard() -> tuple[Seat, ...]:
    from agentic.config import standard_agents, standard_dir
    from agentic.tools import toolsets

    found = []
    for name, spec in standard_agents().items():
        named = spec.tools or ()
        tools = {tool for one in named for tool in toolsets().get(one, (one,))}
        file = standard_dir() / (spec.instructions or "")
        text = file.read_text("utf-8") if file.is_file() else spec.instructions or ""
        seat = _seat(name, sorted(tools), text, spec.output or "", spec.delegates or ())
        found.append(seat)
    return tuple(found)


def _seat(name: str, tools: Any, instructions: str, output: str, delegates: Any) -> Seat:
    from agentic.records import dump, dumps
    from agentic.tools import registry

    specs = [registry()[one] for one in tools if one in registry()]
    return Seat(
        name=name,
        tools=tuple(tools),
        instruction_chars=len(instructions),
        schema_chars=sum(len(dumps(dump(spec))) for spec in specs),
        output=output,
        delegates=tuple(delegates),
        writes=any(spec.toolset == "edits" for spec in specs),
    )


def _write(path: Path, text: str) -> None:
    from agentic.exceptions import ProjectError

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ProjectError(
            f"{path} cannot be written: {error.strerror}", hint="Name a file that is not there."
        ) from error
    note(f"written to {path}")
