"""What the model service is sent: pure shapes, appended to and never edited.

The prefix is stable (tools, then system), so that the service's cache holds it; results stand in an
envelope, since what they hold is data, whatever it says.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from agentic.records import ToolResult, ToolSpec, dumps
from agentic.runtime.engines.base import Exchange, Task

CACHED = {"type": "ephemeral"}
_STRICT_KEYS = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf"}
    | {"description", "title", "default"}
)
"""What the service's strict mode reads of a JSON Schema; the boundary checks the rest anyway."""


class Conversation:
    """The messages of one task. Each exchange is turned into its messages once."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._said: list[dict[str, Any]] = [{"role": "user", "content": task.brief}]
        self._exchanges = 0
        self._encoded = bytearray()
        self._pieces = 0

    def messages(self, history: Sequence[Exchange]) -> list[dict[str, Any]]:
        """All messages up to here; `history` is the one of the last call, grown at its end."""
        for exchange in history[self._exchanges :]:
            self._said += _exchange(exchange)
        self._exchanges = len(history)
        return self._said

    def encoded(self) -> bytes:
        """The messages as the JSON array that is sent; each was encoded once, when it came."""
        for message in self._said[self._pieces :]:
            self._encoded += b"," if self._pieces else b"["
            self._encoded += msgspec.json.encode(message)
            self._pieces += 1
        return bytes(self._encoded) + b"]"


def system(task: Task) -> list[dict[str, Any]]:
    """The instructions, as the last block of the prefix that the service keeps."""
    return [{"type": "text", "text": task.instructions, "cache_control": CACHED}]


def tools(specs: Iterable[ToolSpec], *, strict: bool) -> list[dict[str, Any]]:
    """Tool definitions. With `strict` the service itself keeps calls that have an effect to their
    schema; not every tool, since all strict schemas of a request make one grammar of limited size.
    """
    return [_tool(spec, strict=strict) for spec in specs]


def _tool(spec: ToolSpec, *, strict: bool) -> dict[str, Any]:
    tool: dict[str, Any] = {"name": spec.name, "description": spec.description}
    kept = strict_schema(spec.input_schema) if strict and _has_effect(spec) else None
    if kept is None:
        return tool | {"input_schema": spec.input_schema}
    return tool | {"input_schema": kept, "strict": True}


def _has_effect(spec: ToolSpec) -> bool:
    return spec.effect != "read" or spec.name == "submit_report"


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema without what strict mode does not read; None where a part may hold anything."""
    # JSON Schema also has the schemas `true` and `false`: `items: false` ends a tuple.
    if not isinstance(schema, Mapping) or not _closed(schema):
        return None
    kept: dict[str, Any] = {key: value for key, value in schema.items() if key in _STRICT_KEYS}
    if "properties" in kept:
        parts = {name: strict_schema(part) for name, part in kept["properties"].items()}
        kept["properties"] = parts
        if None in parts.values():
            return None
    if "items" in kept:
        kept["items"] = strict_schema(kept["items"])
        if kept["items"] is None:
            return None
    if "anyOf" in kept:
        kept["anyOf"] = [strict_schema(part) for part in kept["anyOf"]]
        if None in kept["anyOf"]:
            return None
    return kept


def _closed(schema: Mapping[str, Any]) -> bool:
    """Nothing may stand here but what is named."""
    if schema.get("type") == "object":
        return schema.get("additionalProperties") is False
    return any(key in schema for key in ("type", "enum", "const", "anyOf"))


def _exchange(exchange: Exchange) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    if exchange.turn.raw:
        said.append({"role": "assistant", "content": exchange.turn.raw})
    answer: list[dict[str, Any]] = [_result(result) for result in exchange.results]
    if exchange.note:
        answer.append({"type": "text", "text": exchange.note})
    if answer:
        said.append({"role": "user", "content": answer})
    return said


def _result(result: ToolResult) -> dict[str, Any]:
    cut = ' truncated="true"' if result.truncated else ""
    # The id stands in the text too: a report cites the call by it.
    name = html.escape(result.call_id)
    body = html.escape(dumps(result.content), quote=False)
    return {
        "type": "tool_result",
        "tool_use_id": result.call_id,
        "content": f'<tool_output id="{name}"{cut}>\n{body}\n</tool_output>',
        "is_error": result.is_error,
    }
