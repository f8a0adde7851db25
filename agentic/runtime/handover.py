"""What one conversation leaves to the next when the engine's window is full."""

from __future__ import annotations

import html
from collections.abc import Sequence

import msgspec

from agentic.masking import mask_text
from agentic.records import ToolCall, ToolResult, dumps
from agentic.runtime.engines import Exchange
from agentic.tools import Bench

CALLS_KEPT = 60
INPUT_CHARS = 160


class Handover(msgspec.Struct, frozen=True):
    """Facts of the run so far; nothing in it is a model's summary but its own notes."""

    scratchpad: dict[str, list[str]]
    edits: list[str]
    """`path: why`, as they lie on the bench."""
    calls: list[str]
    """`id: name input: how it ended`, the last ones; a report cites them by their ids."""
    calls_left_out: int


def hand_over(bench: Bench, history: Sequence[Exchange]) -> Handover:
    """The record for a new conversation about the same task."""
    made = [line for exchange in history for line in _lines(exchange)]
    return Handover(
        scratchpad=bench.scratchpad,
        edits=[f"{edit.path}: {edit.why}" for edit in bench.edits.values()],
        calls=made[-CALLS_KEPT:],
        calls_left_out=max(0, len(made) - CALLS_KEPT),
    )


def brief_again(brief: str, record: Handover) -> str:
    """The incident's brief with the hand-over record, marked and escaped like it."""
    text = html.escape(mask_text(dumps(record, indent=2)), quote=False)
    return (
        f"{brief}\n\nYou worked on this before and your conversation grew too long. What stands "
        "between the tags is the record of it; the edits it names are in place.\n"
        f"<handover>\n{text}\n</handover>"
    )


def _lines(exchange: Exchange) -> list[str]:
    results = {result.call_id: result for result in exchange.results}
    return [_line(call, results.get(call.id)) for call in exchange.turn.calls]


def _line(call: ToolCall, result: ToolResult | None) -> str:
    given = dumps(call.input)
    short = given if len(given) <= INPUT_CHARS else given[:INPUT_CHARS] + "..."
    return f"{call.id}: {call.name} {short}: {_outcome(result)}"


def _outcome(result: ToolResult | None) -> str:
    if result is None:
        return "not done"
    if result.decision is not None:
        return f"{result.decision.verdict} {result.decision.code}"
    return "failed" if result.is_error else "done"
