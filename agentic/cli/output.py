"""What a person or a program reads: JSON lines or text on stdout, everything else on stderr."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import click

# Control characters and those that turn the direction of writing: an error text, a column's value
# or a file's line could otherwise move the cursor, set a title or show other text than there is.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Text from outside as a terminal may show it; lines and tabs stay."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def emit_json(value: Any) -> None:
    """One JSON object on one line of stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def emit_text(text: str = "") -> None:
    """Text on stdout, colour only on a terminal."""
    click.echo(text)


def note(text: str) -> None:
    """A log line for people, on stderr."""
    click.echo(text, err=True)
