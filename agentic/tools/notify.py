"""A tool whose effect lies outside: tell people, after a person agreed."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from agentic.tools.bench import Bench
from agentic.tools.registry import ToolError, tool


@tool(toolset="notify", effect="external")
def notify(
    bench: Bench,
    *,
    to: Annotated[str, Meta(description="name of a connection: slack, webhook or pagerduty")],
    title: Annotated[str, Meta(min_length=1, max_length=200)],
    text: Annotated[str, Meta(description="plain words, no values of rows", max_length=2000)] = "",
    dry_run: Annotated[
        bool, Meta(description="true: say what would be told; false: ask a person and tell it")
    ] = True,
) -> dict[str, Any]:
    """Tell people through a connection of agents.yml. A person agrees to each message before.

    What escalations say is told without this tool. `dry_run` is true unless lifted.
    """
    if dry_run:
        return {"dry_run": True, "would_tell": to, "title": title, "next": "repeat: dry_run false"}
    if bench.notify is None:
        raise ToolError("nobody can be told anything in this run")
    bench.notify(to, title, text)
    return {"told": to}
