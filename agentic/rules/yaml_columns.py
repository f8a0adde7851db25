"""Column names in a properties file: changed where they stand, everything else byte for byte."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_NODES = ("models", "seeds", "snapshots")


def columns_renamed(text: str, name: str, names: Mapping[str, str]) -> str:
    """The file with columns of one node called otherwise: their entries, and what its tests name.

    The text as it was where it is no YAML, or does not speak of the node.
    """
    root, skipped = composed(text), len(text) - len(text.removeprefix("\ufeff"))
    wanted = {old.lower(): new for old, new in names.items()}
    spots: list[tuple[int, int, str]] = []
    for entry in _entries(root, name):
        for column in _items(_value(entry, "columns")):
            spots += _spot(_value(column, "name"), wanted)
        tests = [_value(entry, key) for key in ("tests", "data_tests")]
        for column in _items(_value(entry, "columns")):
            tests += [_value(column, key) for key in ("tests", "data_tests")]
        for one in tests:
            spots += _named(one, wanted)
    for start, end, new in sorted(set(spots), reverse=True):
        text = text[: start + skipped] + new + text[end + skipped :]
    return text


def columns_named(text: str, name: str) -> set[str]:
    """Lower-case names of the columns that a node's entry lists; empty where it has none."""
    return {
        str(found.value).lower()
        for entry in _entries(composed(text), name)
        for column in _items(_value(entry, "columns"))
        if (found := _value(column, "name")) is not None
    }


def composed(text: str) -> Node | None:
    """The tree of a YAML text with positions; None for a text that is none."""
    try:
        root: Any = YAML(typ="safe", pure=True).compose(text.removeprefix("\ufeff"))
    except (YAMLError, ValueError):
        return None
    return root if isinstance(root, Node) else None


def _entries(root: Node | None, name: str) -> list[Node]:
    return [
        entry
        for kind in _NODES
        for entry in _items(_value(root, kind))
        if (found := _value(entry, "name")) is not None and found.value == name
    ]


def _value(node: Node | None, key: str) -> Any:
    if isinstance(node, MappingNode):
        for left, right in node.value:
            if left.value == key:
                return right
    return None


def _items(node: Node | None) -> list[Node]:
    return list(node.value) if isinstance(node, SequenceNode) else []


def _spot(node: Any, wanted: Mapping[str, str]) -> list[tuple[int, int, str]]:
    """Where a scalar that is one of the names stands, its quotes left out."""
    if not isinstance(node, ScalarNode) or str(node.value).lower() not in wanted:
        return []
    start, end = node.start_mark.index, node.end_mark.index
    quoted = 1 if node.style in ("'", '"') else 0
    return [(start + quoted, end - quoted, wanted[str(node.value).lower()])]


def _named(node: Any, wanted: Mapping[str, str]) -> list[tuple[int, int, str]]:
    """Names inside of tests' arguments: whole values, and words of expressions."""
    if isinstance(node, SequenceNode):
        return [spot for one in node.value for spot in _named(one, wanted)]
    if isinstance(node, MappingNode):
        return [
            spot
            for key, one in node.value
            if key.value not in ("to", "name", "field", "description", "config", "values")
            for spot in _named(one, wanted)
        ]
    found = _spot(node, wanted)
    if found or not isinstance(node, ScalarNode) or node.style in ("|", ">"):
        return found
    quoted = 1 if node.style in ("'", '"') else 0
    start, end = node.start_mark.index + quoted, node.end_mark.index - quoted
    written = node.start_mark.buffer[start:end]
    return [
        (start + hit.start(), start + hit.end(), new)
        for old, new in wanted.items()
        for hit in re.finditer(rf"(?<![\w.']){re.escape(old)}(?![\w.'(])", written, re.IGNORECASE)
    ]
