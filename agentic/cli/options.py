"""Options that every command shares, declared once, with dbt's names and environment variables."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec

import click

P = ParamSpec("P")


class Flags(NamedTuple):
    """What every command is told."""

    project_dir: Path | None
    profiles_dir: Path | None
    target: str | None
    output: str
    """`text` or `json` (some commands know more)."""

    @property
    def as_json(self) -> bool:
        return self.output == "json"


def project_options(
    *formats: str,
) -> Callable[[Callable[Concatenate[Flags, P], Any]], Callable[..., Any]]:
    """Add --project-dir, --profiles-dir, --target and --output (`text`, `json`, and `formats`)."""

    def decorate(function: Callable[Concatenate[Flags, P], Any]) -> Callable[..., Any]:
        @click.option(
            "--output",
            type=click.Choice(["text", "json", *formats]),
            default="text",
            envvar="AGENTIC_OUTPUT",
            help="What stdout carries; logs go to stderr.",
        )
        @click.option("-t", "--target", envvar="DBT_TARGET", help="dbt target of the profile.")
        @click.option(
            "--profiles-dir",
            envvar="DBT_PROFILES_DIR",
            type=click.Path(path_type=Path, file_okay=False),
            help="Where profiles.yml is, if not in the project or ~/.dbt.",
        )
        @click.option(
            "--project-dir",
            envvar="DBT_PROJECT_DIR",
            type=click.Path(path_type=Path, file_okay=False),
            help="Where dbt_project.yml is; default: here or the nearest parent.",
        )
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            names = ("project_dir", "profiles_dir", "target", "output")
            flags = Flags(*(kwargs.pop(name) for name in names))
            return function(flags, *args, **kwargs)

        return wrapped

    return decorate
