"""The user's own outputs: fields in YAML, a JSON Schema file, a pydantic class.

A class is the user's code. It is imported in a process of its own, without keys and tokens, with a
time limit, and only its JSON Schema comes back; nothing of it is ever imported here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from agentic.outputs.checking import OutputFault, check_schema

CLASS_TIMEOUT_S = 60.0
_TYPES: Mapping[str, Mapping[str, str]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
}
# Standard output is the answer's alone: what the user's module prints goes to standard error.
_LOADER = """
import importlib, json, os, sys
answer = os.dup(1)
os.dup2(2, 1)
root, entry, given = sys.argv[1:4]
sys.path[0] = root
module, _, name = entry.partition(":")
try:
    shape = getattr(importlib.import_module(module), name)
    if not hasattr(shape, "model_json_schema"):
        raise TypeError(f"{name} does not derive from pydantic.BaseModel")
    if given:
        said = {"schema": None}
        try:
            shape.model_validate_json(sys.stdin.read())
        except ValueError as error:
            said["faults"] = [f"{'.'.join(map(str, e['loc'])) or 'report'}: {e['msg']}"
                              for e in error.errors()] if hasattr(error, "errors") else [str(error)]
    else:
        said = {"schema": shape.model_json_schema()}
except BaseException as error:
    said = {"error": f"{type(error).__name__}: {error}"}
os.write(answer, json.dumps(said).encode())
"""


def fields_schema(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of `fields:` (name to type, or to a JSON Schema); every field must be there.

    Raises OutputFault, whose `place` begins with the field.
    """
    parts = {name: _field(name, said) for name, said in fields.items()}
    return {
        "type": "object",
        "properties": parts,
        "required": list(parts),
        "additionalProperties": False,
    }


def _field(name: str, said: Any) -> dict[str, Any]:
    if isinstance(said, str):
        return dict(_TYPES[said])
    wrapped = {"type": "object", "properties": {name: said}}
    try:
        found: dict[str, Any] = check_schema(wrapped)["properties"][name]
    except OutputFault as fault:
        raise OutputFault(fault.message, fault.hint, (name, *fault.place[2:])) from fault
    return found


def file_schema(path: Path, shown: str) -> dict[str, Any]:
    """The schema of a JSON file. Raises OutputFault with line and column for broken JSON."""
    try:
        value = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise OutputFault(f"the file {shown!r} cannot be read") from error
    except json.JSONDecodeError as error:
        raise OutputFault(f"{shown}:{error.lineno}:{error.colno} no JSON: {error.msg}") from error
    except RecursionError as error:
        raise OutputFault(f"{shown}: nested too deep") from error
    try:
        return check_schema(value)
    except OutputFault as fault:
        raise OutputFault(f"{shown}: {fault.message}", fault.hint, fault.place) from fault


def class_schema(entry: str, root: Path, env: Mapping[str, str]) -> dict[str, Any]:
    """The schema of a pydantic class `package.module:Class`. Raises OutputFault.

    The module is looked for in `root` first, then among what is installed.
    """
    return check_schema(_ask(entry, root, env, "")["schema"])


def class_faults(entry: str, root: Path, env: Mapping[str, str], value: object) -> list[str]:
    """What the class's own validators say of a value. Raises OutputFault."""
    faults: list[str] = _ask(entry, root, env, json.dumps(value)).get("faults", [])
    return [str(fault)[:300] for fault in faults[:8]]


def _ask(entry: str, root: Path, env: Mapping[str, str], given: str) -> dict[str, Any]:
    # -B: nothing is written into the project, its `__pycache__` neither.
    command = [sys.executable, "-B", "-c", _LOADER, str(root), entry, "value" if given else ""]
    try:
        said: dict[str, Any] = json.loads(_told(command, root, env, given.encode()))
    except subprocess.TimeoutExpired as error:
        message = f"{entry}: importing it took longer than {CLASS_TIMEOUT_S:.0f} s"
        raise OutputFault(message) from error
    except ValueError as error:
        raise OutputFault(f"{entry}: its import ended the process") from error
    if "error" in said:
        raise OutputFault(f"{entry}: {str(said['error'])[:400]}")
    return said


def _told(command: list[str], root: Path, env: Mapping[str, str], given: bytes) -> bytes:
    """What a process says; at the bound all that it started ends. Raises TimeoutExpired."""
    with subprocess.Popen(
        command,
        cwd=root,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(given, timeout=CLASS_TIMEOUT_S)[0]
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
