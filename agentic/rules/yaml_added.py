"""What a properties file says of a column, with more said: everything else stays byte for byte.

Only block style is written, at the places that YAML's own positions name; what was added is proved
by reading the file again: it must hold all that it held, and nothing but the additions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from agentic.rules.yaml_columns import composed

_NODES = ("models", "seeds", "snapshots")
_TESTS = ("data_tests", "tests")
STEP = 2


class Said(msgspec.Struct, frozen=True):
    """What is added to one column."""

    column: str
    description: str = ""
    tests: tuple[str, ...] = ()
    """Each as YAML: `unique`, or a mapping over several lines."""
    tags: tuple[str, ...] = ()
    meta: tuple[tuple[str, str], ...] = ()


class Place(msgspec.Struct, frozen=True):
    """Where a node is described."""

    kind: str
    """`models`, `seeds`, `snapshots` or `sources`."""
    name: str
    source: str = ""
    """Of a table of a source: the source's name."""
    under_config: bool = True
    """dbt 1.10 and newer take `tags` and `meta` under a column's `config`."""


def added(text: str, place: Place, said: Sequence[Said]) -> str | None:
    """The file with more said of a node's columns; None where that cannot be done safely."""
    before = _loaded(text)
    if text.startswith("\ufeff"):
        return None  # positions are of the text without it
    for one in said:
        if composed(text) is None or before is None:
            return None
        step = _one(text, place, one)
        if step is None:
            return None
        text = step
    after = _loaded(text)
    return text if after is not None and _holds(after, before) else None


def new_file(place: Place, said: Sequence[Said], line: str = "\n") -> str:
    """A properties file that describes one node and these columns."""
    lines = ["version: 2", "", f"{place.kind}:", *_entry(place, said, 2)]
    return line.join(lines) + line


def _one(text: str, place: Place, said: Said) -> str | None:
    entry = _entry_of(composed(text), place)
    if entry is None:
        return _with_entry(text, place, said)
    columns = _value(entry, "columns")
    if columns is None:
        return _after_pairs(text, entry, ["columns:", *_column(said, place, STEP, text)])
    if not isinstance(columns, SequenceNode) or columns.flow_style or not columns.value:
        return None
    for item in columns.value:
        if str(_scalar(item, "name")).lower() == said.column.lower():
            return _in_column(text, place, said)
    at = columns.value[-1]
    return _insert(text, at, _column(said, place, columns.start_mark.column, text))


def _in_column(text: str, place: Place, said: Said) -> str | None:
    """Each addition on its own: positions move with every one of them."""
    config: tuple[str, ...] = ("config",) if place.under_config else ()
    for key, values in (("tags", said.tags), ("tests", said.tests)):
        for value in values:
            path = (*config, key) if key == "tags" else (key,)
            step = _in_list(text, place, said.column, path, value)
            if step is None:
                return None
            text = step
    for name, value in said.meta:
        step = _in_mapping(text, place, said.column, (*config, "meta"), (name, value))
        if step is None:
            return None
        text = step
    return _described(text, place, said) if said.description else text


def _in_list(text: str, place: Place, column: str, path: tuple[str, ...], value: str) -> str | None:
    item = _column_of(text, place, column)
    path = _spelled(item, path, text)
    parent, rest = _deepest(item, path)
    if parent is None:
        return None
    if rest:
        block = _nested(rest, [f"{' ' * STEP}- {one}" for one in _dashed(value)])
        return _after_pairs(text, parent, block)
    if not isinstance(parent, SequenceNode):
        return None
    if parent.flow_style:
        end = parent.end_mark.index - 1
        if "\n" in value or text[end : end + 1] != "]":
            return None
        return f"{text[:end]}{', ' if parent.value else ''}{value}{text[end:]}"
    lines = _listed(value)
    return _insert(text, parent.value[-1], lines, indent=parent.start_mark.column)


