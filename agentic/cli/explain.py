"""`agentic explain`: the page of any code, offline."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text

if TYPE_CHECKING:
    from agentic.records import CodePage

_PACKAGE = Path(__file__).parents[1]
_FIX = "The message names the place and the next step; `agentic debug` says what is ready."
_PUBLISHES = re.compile(r"^publish\(|\bCodePage\($|^@(rule|check|guardrail)\(", re.M)


@click.command("explain", short_help="Explain any code.")
@click.argument("code", required=False)
@project_options()
def command(flags: Flags, code: str | None) -> int:
    """Explain a code such as AC110 or a fault class such as join_type; without one, list all."""
    from agentic.config import did_you_mean
    from agentic.exceptions import AgenticError
    from agentic.records import all_pages, dump, page

    load_pages()
    if code is None:
        for entry in all_pages():
            if flags.as_json:
                emit_json(dump(entry))
            else:
                emit_text(f"{entry.code}  {entry.name}")
        return 0
    pages = [one for one in [page(code.strip())] if one] or [
        entry for entry in all_pages() if entry.name == code.strip().lower()
    ]
    if not pages:
        names = [name for entry in all_pages() for name in (entry.code, entry.name)]
        wanted = code.strip()
        hint = did_you_mean(wanted.upper() if wanted[:2].isupper() else wanted.lower(), names)
        listed = "`agentic explain` lists every code and class."
        raise AgenticError(f"unknown code {code!r}", hint=f"{hint} {listed}".strip(), code="AC113")
    if flags.as_json:
        for found in pages:
            emit_json(dump(found))
    else:
        emit_text("\n\n".join(page_text(found) for found in pages))
    return 0


def load_pages() -> None:
    """Import every module that publishes codes: their pages stand beside what they explain."""
    for file in sorted(_PACKAGE.rglob("*.py")):
        parts = file.relative_to(_PACKAGE).with_suffix("").parts
        if parts[0] in ("records", "cli") or not _PUBLISHES.search(file.read_text("utf-8")):
            continue
        importlib.import_module(".".join(["agentic", *parts]).removesuffix(".__init__"))
    _publish_exceptions()


def _publish_exceptions() -> None:
    """A page for each exception's code that no room explains, from the tree in the docstring."""
    from agentic import exceptions
    from agentic.records import CodePage, page, publish

    tree = re.findall(r"^[ │├└─]*(\w+) {2,}(\S.*)$", exceptions.__doc__ or "", re.M)
    for name, what in tree:
        code = getattr(exceptions, name).code
        if page(code) is None:
            publish(CodePage(code, name, f"{what[0].upper()}{what[1:]}.", fix=_FIX))


def page_text(found: CodePage) -> str:
    """A page as text."""
    text = f"{found.code} {found.name}\n\n{found.what}"
    if found.why:
        text += f"\n\nWhy: {found.why}"
    if found.fix:
        text += f"\n\nWhat to do: {found.fix}"
    if found.example:
        lines = "\n".join(f"    {line}" for line in found.example.splitlines())
        text += f"\n\nExample:\n\n{lines}"
    return text
