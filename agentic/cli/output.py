"""What a person or a program reads: JSON lines or text on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from typing import Any

import click


def emit_json(value: Any) -> None:
    """One JSON object on one line of stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def emit_text(text: str = "") -> None:
    """Text on stdout, colour only on a terminal."""
    click.echo(text)


def note(text: str) -> None:
    """A log line for people, on stderr."""
    click.echo(text, err=True)
