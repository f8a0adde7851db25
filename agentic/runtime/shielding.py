"""Error text of nodes that read what is protected: its literals go before anybody sees them.

A warehouse repeats values in its errors (`Could not convert string 'Ana' to INT32`), and no pattern
knows a name from a word. Errors that come before any row is read (an unknown column, a
syntax error) quote names alone and stay as they are; in others, when in doubt a literal is masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec.structs import replace

from agentic.lineage import Graph
from agentic.policy import World
from agentic.project import Manifest
from agentic.records import Incident

_BEFORE_ROWS = re.compile(
    r"\b(?:Binder|Parser|Catalog|Compilation|Dependency|Permission) Error\b|syntax error at"
    r"|does not exist|cannot be resolved|invalid identifier|Unrecognized name"
    r"|unknown (?:column|table|function)|permission denied",
    re.IGNORECASE,
)
_FREE_TEXT = re.compile(r"\b((?:Invalid Input|Out of Range|Constraint) Error:).*", re.DOTALL)
"""DuckDB's kinds whose text may be a value and nothing else (`error(name)`)."""
_LITERALS = (
    (re.compile(r"'(?:[^']|'')*'"), "'[masked]'"),
    (re.compile(r'"(?:[^"]|"")*"'), '"[masked]"'),
    (re.compile(r"=\s*\((?:[^()]|\([^()]*\))*\)"), "=([masked])"),
    (
        re.compile(r"\b(value|string|entry)(s?:?\s+)[^\s'\"\[(][^\s,;)]*", re.IGNORECASE),
        r"\1\2[masked]",
    ),
    (re.compile(r"(?<![\w.\[])-?\d[\d.,:/\-]{3,}(?!\w)"), "[masked]"),
)


def shielded(incident: Incident, *, manifest: Manifest, graph: Graph, world: World) -> Incident:
    """The incident as anybody may see it; fingerprint and nodes are untouched."""
    named = {incident.node, *(one.node for one in incident.signals)}
    named |= {one.attached for one in incident.signals}
    if not reads_protected(named - {""}, manifest=manifest, graph=graph, world=world):
        return incident
    return replace(
        incident,
        message=without_values(incident.message),
        signals=tuple(
            replace(one, message=without_values(one.message)) for one in incident.signals
        ),
    )


def reads_protected(
    nodes: Iterable[str], *, manifest: Manifest, graph: Graph, world: World
) -> bool:
    """Whether one of the nodes, or anything that its rows come from, is protected in any column."""
    seen: set[str] = set()
    for uid in nodes:
        seen.add(uid)
        if uid in graph:
            seen.update(graph.ancestors(uid))
    relations = (manifest.all.get(uid) for uid in seen)
    return any(
        world.shields(f"{node.schema}.{node.alias}".lower())
        for node in relations
        if node is not None and node.schema and node.alias
    )


def without_values(message: str) -> str:
    """An error text without what may be a value of a row."""
    if _BEFORE_ROWS.search(message):
        return message
    text = _FREE_TEXT.sub(r"\1 [masked]", message)
    for pattern, masked in _LITERALS:
        text = pattern.sub(masked, text)
    return text
