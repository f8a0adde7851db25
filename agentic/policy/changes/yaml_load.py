"""YAML as dbt reads it (version 1.1), with positions, and with everything that hides something
named."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES = 1_000_000
MAX_DEPTH = 60
MAX_ALIASES = 2000

_TRUE = frozenset(["yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
_FALSE = frozenset(["no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_INT = re.compile(r"[-+]?(0|[1-9][0-9_]*)$")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*)?\.[0-9_]*([eE][-+][0-9]+)?$")
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_TAGS = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(
    _TAGS + kind for kind in ["str", "int", "float", "bool", "null", "map", "seq", "timestamp"]
)


class Mapped(dict[Any, Any]):
    """A mapping that knows its lines."""

    line: int = 0
    lines: dict[Any, int]


class Listed(list[Any]):
    """A sequence that knows its lines."""

    line: int = 0
    lines: list[int]


class Problem(msgspec.Struct, frozen=True):
    """Something that makes a file mean other than it seems, or nothing at all."""

    line: int
    reason: str
    key: str

    @property
    def repeats(self) -> bool:
        """Is it a part of the file that stands elsewhere too? It is judged as what it stands
        for."""
        return self.key == "merge" or self.key.startswith("alias ")


class Loaded(msgspec.Struct, frozen=True):
    """A YAML file's value and what is wrong with it."""

    value: Any
    problems: tuple[Problem, ...] = ()
    broken: bool = False


class _Depth(Exception):
    pass


@lru_cache(maxsize=4096)
def load(text: str) -> Loaded:
    """Never raises: a file that cannot be read is `broken` and says why."""
    if len(text) > MAX_BYTES:
        return Loaded(None, (Problem(1, "The file is larger than a megabyte.", "size"),), True)
    problems = list(_lexical(text))
    text = _TRAILING.sub("", text)  # a tab at a line's end is nothing to dbt's own reader
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    try:
        root = _compose(text, reader, problems)
        builder = _Builder(problems)
        value = builder.build(root, 0) if root is not None else None
    except _Depth:
        problems.append(Problem(1, "The file is nested too deeply.", "depth"))
        return Loaded(None, tuple(problems), True)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        problems.append(Problem(line, f"The file is not YAML: {error.problem}.", "broken"))
        return Loaded(None, tuple(problems), True)
    except (YAMLError, ValueError, RecursionError, TypeError, AttributeError, IndexError) as error:
        problems.append(Problem(1, f"The file is not YAML ({type(error).__name__}).", "broken"))
        return Loaded(None, tuple(problems), True)
    return Loaded(value, tuple(problems))


def _lexical(text: str) -> list[Problem]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip():
            found.append(
                Problem(
                    number,
                    "A tab in the indentation means different things to different readers.",
                    "tab",
                )
            )
    return found


def _compose(text: str, reader: YAML, problems: list[Problem]) -> Node | None:
    if "&" in text:  # no alias without an anchor; the pass over the events doubles the cost
        _aliases(text, reader, problems)
    again = YAML(typ="safe", pure=True)
    again.version = (1, 1)
    try:
        roots = list(islice(again.compose_all(text), 2))
    except RecursionError:
        raise _Depth from None
    if len(roots) > 1:
        problems.append(Problem(1, "The file holds several documents; dbt reads one.", "documents"))
    root: Node | None = roots[0] if roots else None
    return root


def _aliases(text: str, reader: YAML, problems: list[Problem]) -> None:
    depth = 0
    for event in reader.parse(text):
        if isinstance(event, AliasEvent):
            problems.append(
                Problem(
                    event.start_mark.line + 1,
                    "An alias repeats another part of the file unseen.",
                    f"alias {event.anchor}",
                )
            )
        name = type(event).__name__
        depth += name.endswith("StartEvent") - name.endswith("EndEvent")
        if depth > MAX_DEPTH:
            raise _Depth
    if sum(problem.repeats for problem in problems) > MAX_ALIASES:
        raise _Depth


class _Builder:
    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.count = 0

    def build(self, node: Node, depth: int) -> Any:
        self.count += 1
        if depth > MAX_DEPTH or self.count > 200_000:
            raise _Depth
        tag = str(node.tag) if node.tag is not None else ""
        if isinstance(node, MappingNode):
            return self.mapping(node, depth)
        if isinstance(node, SequenceNode):
            self.plain(node, tag)
            made = Listed(self.build(one, depth + 1) for one in node.value)
            made.line = node.start_mark.line + 1
            made.lines = [one.start_mark.line + 1 for one in node.value]
            return made
        assert isinstance(node, ScalarNode)
        if tag and tag not in _PLAIN_TAGS and tag != "!" and not tag.endswith((":merge", ":value")):
            self.problems.append(
                Problem(node.start_mark.line + 1, f"The tag {tag} makes an object.", tag)
            )
        return scalar(node)

    def plain(self, node: Node, tag: str) -> None:
        if tag and tag not in _PLAIN_TAGS and tag != "!":
            line = node.start_mark.line + 1
            self.problems.append(Problem(line, f"The tag {tag} makes an object.", tag))

    def mapping(self, node: MappingNode, depth: int) -> Mapped:
        made = Mapped()
        made.line = node.start_mark.line + 1
        made.lines = {}
        merged: dict[Any, Any] = {}
        if str(node.tag) not in _PLAIN_TAGS:
            self.problems.append(
                Problem(made.line, f"The tag {node.tag} makes an object.", str(node.tag))
            )
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self.build(key_node, depth + 1)
            if not isinstance(key, str | int | float | bool | None):
                self.problems.append(Problem(line, "A key that is a list or a mapping.", "key"))
                continue
            if key in made:
                self.problems.append(
                    Problem(
                        line,
                        f"The key {key!r} stands twice; the first is silently lost.",
                        f"twice {key}",
                    )
                )
            value = self.build(value_node, depth + 1)
            if key == "<<" and key_node.style is None:
                self.problems.append(
                    Problem(line, "A merge key brings in another part of the file unseen.", "merge")
                )
                merged |= _merged(value)
                continue
            made[key] = value
            made.lines[key] = line
        for key, value in merged.items():
            made.setdefault(key, value)
            made.lines.setdefault(key, made.line)
        return made


def _merged(value: Any) -> dict[Any, Any]:
    """What a merge key brings in: of several mappings the first one wins."""
    found: dict[Any, Any] = {}
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            found = {**one, **found}
    return found


def scalar(node: ScalarNode) -> Any:
    """A scalar's value by YAML 1.1, as dbt's reader resolves it."""
    text = str(node.value)
    if node.style in ("'", '"', "|", ">"):
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.match(text) and len(text) < 300:
        return int(text.replace("_", ""))
    if _FLOAT.match(text) and text.strip("+-._"):
        return float(text.replace("_", ""))
    return text


def mapping(value: Any) -> Mapped:
    """The value if it is a mapping, else an empty one."""
    if isinstance(value, Mapped):
        return value
    made = Mapped(value) if isinstance(value, dict) else Mapped()
    made.lines = {}
    return made


def sequence(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def line_of(value: Any, key: Any = None) -> int:
    """The line of a value, or of one of its keys; 0 where none is known."""
    if isinstance(value, Mapped) and key is not None:
        return value.lines.get(key, value.line)
    return int(getattr(value, "line", 0))