def _in_mapping(
    text: str, place: Place, column: str, path: tuple[str, ...], pair: tuple[str, str]
) -> str | None:
    item = _column_of(text, place, column)
    parent, rest = _deepest(item, path)
    line = f"{pair[0]}: {pair[1]}"
    if parent is None:
        return None
    if rest:
        return _after_pairs(text, parent, _nested(rest, [" " * STEP + line]))
    if not isinstance(parent, MappingNode) or _value(parent, pair[0]) is not None:
        return None
    if parent.flow_style:
        end = parent.end_mark.index - 1
        if text[end : end + 1] != "}":
            return None
        return f"{text[:end]}{', ' if parent.value else ''}{line}{text[end:]}"
    return _after_pairs(text, parent, [line])


def _described(text: str, place: Place, said: Said) -> str | None:
    item = _column_of(text, place, said.column)
    known = _value(item, "description")
    if known is None:
        return _after_name(text, item, [f"description: {said.description}"])
    if not isinstance(known, ScalarNode) or str(known.value).strip():
        return None
    start, end = known.start_mark.index, known.end_mark.index
    gap = "" if text[start - 1 : start] == " " else " "
    return f"{text[:start]}{gap}{said.description}{text[end:]}"


def _with_entry(text: str, place: Place, said: Said) -> str | None:
    """A file that does not speak of the node yet: an entry at the end of its list."""
    listed = _value(composed(text), place.kind)
    if place.source or not isinstance(listed, SequenceNode) or listed.flow_style:
        return None
    if not listed.value or _named(listed, place.name):
        return None
    lines = _entry(place, [said], listed.start_mark.column, text)
    return _insert(text, listed.value[-1], lines)


def _entry(place: Place, said: Sequence[Said], indent: int, text: str = "") -> list[str]:
    blank = " " * indent
    lines = [f"{blank}- name: {place.name}", f"{blank}  columns:"]
    for one in said:
        lines += _column(one, place, indent + 2 + STEP, text)
    return lines


def _column(said: Said, place: Place, indent: int, text: str = "") -> list[str]:
    """A whole entry of a column."""
    lines = [f"- name: {said.column}"]
    if said.description:
        lines.append(f"  description: {said.description}")
    if said.tests:
        lines.append(f"  {_tests_key(text)}:")
        lines += [f"    {line}" for one in said.tests for line in _listed(one)]
    settings: list[str] = []
    if said.tags:
        settings.append(f"tags: [{', '.join(said.tags)}]")
    if said.meta:
        settings.append("meta:")
        settings += [f"  {name}: {value}" for name, value in said.meta]
    if settings and place.under_config:
        settings = ["config:", *(f"  {line}" for line in settings)]
    return [" " * indent + line for line in [*lines, *(f"  {line}" for line in settings)]]


def _listed(value: str) -> list[str]:
    first, *rest = value.split("\n")
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _dashed(value: str) -> list[str]:
    """The lines of one value, as what follows a dash and what hangs below it."""
    first, *rest = value.split("\n")
    return ["\n".join([first, *(f"{' ' * (STEP + 2)}{one}" for one in rest)])]


def _nested(keys: Sequence[str], lines: list[str]) -> list[str]:
    """`a:`, below it `b:`, below it the lines."""
    whole = [part for line in lines for part in line.split("\n")]
    found = [f"{keys[-1]}:", *whole]
    for key in reversed(keys[:-1]):
        found = [f"{key}:", *(" " * STEP + line for line in found)]
    return found


def _spelled(item: Node | None, path: tuple[str, ...], text: str) -> tuple[str, ...]:
    """`tests` as the column, else the file, spells it."""
    if path[-1] != "tests":
        return path
    for key in _TESTS:
        if _value(item, key) is not None:
            return (*path[:-1], key)
    return (*path[:-1], _tests_key(text))


