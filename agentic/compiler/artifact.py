"""`target/agentic/manifest.json`: written for people and programs, read back for runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from agentic.exceptions import ArtifactError
from agentic.project import Project
from agentic.records import Compiled, dump, dumps

SCHEMA_VERSION = "agentic/manifest/v1"


def manifest_path(project: Project) -> Path:
    """Where the compiled manifest lies."""
    return project.target_path / "agentic" / "manifest.json"


def manifest_text(compiled: Compiled) -> str:
    """The file's text; no time, no invocation id, no path of this machine."""
    metadata = {
        "agentic_schema_version": SCHEMA_VERSION,
        "project_name": compiled.project,
        "content_hash": compiled.content_hash,
    }
    return dumps({"metadata": metadata, **dump(compiled)}, indent=2) + "\n"


def write_manifest(compiled: Compiled, project: Project) -> Path:
    """Write the compiled manifest in one step. Raises ArtifactError when the disk refuses."""
    path = manifest_path(project)
    scratch = path.with_name(f".manifest.{os.getpid()}.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(manifest_text(compiled), encoding="utf-8")
        scratch.replace(path)
    except OSError as error:
        raise ArtifactError(
            f"cannot be written: {error.strerror or error}",
            hint="Make the target folder writable, or set DBT_TARGET_PATH.",
            where=str(path),
        ) from error
    return path


def read_manifest(project: Project) -> Compiled:
    """The compiled manifest of the last `agentic compile`. Raises ArtifactError."""
    path = manifest_path(project)
    hint = "Run `agentic compile`."
    try:
        raw: Any = msgspec.json.decode(path.read_bytes())
        version = raw["metadata"]["agentic_schema_version"]
        if version != SCHEMA_VERSION:
            raise ArtifactError(f"is of another version: {version}", hint=hint, where=str(path))
        return msgspec.convert(raw, Compiled)
    except FileNotFoundError as error:
        raise ArtifactError("there is no compiled manifest", hint=hint, where=str(path)) from error
    except (OSError, msgspec.MsgspecError, KeyError, TypeError) as error:
        raise ArtifactError(f"cannot be read: {error}", hint=hint, where=str(path)) from error
