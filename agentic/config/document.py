"""One YAML file to plain values with a position for each; every fault becomes an Issue.

Never builds an object from a tag, never expands more aliases than a small budget, never recurses
deeper than a fixed depth.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from agentic.exceptions import Issue

MAX_BYTES = 512 * 1024
MAX_DEPTH = 40
MAX_ALIASED = 500
"""Values that aliases may add to a file, all together."""

YamlPath = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"


class Position(NamedTuple):
    """1-based, as editors count."""

    line: int
    column: int


class Document:
    """A file's values, and where each was written."""

    def __init__(self, name: str) -> None:
        self.name = name
        """The path that issues print: `agents.yml`."""
        self.value: Any = None
        """dict, list, str, int, float, bool or None; None when the file is empty or broken."""
        self.values: dict[YamlPath, Position] = {}
        self.keys: dict[YamlPath, Position] = {}
        self.issues: list[Issue] = []

    def at(self, path: YamlPath, *, key: bool = False) -> Position:
        """Where the value (or its key) was written; for what was not written, its holder."""
        places = self.keys if key else self.values
        while path:
            if path in places:
                return places[path]
            path, places = path[:-1], self.values
        return self.values.get((), Position(1, 1))

    def issue(
        self, path: YamlPath, code: str, message: str, *, hint: str = "", key: bool = False
    ) -> Issue:
        line, column = self.at(path, key=key)
        return Issue(self.name, line, column, code, message, hint)

    def told(self, path: YamlPath) -> tuple[Issue, ...]:
        """Issues that are already at a value or at its key."""
        places = {self.at(path), self.at(path, key=True)}
        return tuple(issue for issue in self.issues if (issue.line, issue.column) in places)

    def close_gap(self, path: YamlPath, index: int) -> None:
        """Positions of a list after its item `index` was left out."""
        self.values = _shifted(self.values, path, index)
        self.keys = _shifted(self.keys, path, index)

    def fault(self, line: int, column: int, code: str, message: str, hint: str = "") -> None:
        self.issues.append(Issue(self.name, line, column, code, message, hint))


def _shifted(
    places: dict[YamlPath, Position], path: YamlPath, index: int
) -> dict[YamlPath, Position]:
    depth, found = len(path), {}
    for place, position in places.items():
        moved = place
        if len(place) > depth and place[:depth] == path:
            number = place[depth]
            if number == index:
                continue
            if isinstance(number, int) and number > index:
                moved = (*path, number - 1, *place[depth + 1 :])
        found[moved] = position
    return found


def read_document(path: Path, name: str) -> Document:
    """Read one file; what is wrong with it is in `issues`, nothing is raised."""
    document = Document(name)
    text = _read(path, document)
    if text is not None:
        parse_into(document, text)
    return document


def parse_document(text: str, name: str) -> Document:
    """The same for text that is already here."""
    document = Document(name)
    parse_into(document, text)
    return document


def parse_into(document: Document, text: str) -> None:
    text = text.removeprefix("\ufeff")
    if not _clean_characters(document, text):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            if not _shape_is_safe(document, text):
                return
            root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        _syntax(document, error)
        return
    except YAMLError as error:
        document.fault(1, 1, "AC102", f"not valid YAML: {_one_line(str(error))}")
        return
    except (ValueError, IndexError, AttributeError, TypeError, AssertionError) as error:
        # ruamel's scanner raises these on some malformed directives, tags and escapes.
        document.fault(1, 1, "AC102", f"not valid YAML: {_one_line(str(error))}")
        return
    if root is not None:
        builder = _Builder(document)
        value = builder.build(root, (), frozenset())
        document.value = None if builder.stopped else value


def _read(path: Path, document: Document) -> str | None:
    try:
        if not path.is_file():
            document.fault(1, 1, "AC101", "cannot be read: not a regular file")
            return None
        with path.open("rb") as source:
            raw = source.read(MAX_BYTES + 1)
    except OSError as error:
        document.fault(1, 1, "AC101", f"cannot be read: {error.strerror or error}")
        return None
    if len(raw) > MAX_BYTES:
        document.fault(1, 1, "AC101", f"is larger than {MAX_BYTES // 1024} KiB")
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before) - (before.rfind(b"\n") + 1) + 1
        document.fault(line, column, "AC101", "is not UTF-8 text", "save it as UTF-8")
        return None


def _clean_characters(document: Document, text: str) -> bool:
    for offset, char in enumerate(text):
        bad = (char < " " and char not in "\t\n\r") or ("\x7f" <= char <= "\x9f" and char != "\x85")
        if bad or "\ud800" <= char <= "\udfff" or char in "\ufeff\ufffe\uffff":
            line = text.count("\n", 0, offset) + 1
            column = offset - (text.rfind("\n", 0, offset) + 1) + 1
            name = "NUL" if char == "\0" else f"U+{ord(char):04X}"
            document.fault(line, column, "AC102", f"character {name} is not allowed", "remove it")
            return False
    return True