def _tests_key(text: str) -> str:
    """How the file calls tests; as dbt 1.8 and newer do where it has none."""
    return "tests" if "data_tests:" not in text and "tests:" in text else "data_tests"


def _deepest(node: Node | None, path: Sequence[str]) -> tuple[Node | None, tuple[str, ...]]:
    """The last node on a path that is there, and the keys that are not."""
    for number, key in enumerate(path):
        found = _value(node, key)
        if found is None:
            return node, tuple(path[number:])
        node = found
    return node, ()


def _after_name(text: str, entry: Node | None, lines: list[str]) -> str | None:
    """New keys of a block mapping right after its name."""
    if not isinstance(entry, MappingNode) or entry.flow_style or not entry.value:
        return None
    for key, value in entry.value:
        if key.value == "name":
            return _insert(text, value, lines, indent=entry.value[0][0].start_mark.column)
    return None


def _after_pairs(text: str, entry: Node | None, lines: list[str]) -> str | None:
    """New keys of a block mapping after its last one."""
    if not isinstance(entry, MappingNode) or entry.flow_style or not entry.value:
        return None
    key, value = entry.value[-1]
    return _insert(text, value, lines, indent=key.start_mark.column)


def _insert(text: str, node: Node, lines: list[str], *, indent: int = 0) -> str:
    """Whole lines after the last line that a node stands on."""
    at = text.find("\n", _last(node))
    line = "\r\n" if "\r\n" in text else "\n"
    block = line.join(" " * indent + one for one in lines)
    if at < 0:
        return f"{text}{line}{block}"
    return f"{text[: at + 1]}{block}{line}{text[at + 1 :]}"


def _last(node: Node) -> int:
    """Where the text of a node ends: a block ends where its last scalar does."""
    if isinstance(node, MappingNode) and node.value and not node.flow_style:
        return _last(node.value[-1][1])
    if isinstance(node, SequenceNode) and node.value and not node.flow_style:
        return _last(node.value[-1])
    end = int(node.end_mark.index)
    if isinstance(node, ScalarNode) and node.style in ("|", ">"):
        # A block scalar's mark stands at the start of what follows.
        return max(int(node.start_mark.index), end - 1)
    if isinstance(node, ScalarNode) and not node.value and node.style is None:
        return int(node.start_mark.index)
    return max(int(node.start_mark.index), end - 1)


def _column_of(text: str, place: Place, column: str) -> Node | None:
    entry = _entry_of(composed(text), place)
    columns = _value(entry, "columns")
    for item in columns.value if isinstance(columns, SequenceNode) else []:
        if str(_scalar(item, "name")).lower() == column.lower():
            found: Node = item
            return found
    return None


def _entry_of(root: Node | None, place: Place) -> Node | None:
    listed = [root and _value(root, place.kind)]
    if place.source:
        sources = _named(listed[0], place.source)
        listed = [_value(one, "tables") for one in sources]
    found = [entry for one in listed for entry in _named(one, place.name)]
    return found[0] if len(found) == 1 else None


def _named(listed: Node | None, name: str) -> list[Node]:
    items = listed.value if isinstance(listed, SequenceNode) else []
    return [item for item in items if _scalar(item, "name") == name]


def _scalar(node: Node | None, key: str) -> str:
    found = _value(node, key)
    return str(found.value) if isinstance(found, ScalarNode) else ""


def _value(node: Node | None, key: str) -> Any:
    if isinstance(node, MappingNode):
        for left, right in node.value:
            if left.value == key:
                return right
    return None


def _loaded(text: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError):
        return None


def _holds(after: Any, before: Any) -> bool:
    """Everything that was said is said still, in the same order."""
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            key in after and _holds(after[key], value) for key, value in before.items()
        )
    if isinstance(before, list):
        rest: Iterator[Any] = iter(after if isinstance(after, list) else ())
        return all(any(_holds(one, wanted) for one in rest) for wanted in before)
    return bool(after == before) or (before in (None, "") and after is not None)
