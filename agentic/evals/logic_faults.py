"""Faults in a node's logic: one token of its SQL is another; often no test notices."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from agentic.evals.code_faults import rewrite, texts
from agentic.evals.injection import Injected, NoPlace, Scene, fault
from agentic.project import Node

_NOT_SQL = re.compile(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
_OPPOSITE = {"=": "!=", "!=": "=", "<>": "=", ">": "<", "<": ">", ">=": "<", "<=": ">"}
_WHERE = re.compile(
    r"\bwhere\b(.*?)(?=\bgroup\s+by\b|\border\s+by\b|\bunion\b|\)\s*,|\Z)", re.I | re.S
)
_COMPARED = re.compile(r"(?<![<>!=])(!=|<>|>=|<=|=|>|<)(?![<>=])")
_SUM = re.compile(r"\b(sum|avg|max|min)\s*\((?!\s*\*)", re.I)
_LEFT = re.compile(r"\bleft(\s+outer)?\s+join\b", re.I)
_SECOND_CONDITION = re.compile(r"\bon\b[^()]*?\n?\s*(\band\b[^\n()]*)", re.I)
_DEDUPED = re.compile(
    r"\bwhere\s+\w*(?:row_num\w*|rn|rank\w*)\s*=\s*1\b|\bqualify\b[^\n]*= 1", re.I
)
_DISTINCT = re.compile(r"\bselect(\s+distinct)\b", re.I)


class Edit(msgspec.Struct, frozen=True):
    """One token replaced in one node."""

    node: Node
    text: str
    start: int
    end: int
    new: str

    @property
    def after(self) -> str:
        return self.text[: self.start] + self.new + self.text[self.end :]

    @property
    def old(self) -> str:
        return self.text[self.start : self.end]


def masked(text: str) -> str:
    """A text with comments and Jinja blanked, every position kept."""
    return _NOT_SQL.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def edits(scene: Scene, of: Callable[[str], Iterator[tuple[int, int, str]]]) -> list[Edit]:
    """What a function would replace, over every SQL node of the project."""
    return [
        Edit(node, text, start, end, new)
        for node, text in texts(scene)
        if node.resource_type == "model"
        for start, end, new in of(masked(text))
    ]


def injected(scene: Scene, cls: str, options: list[Edit], *also: str) -> Injected:
    """Make one of the edits."""
    edit = scene.choose(cls, options)
    paths = rewrite(scene, edit.node, edit.after)
    line = edit.text[: edit.start].count("\n") + 1
    said = f"{edit.new.strip() or 'nothing'!r} for {edit.old.strip()!r}"
    return Injected(
        cls=cls,
        layer="code",
        node=edit.node.unique_id,
        expected_decision="fix",
        # Without the old text a person has to say which logic is meant.
        also_decisions=("escalate",),
        also_classes=also,
        detail=f"{edit.node.original_file_path}:{line} says {said}",
        paths=paths,
    )


def _comparisons(text: str) -> Iterator[tuple[int, int, str]]:
    for where in _WHERE.finditer(text):
        for found in _COMPARED.finditer(where[1]):
            at = where.start(1) + found.start()
            yield at, at + len(found[1]), _OPPOSITE[found[1]]
        for null in re.finditer(r"\bis\s+not\s+null\b", where[1], re.I):
            yield where.start(1) + null.start(), where.start(1) + null.end(), "is null"


@fault("wrong_filter", layer="code")
def wrong_filter(scene: Scene) -> Injected:
    """A filter keeps what it dropped."""
    return injected(scene, "wrong_filter", edits(scene, _comparisons), "logic_changed")


def _aggregates(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _SUM.finditer(text):
        name = found[1].lower()
        new = {"sum": "max", "avg": "max", "max": "min", "min": "max"}[name]
        yield found.start(1), found.end(1), new


@fault("wrong_aggregation", layer="code")
def wrong_aggregation(scene: Scene) -> Injected:
    """An aggregate is another one."""
    return injected(scene, "wrong_aggregation", edits(scene, _aggregates), "logic_changed")


def _left_joins(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _LEFT.finditer(text):
        yield found.start(), found.end(), "inner join"


@fault("join_type", layer="code")
def join_type(scene: Scene) -> Injected:
    """A left join became an inner join; rows go missing."""
    return injected(scene, "join_type", edits(scene, _left_joins), "logic_changed")


def _looser(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _DEDUPED.finditer(text):
        yield found.start(), found.end(), ""
    for found in _DISTINCT.finditer(text):
        yield found.start(1), found.end(1), ""
    for found in _SECOND_CONDITION.finditer(text):
        yield found.start(1), found.end(1), ""
    for found in re.finditer(r"\bon\b\s+([\w.]+\s*=\s*[\w.]+)(?=\s*(?:\)|\n|\Z))", text, re.I):
        yield found.start(1), found.end(1), "1 = 1"


@fault("join_fanout", layer="code")
def join_fanout(scene: Scene) -> Injected:
    """A join or a dedupe got looser; rows multiply."""
    return injected(scene, "join_fanout", edits(scene, _looser), "logic_changed")


@fault("ambiguous_column", layer="code")
def ambiguous_column(scene: Scene) -> Injected:
    """A column of two joined relations lost its qualifier."""
    options = []
    for node, text in texts(scene):
        for start, end, new, name in _qualified(masked(text)):
            options.append((Edit(node, text, start, end, new), name))
    if not options:
        scene.choose("ambiguous_column", options)
    edit, name = scene.choose("ambiguous_column", options)
    paths = rewrite(scene, edit.node, edit.after)
    return Injected(
        cls="ambiguous_column",
        layer="code",
        node=edit.node.unique_id,
        column=None,
        observed=name,
        expected_decision="fix",
        also_classes=("syntax_error",),
        detail=f"{edit.node.original_file_path} says {name} for {edit.old}",
        paths=paths,
    )


def _qualified(text: str) -> Iterator[tuple[int, int, str, str]]:
    """`a.x` in a select list where `on` says `a.x = b.x`: both sides have it."""
    both = {
        m[2].lower()
        for m in re.finditer(r"\b(\w+)\.(\w+)\s*=\s*(\w+)\.(\w+)\b", text)
        if m[2].lower() == m[4].lower() and m[1] != m[3]
    }
    for found in re.finditer(r"(?<=[\s(])(\w+)\.(\w+)(?=\s*,|\s*\n)", text):
        before = text[: found.start()].lower()
        in_list = before.rfind("select") > max(before.rfind("from"), before.rfind(" on "))
        if in_list and found[2].lower() in both:
            yield found.start(), found.end(), found[2], found[2]


@fault("unit_test_failure", layer="code")
def unit_test_failure(scene: Scene) -> Injected:
    """Logic no longer does what its unit test says."""
    tested = {unit.tested_node_unique_id for unit in scene.manifest.unit_tests.values()}
    tested |= {uid for unit in scene.manifest.unit_tests.values() for uid in unit.depends_on_nodes}
    if not tested:
        raise NoPlace("the project has no unit test")

    def changed(text: str) -> Iterator[tuple[int, int, str]]:
        yield from _aggregates(text)
        yield from _comparisons(text)
        for found in re.finditer(r"(?<=\s)([-+*])(?=\s+[\w(])", text):
            yield found.start(1), found.end(1), {"-": "+", "+": "-", "*": "+"}[found[1]]

    options = [one for one in edits(scene, changed) if one.node.unique_id in tested]
    return injected(
        scene,
        "unit_test_failure",
        options,
        "logic_changed",
        "wrong_filter",
        "wrong_aggregation",
    )
