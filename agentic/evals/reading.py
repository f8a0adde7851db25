"""Which columns of a source a project really reads, and under which names they come out.

Told from the text of the direct children, on purpose without column lineage: an eval that used the
code under test to choose its faults would only ask what that code already knows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from agentic.evals.injection import Scene
from agentic.project import Node
from agentic.warehouse import Column

_NOISE = re.compile(r"\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
_ALIAS = re.compile(r"(?P<expression>[^,]*?)\bas\s+(?P<name>\w+)\s*(?=,|\bfrom\b|$)", re.I | re.S)


class Read(msgspec.Struct, frozen=True):
    """A source's column that a child names."""

    source: Node
    """A source, or a seed in a project without sources."""
    column: Column
    child: Node
    output: str
    """The child's own name for it; empty when that cannot be told."""


def sql_of(node: Node) -> str:
    """A node's text without comments."""
    return _NOISE.sub(" ", node.raw_code)


def mentions(text: str, name: str) -> int:
    """How often a name stands in a text as a word."""
    return len(re.findall(rf"(?<![\w.]){re.escape(name)}\b|\.{re.escape(name)}\b", text, re.I))


def reads(scene: Scene, roots: Sequence[Node] | None = None) -> list[Read]:
    """Every (column, child) pair where a child names a column of a source, in a stable order.

    `roots` are asked in place of the sources.
    """
    found = []
    for source in scene.sources if roots is None else roots:
        columns = scene.columns(source)
        names = [column.name for column in columns]
        for child in scene.children(source.unique_id):
            text = sql_of(child)
            for column in columns:
                if mentions(text, column.name):
                    output = output_of(text, column.name, names)
                    found.append(Read(source, column, child, output))
    return found


def output_of(text: str, column: str, columns: list[str]) -> str:
    """The output column made of this one source column alone; empty when there is no single one."""
    outputs = []
    for match in _ALIAS.finditer(text):
        expression = match["expression"].rsplit("select", 1)[-1]
        used = [name for name in columns if mentions(expression, name)]
        if used == [column]:
            outputs.append(match["name"])
    if len(outputs) == 1:
        return outputs[0]
    bare = re.search(
        rf"(?:\bselect|,)\s*(?:\w+\.)?{re.escape(column)}\s*(?=,|\bfrom\b)", text, re.I
    )
    return column if bare and not outputs else ""


def tests_on(scene: Scene, node: Node, column: str, name: str) -> list[Node]:
    """Generic tests of one kind on a node's column that make a build red, in order."""
    found = []
    for uid in scene.manifest.tests_of(node.unique_id):
        test = scene.manifest.nodes.get(uid)
        metadata = test.test_metadata if test else None
        # A relationships test hangs on both its ends; only the one it is attached to is meant.
        if test is None or metadata is None or test.attached_node != node.unique_id:
            continue
        same_column = (test.column_name or "").lower() == column.lower()
        severity = str(test.config.get("severity") or "error").lower()
        if metadata.name == name and same_column and severity == "error":
            found.append(test)
    return found


def tested_reads(scene: Scene, test: str) -> list[tuple[Read, Node]]:
    """Reads whose output column has a test of this kind on the child, with that test."""
    pairs = []
    for read in reads(scene):
        if read.output:
            pairs += [(read, one) for one in tests_on(scene, read.child, read.output, test)]
    return pairs
