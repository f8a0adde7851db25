"""`agentic eval`: faults put into a copy of the user's own project, and the agent graded."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from msgspec.structs import replace

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text, note

if TYPE_CHECKING:
    from agentic.evals.base import Base
    from agentic.evals.case import Case, CaseResult


class Asked(NamedTuple):
    """The options."""

    faults: tuple[str, ...]
    listed: bool
    roles: bool
    seeds: int
    select: str
    folders: tuple[Path, ...]
    engines: tuple[str, ...]
    history: bool
    workers: int
    keep: Path | None


ENGINES = ["auto", "rules", "anthropic", "scripted"]


@click.command("eval", short_help="Break a copy of this project and grade the agent.")
@click.option(
    "--fault", "faults", multiple=True, metavar="CLASS", help="Fault class; default: all."
)
@click.option("--list", "listed", is_flag=True, help="List the fault classes.")
@click.option(
    "--roles", is_flag=True, help="Play evals/roles/*.yml: are a role's wrong results rejected?"
)
@click.option("--seeds", default=1, show_default=True, help="How many places to try a class.")
@click.option("-s", "--select", default="", help="dbt node selection where faults may be put.")
@click.option(
    "--case",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A case that you wrote, or a folder of such cases.",
)
@click.option("--engine", "engines", multiple=True, type=click.Choice(ENGINES), default=["rules"])
@click.option(
    "--history", is_flag=True, help="Commit the fault on top, so that git tells what changed."
)
@click.option("--workers", default=1, show_default=True, help="Cases at the same time.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep copies there.")
@project_options("html")
def command(flags: Flags, /, **given: Any) -> int:
    """Break a copy of this project in many ways and grade what the agent makes of each.

    The project is copied with its warehouse and its uncommitted state; nothing of yours is
    written. The copy must build green first. Controls are scored beside the agent: the project
    with nothing wrong, an agent that does nothing, one that reverts the last commit. Exit code 0
    when every case is right, 1 when one is wrong, 2 when the evals could not be run.
    """
    from agentic.evals.case import Case

    asked = Asked(**given)
    if asked.listed:
        return _list(flags)
    if asked.roles:
        from agentic.cli.eval_roles import play

        return play(flags)
    faults = _known(asked.faults, bool(asked.folders))
    with tempfile.TemporaryDirectory(prefix="agentic-eval-") as scratch:
        work = (asked.keep or Path(scratch)).resolve()
        first = Case(project=_name(flags), fault="", squash=not asked.history)
        written = _written(first, asked)
        cases = [
            replace(first, fault=fault, seed=seed, engine=engine, select=asked.select)
            for fault in faults
            for seed in range(max(1, asked.seeds))
            for engine in asked.engines
        ]
        with _green(flags, work, asked) as base:
            results = _run(base, [*cases, *written], work, asked)
            return _show(flags, results, _untouched(base, asked.engines, work))


def _known(faults: tuple[str, ...], has_folders: bool) -> list[str]:
    """The classes to try: those named, else all; none when only written cases are asked for."""
    from agentic.config.nearest import did_you_mean
    from agentic.evals import NoPlace, fault_classes

    classes = fault_classes()
    for fault in faults:
        if fault not in classes:
            hint = did_you_mean(fault, classes) or "`agentic eval --list` shows them."
            raise NoPlace(f"no fault class {fault!r}", hint=hint)
    if faults:
        return list(faults)
    return [] if has_folders else list(classes)


def _list(flags: Flags) -> int:
    from agentic.evals import fault_classes

    for name, one in fault_classes().items():
        if flags.as_json:
            emit_json({"class": name, "layer": one.layer, "what": one.what})
        else:
            emit_text(f"{name:28}{one.layer:6}{one.what}")
    return 0


def _name(flags: Flags) -> str:
    from agentic.project import find_project

    return find_project(
        flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target
    ).name


@contextmanager
def _green(flags: Flags, work: Path, asked: Asked) -> Iterator[Base]:
    """The green base; its database goes with it, unless copies are kept."""
    from agentic.evals.base import make_base
    from agentic.evals.copies import discard
    from agentic.project import find_project

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    note(f"Copying {project.name} and building it green.")
    home = work / "green"
    try:
        base = make_base(
            project.root,
            home,
            profiles_dir=flags.profiles_dir,
            target=flags.target,
            engine=asked.engines[0],
        )
        if not base.untouched_right:
            said = base.untouched.stderr or "it found something to do"
            note(f"The green project was not left alone: {said}")
        yield base
    finally:
        if asked.keep is None:
            discard(home)
        else:
            note(f"Copies are kept in {work}; databases on a server go with the next eval.")


def _written(first: Case, asked: Asked) -> list[Case]:
    """Cases that a user wrote; all are read before the first is run."""
    from agentic.evals.case_folders import find_cases, read_case

    found = []
    for folder in (one for given in asked.folders for one in find_cases(given.resolve())):
        read = read_case(folder)
        found += [
            replace(first, fault=read.name, engine=engine, folder=str(folder))
            for engine in asked.engines
        ]
    return found


def _run(base: Base, cases: list[Case], work: Path, asked: Asked) -> tuple[CaseResult, ...]:
    from agentic.evals.suite import Kept, Suite

    ended = count(1)

    def said(one: CaseResult) -> None:
        verdict = ("right" if one.right else "WRONG") if one.fits else "does not fit"
        where = f"{next(ended)}/{len(cases)}"
        note(f"[{where}] {one.case.fault} seed {one.case.seed} ({one.case.engine}): {verdict}")

    bases = {case.project: base for case in cases}
    keep = asked.keep is not None
    suite = Suite(bases, work / "cases", kept=Kept(None, ""), workers=asked.workers, keep=keep)
    return suite.run(cases, said)


def _untouched(base: Base, engines: tuple[str, ...], work: Path) -> dict[str, bool]:
    """The control on the green project, an engine each."""
    from agentic.evals.agent import run_agent
    from agentic.evals.copies import discard

    found = {engines[0]: base.untouched_right}
    for engine in engines[1:]:
        home = work / "untouched"
        try:
            found[engine] = run_agent(base.copy.twin(home), engine=engine).quiet
        finally:
            discard(home)
    return found


def _show(flags: Flags, results: tuple[CaseResult, ...], untouched: dict[str, bool]) -> int:
    from agentic.evals.score import control_scores, score_of
    from agentic.evals.tables import html_page, text_table
    from agentic.records import dump

    fits = [one for one in results if one.fits]
    if flags.as_json:
        for one in results:
            emit_json({**dump(one), "right": one.right, "why": list(one.why)})
        controls = {name: dump(one) for name, one in control_scores(fits).items()}
        emit_json({"score": dump(score_of(fits)), "controls": controls, "untouched": untouched})
    elif flags.output == "html":
        emit_text(html_page(results, untouched))
    else:
        emit_text(text_table(results, untouched))
    right = all(one.right for one in fits) and all(untouched.values())
    return 0 if right else 1
