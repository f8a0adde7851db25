"""Progress on stderr, in the form of dbt's log lines."""

from __future__ import annotations

from datetime import datetime

import click

from agentic.cli.output import plain
from agentic.events import Event, Sink

_COLOUR = {"warn": "yellow", "error": "red"}


def progress_sink() -> Sink:
    """A sink that prints events of level info and above; colour only on a terminal."""

    def write(event: Event) -> None:
        if event.level == "debug":
            return
        moment = datetime.fromisoformat(event.at).astimezone()
        colour = _COLOUR.get(event.level)
        message = plain(event.message)
        text = click.style(message, fg=colour) if colour else message
        click.echo(f"{moment:%H:%M:%S}  {text}", err=True)

    return write
