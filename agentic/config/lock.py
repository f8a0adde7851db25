"""agentic.lock: what a person approved of each MCP server's tools, committed beside agents.yml.

A server's words and schemas are the server's to change at any moment; what an engine is offered is
what stands here, and a tool that has become another is not asked until a person approves it again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from agentic.exceptions import AgenticError
from agentic.records import content_hash, dump, dumps

LOCK_FILE = "agentic.lock"
_VERSION = 1
_LARGEST = 5_000_000
_UNREADABLE = (
    OSError, msgspec.MsgspecError, AttributeError, KeyError, TypeError, RecursionError,
)  # fmt: skip


class LockFault(AgenticError):
    """agentic.lock cannot be read, or was edited by hand."""

    code = "AC249"


class ServedTool(msgspec.Struct, frozen=True):
    """A tool as its server describes it, whole and as it came."""

    name: str
    description: str
    input_schema: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Of name, description and schema: what is pinned."""
        return content_hash([self.name, self.description, self.input_schema])


Pins = dict[str, dict[str, ServedTool]]
"""By server, then by tool."""


def read_lock(root: Path) -> Pins:
    """The approved tools; none when there is no file. Raises LockFault."""
    file = root / LOCK_FILE
    hint = "Take it from git, or delete it and run `agentic pin SERVER`."
    try:
        if file.is_symlink() or (file.exists() and file.stat().st_size > _LARGEST):
            raise LockFault("is a link, or too large", where=LOCK_FILE, hint=hint)
        raw = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
        if raw.get("version") != _VERSION:
            raise LockFault(f"is of version {raw.get('version')!r}", where=LOCK_FILE, hint=hint)
        pins: Pins = {}
        for server, tools in raw["mcp"].items():
            pins[server] = {name: _pinned(name, one) for name, one in tools.items()}
    except FileNotFoundError:
        return {}
    except (
        OSError,
        msgspec.MsgspecError,
        AttributeError,
        KeyError,
        TypeError,
        RecursionError,
    ) as e:
        raise LockFault(f"cannot be read: {e}", where=LOCK_FILE, hint=hint) from e
    return pins


def write_lock(root: Path, pins: Mapping[str, Mapping[str, ServedTool]]) -> Path:
    """Write the file in one step, sorted, so that a difference is what changed."""
    listed = {
        server: {name: {"sha256": one.sha256, **dump(one)} for name, one in sorted(tools.items())}
        for server, tools in sorted(pins.items())
        if tools
    }
    file = root / LOCK_FILE
    scratch = file.with_name(f".{LOCK_FILE}.{os.getpid()}")
    scratch.write_text(dumps({"mcp": listed, "version": _VERSION}, indent=2) + "\n", "utf-8")
    scratch.replace(file)
    return file


def _pinned(name: str, raw: Mapping[str, Any]) -> ServedTool:
    tool = ServedTool(name, str(raw["description"]), dict(raw["input_schema"]))
    if tool.sha256 != raw.get("sha256"):
        raise LockFault(
            f"{name}: its hash is not that of what stands there",
            where=LOCK_FILE,
            hint="A person writes it with `agentic pin SERVER`; take it from git.",
        )
    return tool
