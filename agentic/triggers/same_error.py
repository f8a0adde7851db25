"""Nodes that fail with one error and call one macro of the project are one incident."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from agentic.project import Manifest
from agentic.records import Incident

_HEAD = re.compile(r"\A\w+ Error in \w+ \S+( \([^)\n]*\))?\s*")
_PLACE = re.compile(r"\n\s*LINE \d+:.*\Z", re.DOTALL)


def joined(incidents: Sequence[Incident], manifest: Manifest) -> tuple[Incident, ...]:
    """The incidents, those that one macro explains put together under the first of them."""
    found: list[Incident] = []
    for one in incidents:
        place = next((n for n, other in enumerate(found) if _alike(one, other, manifest)), None)
        if place is None:
            found.append(one)
            continue
        first = found[place]
        found[place] = msgspec.structs.replace(
            first,
            signals=(*first.signals, *one.signals),
            skipped=tuple(dict.fromkeys((*first.skipped, *one.skipped))),
        )
    return tuple(found)


def error_text(message: str) -> str:
    """What the warehouse said, without the node and the line that it says it of."""
    return " ".join(_PLACE.sub("", _HEAD.sub("", message.strip())).split())


def _alike(one: Incident, other: Incident, manifest: Manifest) -> bool:
    if one.kind != "run_error" or other.kind != "run_error":
        return False
    same = error_text(one.message) == error_text(other.message) != ""
    return same and bool(_macros(one, manifest) & _macros(other, manifest))


def _macros(incident: Incident, manifest: Manifest) -> set[str]:
    """Macros of the project that the failing node calls itself."""
    node = manifest.nodes.get(incident.node)
    if node is None or node.resource_type != "model":
        return set()
    return {
        uid
        for uid in node.depends_on_macros
        if (macro := manifest.macros.get(uid)) is not None
        and macro.package_name == manifest.metadata.project_name
    }
