"""The engine's own notes, which outlive its conversation."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from agentic.tools.bench import Bench
from agentic.tools.registry import tool

Lines = Annotated[tuple[Annotated[str, Meta(max_length=300)], ...], Meta(max_length=30)]


@tool(toolset="report", effect="read")
def scratchpad(
    bench: Bench,
    *,
    plan: Annotated[Lines, Meta(description="what is still to do, in order")] = (),
    hypotheses: Annotated[Lines, Meta(description="what may be wrong, with why or why not")] = (),
    checked: Annotated[Lines, Meta(description="nodes and facts already looked at")] = (),
) -> dict[str, Any]:
    """Keep your plan, hypotheses and what you checked; each call replaces the whole pad.

    The pad is handed to you again when the conversation grows too long and starts anew.
    """
    bench.scratchpad = {
        "plan": list(plan),
        "hypotheses": list(hypotheses),
        "checked": list(checked),
    }
    return {"kept": True}
