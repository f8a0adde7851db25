"""Every small repair that makes a properties file YAML again: an indent, a colon, a quote."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agentic.rules.mends import Mend

_NEAR = 12
_TESTS = ("tests", "data_tests")
_KINDS = ("models", "seeds", "snapshots", "sources")
_TOP = {
    "version", "models", "seeds", "snapshots", "sources", "exposures", "metrics", "macros",
    "groups", "unit_tests", "semantic_models", "saved_queries", "analyses", "data_tests", "tests",
    "anchors",
}  # fmt: skip
_ENTRY = {
    "name", "description", "columns", "tests", "data_tests", "config", "meta", "tags", "docs",
    "latest_version", "versions", "access", "group", "constraints", "deprecation_date", "quote",
    "data_type", "policy_tags", "tables", "schema", "database", "loader", "freshness", "overrides",
    "loaded_at_field", "loaded_at_query", "identifier", "quoting", "external", "time_spine",
    "granularity", "loaded_at", "enabled", "owner", "data_test",
}  # fmt: skip


def declared(text: str) -> dict[str, Any] | None:
    """{nodes: {name: columns}, tests: {(node, column): how many}}; None: dbt would not take it."""
    try:
        tree = YAML(typ="safe", pure=True).load(text.removeprefix("\ufeff"))
    except (YAMLError, ValueError):
        return None
    if not isinstance(tree, dict) or not set(map(str, tree)) <= _TOP:
        return None
    nodes: dict[str, set[str]] = {}
    tests: Counter[tuple[str, str]] = Counter()
    for kind in _KINDS:
        for entry in _listed(tree.get(kind)):
            if entry is None or not set(map(str, entry)) <= _ENTRY or not entry.get("name"):
                return None
            for one in _listed(entry.get("tables")) if kind == "sources" else [entry]:
                if one is None or not one.get("name") or not set(map(str, one)) <= _ENTRY:
                    return None
                counted = _columns(one)
                if counted is None:
                    return None
                name = str(one["name"])
                nodes[name] = set(counted) - {""}
                tests.update({(name, column): n for column, n in counted.items() if n})
    return {"nodes": nodes, "tests": tests}


def _columns(entry: dict[str, Any]) -> dict[str, int] | None:
    """How many tests each column has; the node's own under the empty name."""
    found = {"": _count(entry)}
    for column in _listed(entry.get("columns")):
        if column is None or not column.get("name") or not set(map(str, column)) <= _ENTRY:
            return None
        found[str(column["name"]).lower()] = _count(column)
    return found


def _count(entry: dict[str, Any]) -> int:
    found = [entry.get(key) for key in _TESTS]
    return sum(len(one) for one in found if isinstance(one, list))


def _listed(value: Any) -> list[dict[str, Any] | None]:
    if value is None:
        return []
    if not isinstance(value, list):
        return [None]
    return [one if isinstance(one, dict) else None for one in value]


def yaml_mends(text: str, line: int = 0) -> list[Mend]:
    """Repairs after which the file is one that dbt takes, the likeliest first."""
    lines = text.splitlines(keepends=True)
    found: dict[str, Mend] = {}
    for number, (low, high) in _places(lines, line):
        for new, why, cost in _line_mends(lines, low, high):
            made = "".join([*lines[:low], *new, *lines[high:]])
            mend = Mend(made, lines[low].strip()[:80], why, cost + number)
            if made != text and made not in found and declared(made) is not None:
                found[made] = mend
    return sorted(found.values(), key=lambda one: one.cost)


def _places(lines: list[str], line: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """(distance, block): the line itself and what hangs on it, near the line that dbt names."""
    at = line - 1 if line else 0
    near = range(len(lines)) if not line else range(max(0, at - _NEAR), min(len(lines), at + 4))
    for index in sorted(near, key=lambda one: abs(one - at)):
        if not lines[index].strip() or lines[index].lstrip().startswith("#"):
            continue
        distance = min(6, abs(index - at)) if line else 0
        yield distance, (index, index + 1)
        last = index + 1
        while last < len(lines) and (
            not lines[last].strip() or _indent(lines[last]) > _indent(lines[index])
        ):
            last += 1
        if last > index + 1:
            yield distance, (index, last)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _line_mends(lines: list[str], low: int, high: int) -> Iterator[tuple[list[str], str, int]]:
    block, first = lines[low:high], lines[low]
    where = f"line {low + 1}"
    if any("\t" in one for one in block):
        yield [one.replace("\t", "  ") for one in block], f"write blanks for the tab in {where}", 0
        yield (
            [one.replace("\t", "    ") for one in block],
            f"write blanks for the tab in {where}",
            1,
        )
    here = _indent(first)
    sizes = sorted({_indent(one) for one in lines if one.strip()} | {here - 1, here + 1, here + 2})
    if first.startswith("\t"):
        block = [one.replace("\t", "") for one in block]
        first = block[0]
    for size in sizes:
        shift = size - _indent(first)
        if shift and size >= 0:
            moved = [_shifted(one, shift) for one in block]
            cost = 2 + min(4, abs(shift)) + (2 if len(block) == 1 else 0) + 3 * (size % 2)
            yield moved, f"indent {where} by {size} blanks", cost
    if high != low + 1:
        return
    body = first.rstrip("\r\n")
    tail = first[len(body) :]
    for new, why in _in_line(body):
        yield [new + tail], f"{why} in {where}", 3


def _shifted(line: str, shift: int) -> str:
    if not line.strip():
        return line
    return " " * shift + line if shift > 0 else line[min(-shift, _indent(line)) :]


def _in_line(body: str) -> Iterator[tuple[str, str]]:
    if hit := re.match(r"(\s*(?:- )?\w+)\s*$", body):
        yield f"{hit[1]}:", "put a colon"
    if hit := re.match(r"(\s*(?:- )?\w+) (\S.*)$", body):
        yield f"{hit[1]}: {hit[2]}", "put a colon"
    if hit := re.match(r"(\s*(?:- )?\w+):(\S.*)$", body):
        yield f"{hit[1]}: {hit[2]}", "put a blank after the colon"
    if hit := re.match(r"(\s*)-(\w.*)$", body):
        yield f"{hit[1]}- {hit[2]}", "put a blank after the dash"
    if hit := re.match(r"(\s*)(name:.*)$", body):
        yield f"{hit[1]}- {hit[2]}", "put a dash"
    if hit := re.match(r"(\s*(?:- )?\w+: )([^'\"\[{].*: .*)$", body):
        quoted = hit[2].replace('"', '\\"')
        yield f'{hit[1]}"{quoted}"', "quote the text"
    yield from _closed(body)


def _closed(body: str) -> Iterator[tuple[str, str]]:
    for quote in ("'", '"'):
        if body.count(quote) % 2:
            yield body + quote, "close the quote"
            if hit := re.match(r"(\s*(?:- )?\w+: )([^'\"].*)$", body):
                yield f"{hit[1]}{quote}{hit[2]}", "open the quote"
    for opened, closed in (("[", "]"), ("{", "}")):
        if body.count(opened) > body.count(closed):
            yield body.rstrip() + closed, "close the bracket"
        if body.count(closed) > body.count(opened):
            at = body.rfind(closed)
            yield body[:at] + body[at + 1 :], "drop the bracket too many"
