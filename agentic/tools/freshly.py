"""Whether the manifest still says what the files say, by dbt's own checksum of a file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from agentic.tools.bench import Bench

if TYPE_CHECKING:
    from agentic.project import Node

_HASHED = ("model", "snapshot", "analysis")
MAX_FILES = 3_000


def is_stale(bench: Bench, node: Node) -> str:
    """Why the manifest is behind a node's file; empty: it is not, or nothing says so."""
    checksum = getattr(node.checksum, "checksum", "")
    if node.resource_type not in _HASHED or len(checksum) != 64:
        return ""
    if node.package_name not in ("", bench.project.name):
        return ""
    path = Path(bench.project.root) / node.original_file_path
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return f"{node.original_file_path} is gone"
    except (OSError, ValueError):
        return ""
    # dbt strips a file before it hashes it.
    if hashlib.sha256(text.strip().encode()).hexdigest() == checksum:
        return ""
    return f"{node.original_file_path} was changed after the manifest was made"


def stale_files(bench: Bench) -> list[str]:
    """Files that say something else than the manifest does, sorted."""
    nodes = [node for node in bench.manifest.nodes.values() if node.resource_type == "model"]
    return sorted(node.original_file_path for node in nodes[:MAX_FILES] if is_stale(bench, node))