def _shape_is_safe(document: Document, text: str) -> bool:
    """Depth and documents, from the event stream, before anything recursive looks at the text."""
    depth = documents = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        kind = type(event).__name__
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if kind == "DocumentStartEvent":
            documents += 1
            if documents > 1:
                document.fault(line, column, "AC106", "a second YAML document is not allowed")
                return False
            if event.version or event.tags:
                document.fault(line, column, "AC106", "YAML directives are not allowed")
                return False
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            depth += 1
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            depth -= 1
        if depth > MAX_DEPTH:
            document.fault(line, column, "AC105", f"nested deeper than {MAX_DEPTH} levels")
            return False
    return True


def _syntax(document: Document, error: MarkedYAMLError) -> None:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = _one_line(error.problem or error.context or "")
    context = _one_line(error.context) if error.context and error.problem else ""
    hint = ""
    if "'\\t'" in problem:
        problem, context, hint = "a tab cannot indent YAML", "", "use spaces"
    elif "alias" in problem:
        hint = "define the anchor (&name) above its use"
    elif "mapping values are not allowed" in problem:
        problem, hint = "a second ': ' on one line", "quote the text, or start a new line"
    where = f" ({context})" if context else ""
    document.fault(line, column, "AC102", f"not valid YAML: {problem}{where}", hint)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


class _Builder:
    """Composed nodes to plain values; positions are kept by path."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.seen: set[int] = set()
        self.aliased = 0
        self.stopped = False

    def build(self, node: Node, path: YamlPath, above: frozenset[int]) -> Any:
        if self.stopped or not self._within_budget(node, above):
            return None
        self.document.values.setdefault(
            path, Position(node.start_mark.line + 1, node.start_mark.column + 1)
        )
        above = above | {id(node)}
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, path, above)
        self._plain(node, "seq")
        return [self.build(item, (*path, i), above) for i, item in enumerate(node.value)]

    def _within_budget(self, node: Node, above: frozenset[int]) -> bool:
        again = id(node) in self.seen
        self.seen.add(id(node))
        self.aliased += again
        if id(node) in above:
            self._fault(node, "AC104", "an alias contains itself", "write the values out")
        elif self.aliased > MAX_ALIASED:
            message = f"aliases repeat more than {MAX_ALIASED} values"
            self._fault(node, "AC104", message, "write the values out")
        else:
            return True
        self.stopped = True
        return False

    def _mapping(self, node: MappingNode, path: YamlPath, above: frozenset[int]) -> dict[str, Any]:
        self._plain(node, "map")
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            if key in found:
                first = self.document.keys[(*path, key)]
                message = f"duplicate key {key!r}"
                self._fault(key_node, "AC103", message, f"the first is at line {first.line}")
                continue
            mark = key_node.start_mark
            self.document.keys.setdefault((*path, key), Position(mark.line + 1, mark.column + 1))
            found[key] = self.build(value_node, (*path, key), above)
        return found

    def _key(self, node: Node) -> str | None:
        if str(node.tag) == f"{_TAG}merge":
            self._fault(node, "AC106", "merge keys (<<) are not allowed", "write the keys out")
            return None
        if not isinstance(node, ScalarNode) or str(node.tag) != f"{_TAG}str":
            self._fault(node, "AC106", "a key must be text", "put it in quotes")
            return None
        return str(node.value)

    def _scalar(self, node: ScalarNode) -> Any:
        tag, text = str(node.tag).removeprefix(_TAG), str(node.value)
        if tag in ("str", "timestamp"):
            return text
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        try:
            if tag == "int":
                return _integer(text)
            if tag == "float":
                return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            self._fault(node, "AC114", f"{text[:40]!r} is not a number that can be read")
            return text
        self._plain(node, "str")
        return None

    def _plain(self, node: Node, expected: str) -> None:
        if str(node.tag) != f"{_TAG}{expected}":
            self._fault(
                node, "AC106", f"the tag {str(node.tag)[:50]!r} is not allowed", "remove it"
            )

    def _fault(self, node: Node, code: str, message: str, hint: str = "") -> None:
        mark = node.start_mark
        self.document.fault(mark.line + 1, mark.column + 1, code, message, hint)


def _integer(text: str) -> int:
    text = text.replace("_", "")
    for prefix, base in (("0x", 16), ("0o", 8)):
        if prefix in text[:3]:
            return int(text.replace(prefix, "", 1), base)
    return int(text)
