"""Whose rights a run has: those of `build.target`, where that target leads to the same data."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from agentic.project import Target

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_PORT = 5432


def build_target(baseline: Target, name: str, targets: Mapping[str, Target]) -> tuple[Target, str]:
    """The target to read and build with, and why it is not the one that `build.target` names.

    It keeps the baseline's schema, in which unqualified names lie. A DuckDB file has no
    credentials: there the baseline's is copied.
    """
    named = targets.get(name)
    if named is None or named.name == baseline.name or baseline.adapter == "duckdb":
        return baseline, ""
    if named.unresolved:
        missing = ", ".join(named.unresolved)
        return baseline, _instead(name, baseline, f"{missing} is not set")
    if place_of(named) != place_of(baseline):
        return baseline, _instead(name, baseline, "it is another database than the baseline's")
    return replace(named, schema=baseline.schema), ""


def place_of(target: Target) -> tuple[str, str, str, str]:
    """Adapter, server, port and database: where a target's data lies."""
    host = str(target.settings.get("host") or target.settings.get("account") or "")
    port = str(target.settings.get("port") or _PORT)
    server = "here" if host.lower() in _HERE else host.lower()
    return target.adapter, server, port, target.database


def _instead(name: str, baseline: Target, why: str) -> str:
    return (
        f"build.target {name!r} is not used: {why}. Agents read and build with the rights of "
        f"target {baseline.name!r}."
    )
