"""A `python` tool: the user's function in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from agentic.exceptions import ServiceError
from agentic.integrations import resolved_secrets
from agentic.masking import mask_text
from agentic.project import tool_environment
from agentic.records import OwnTool
from agentic.tools.bench import Bench
from agentic.tools.dbt import workspace_of
from agentic.tools.own.child import Said, run_child
from agentic.tools.own.hands import Hands
from agentic.tools.registry import ToolError

_DRIVER = Path(__file__).with_name("driver.py")


def call_function(
    bench: Bench, tool: OwnTool, given: dict[str, Any], hands: Hands
) -> dict[str, Any]:
    """What the function returned. Raises ToolError: it raised, was late, or said too much.

    The code is always that of the user's checkout; a tool with effect `workspace` works in the
    workspace's folder, with the name of its schema in AGENTIC_SCHEMA.
    """
    root, cwd, own = hands.checkout(bench.project).root, bench.project.root, {}
    if tool.spec.effect == "workspace":
        space = workspace_of(bench)
        cwd, own = space.project_root, {"AGENTIC_SCHEMA": space.schema}
    try:
        named = resolved_secrets(tool.name, tool.body["env"], hands.variables)
    except ServiceError as error:
        raise ToolError(error.message, code=error.code, hint=error.hint) from error
    command = [sys.executable, "-B", "-P", "-s", str(_DRIVER), str(root), tool.body["python"]]
    env = {**tool_environment(), **own, **named}
    try:
        said = run_child(
            command, msgspec.json.encode(given), cwd=cwd, env=env, timeout_s=tool.timeout_s
        )
    except OSError as error:
        raise ToolError(f"{tool.name} could not be started: {error}") from error
    return _result(tool, said)


def _result(tool: OwnTool, said: Said) -> dict[str, Any]:
    if said.late:
        raise ToolError(f"{tool.name} gave no answer within {tool.timeout_s:.0f} s and was ended")
    if said.flooded:
        raise ToolError(f"{tool.name} answered with too much and was ended")
    try:
        answer = msgspec.json.decode(said.out, type=dict[str, Any])
    except msgspec.MsgspecError:
        answer = {"error": f"it ended with code {said.exit_code} and no answer"}
    if "error" in answer:
        told = mask_text(f"{answer['error']}\n{said.errors[-1_000:]}".strip())
        raise ToolError(f"{tool.name} ({tool.body['python']}): {told}")
    return {"result": answer.get("result")}
