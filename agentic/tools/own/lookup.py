"""From compiled tools to bodies that the boundary can call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from agentic.config import fault_of, with_defaults
from agentic.masking import mask_json
from agentic.records import OwnTool, ToolSpec
from agentic.tools.bench import Bench
from agentic.tools.own.functions import call_function
from agentic.tools.own.hands import DRY_RUN, Hands
from agentic.tools.own.operations import run_operation
from agentic.tools.own.queries import run_query
from agentic.tools.own.requests import send_request
from agentic.tools.own.served import ask_server
from agentic.tools.registry import Body, ToolError

_Work = Callable[[Bench, OwnTool, dict[str, Any], Hands], dict[str, Any]]
_WORK: dict[str, _Work] = {
    "sql": run_query,
    "http": send_request,
    "python": call_function,
    "macro": run_operation,
    "mcp": ask_server,
}
_DEEPEST = 60
"""Levels of an answer."""
_LEAVES = ("http", "mcp")
"""Kinds whose input leaves the machine, whatever their effect is there."""


def bodies_of(tools: Iterable[OwnTool], hands: Hands) -> dict[str, Body]:
    """What the boundary calls, by name: `body(bench, **input)`, the input being checked already."""
    return {tool.name: _body(tool, hands) for tool in tools}


def check_own_input(spec: ToolSpec, given: Mapping[str, Any]) -> None:
    """Raises ToolError (AC590) for input that the tool's schema does not allow."""
    fault = fault_of(dict(given), spec.input_schema)
    if fault is not None:
        names = ", ".join(spec.input_schema.get("properties", {}))
        raise ToolError(f"{spec.name}: {fault}", code="AC590", hint=f"{spec.name}({names})")


def _body(tool: OwnTool, hands: Hands) -> Body:
    def body(bench: Bench, /, **given: Any) -> dict[str, Any]:
        filled = with_defaults(given, tool.spec.input_schema)
        dry = tool.dry and filled.pop(DRY_RUN, True) is not False
        if dry:
            return _told(tool, filled)
        if tool.spec.effect == "workspace" and bench.workspace is None:
            raise ToolError("nothing may be changed in this run", hint="`agentic run` may.")
        if tool.kind in _LEAVES and mask_json(filled) != filled:
            raise ToolError(
                f"{tool.name} would carry what looks like a secret or personal data outside",
                code="AG172",
                hint="Say it without the values: name the node and the column.",
            )
        if "file" in tool.body and not _as_compiled(_code_root(bench, tool, hands), tool.body):
            raise ToolError(
                f"{tool.name}: {tool.body['file']} is not what it was when the run began",
                hint="A new run takes it as it is now.",
            )
        said = _WORK[tool.kind](bench, tool, filled, hands)
        if _too_deep(said):
            raise ToolError(f"{tool.name} answered with what is nested too deep to be read")
        return said

    return body


def _code_root(bench: Bench, tool: OwnTool, hands: Hands) -> Path:
    """Where the user's code is run from: a macro in the workspace is that of the run's project."""
    inside = tool.kind == "macro" and tool.spec.effect == "workspace"
    return (bench.project if inside else hands.checkout(bench.project)).root


def _as_compiled(root: Path, body: Mapping[str, Any]) -> bool:
    """Whether the user's code is what was compiled, and approved with the call."""
    try:
        return bool(sha256((root / body["file"]).read_bytes()).hexdigest() == body["sha256"])
    except OSError:
        return False


def _too_deep(value: Any) -> bool:
    """Whether masking and writing an answer, which follow its nesting, would not end well."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list | tuple)
        ]
        if not level:
            return False
    return True


def _told(tool: OwnTool, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the call would do: nothing is asked of anybody, and no reference is resolved."""
    said = ("method", "url", "python", "macro")
    shown = {key: tool.body[key] for key in said if key in tool.body}
    if tool.kind == "mcp":
        shown = {"server": tool.body["server"], "tool": tool.body["tool"]}
    return {
        DRY_RUN: True,
        "would": {**shown, "input": dict(given)},
        "effect": tool.spec.effect,
        "next": f"Nothing was done. If it is meant, call it with {DRY_RUN}: false.",
    }
