"""Which nodes edits change: by their own file, or by their own entry where a file holds many."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agentic.project import Manifest
from agentic.records import Edit

NOT_COUNTED = ("test.", "unit_test.", "macro.", "doc.")
_SECTIONS = {
    "sources": "source",
    "exposures": "exposure",
    "metrics": "metric",
    "semantic_models": "semantic_model",
    "saved_queries": "saved_query",
    "groups": "group",
}
"""Sections of a properties file whose entries are nodes of their own."""
_ANCHOR = re.compile(r"(?:[:-]\s+|<<:\s*)[&*]\w")
_END = 1_000_000_000


class _Entry(msgspec.Struct, frozen=True):
    """One entry of a properties file: its name, and its lines from 0, the last excluded."""

    name: str
    """As in a unique_id, without the package: `metric.revenue`, `source.shop.orders`."""
    start: int
    end: int


def nodes_of_edits(edits: Iterable[Edit], manifest: Manifest, package: str) -> tuple[str, ...]:
    """Nodes of the package that edits change, sorted; tests, macros and docs are none.

    In a properties file only the entries whose lines an edit touches count. Where that cannot be
    told, every node of the file does.
    """
    changed = {edit.path: edit for edit in edits if edit.before != edit.after}
    found = []
    for uid, node in manifest.all.items():
        edit = changed.get(node.original_file_path)
        if edit is None or node.package_name != package or uid.startswith(NOT_COUNTED):
            continue
        if not edit.path.endswith((".yml", ".yaml")) or _touched(edit, uid):
            found.append(uid)
    return tuple(sorted(found))


def _touched(edit: Edit, uid: str) -> bool:
    kind, _, rest = uid.split(".", 2)
    if kind not in _SECTIONS.values() or edit.before is None or edit.after is None:
        return True
    entries = _entries(edit.after)
    if entries is None:
        return True
    mine = [one for one in entries if one.name == f"{kind}.{rest}"]
    lines = _changed_lines(edit.before, edit.after)
    outside = [n for n in lines if not any(one.start <= n < one.end for one in entries)]
    return not mine or bool(outside) or any(o.start <= n < o.end for o in mine for n in lines)


def _entries(text: str) -> list[_Entry] | None:
    """Every entry of the file, those that are no nodes included; None where lines do not tell."""
    if _ANCHOR.search(text):
        return None  # one entry's lines may be another's
    try:
        tree = YAML(pure=True).load(text)
        return list(_sections(tree)) if isinstance(tree, Mapping) else None
    except (YAMLError, ValueError, AttributeError, KeyError, TypeError):
        return None


def _sections(tree: Any) -> Iterator[_Entry]:
    keys = [*tree]
    ends = [*(tree.lc.key(key)[0] for key in keys[1:]), _END]
    for key, end in zip(keys, ends, strict=True):
        items = tree[key]
        if not isinstance(items, list):
            yield _Entry(str(key), tree.lc.key(key)[0], end)
            continue
        for item, (start, stop) in zip(items, _ranges(items, end), strict=True):
            name = f"{_SECTIONS.get(key, key)}.{item['name']}"
            if key != "sources":
                yield _Entry(name, start, stop)
                continue
            yield from _tables(item, name, start, stop)


def _tables(source: Any, name: str, start: int, stop: int) -> Iterator[_Entry]:
    """A table's own lines, and for each of them what the source says of all."""
    tables = source.get("tables") or []
    ranges = _ranges(tables, stop) if tables else []
    for table, (first, last) in zip(tables, ranges, strict=True):
        yield _Entry(f"{name}.{table['name']}", first, last)
        yield _Entry(f"{name}.{table['name']}", start, ranges[0][0])


def _ranges(items: Any, end: int) -> list[tuple[int, int]]:
    starts = [items.lc.item(number)[0] for number in range(len(items))]
    return list(pairwise([*starts, end]))


def _changed_lines(before: str, after: str) -> list[int]:
    """Lines of the new text that are new, and those beside what was taken out."""
    matcher = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    found: list[int] = []
    for tag, _, _, first, last in matcher.get_opcodes():
        if tag in ("replace", "insert"):
            found += range(first, last)
        elif tag == "delete":
            found += [max(0, first - 1), first]
    return found
