"""Faults in code: what a hurried commit does to a project's SQL."""

from __future__ import annotations

import re

from agentic.evals.injection import Injected, Scene, fault
from agentic.evals.reading import mentions, sql_of
from agentic.project import Node

_REF = re.compile(r"\bref\(\s*(['\"])(\w+)\1\s*\)")
_OUTPUT = re.compile(r"\bas\s+(\w+)\s*(?=,|\n\s*from\b)", re.I)
_NOT_SQL = re.compile(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
_CAST = re.compile(
    r"cast\((?P<inner>[^\n]+) as (?P<type>numeric\([^)]*\)|integer|date)\) as (\w+)", re.I
)


def rewrite(scene: Scene, node: Node, text: str) -> tuple[str, ...]:
    """Write a node's file and name it."""
    scene.file(node).write_text(text, encoding="utf-8")
    return (node.original_file_path,)


def texts(scene: Scene) -> list[tuple[Node, str]]:
    """The project's SQL nodes with the text of their files."""
    return [(node, scene.file(node).read_text(encoding="utf-8")) for node in scene.own_nodes()]


@fault("ref_typo", layer="code")
def ref_typo(scene: Scene) -> Injected:
    """A ref() names a node that does not exist."""
    known = {node.name for node in scene.manifest.nodes.values()}
    options = []
    for node, text in texts(scene):
        for match in _REF.finditer(text):
            wrong = typo(match[2])
            if wrong not in known:
                options.append((node, text, match, wrong))
    node, text, match, wrong = scene.choose("ref_typo", options)
    paths = rewrite(scene, node, text[: match.start(2)] + wrong + text[match.end(2) :])
    return Injected(
        cls="ref_typo",
        layer="code",
        node=node.unique_id,
        column=None,
        observed=wrong,
        expected_decision="fix",
        detail=f"{node.original_file_path} says ref('{wrong}') for ref('{match[2]}')",
        paths=paths,
    )


def typo(name: str) -> str:
    """A name with a letter left out, late in it, where nobody looks."""
    at = max(1, len(name) - 3)
    return name[:at] + name[at + 1 :]


@fault("upstream_alias_renamed", layer="code")
def upstream_alias_renamed(scene: Scene) -> Injected:
    """A parent renamed an output column, and a child still reads the old name."""
    options = renamable_outputs(scene)
    untested = [one for one in options if not is_tested(scene, one[0], one[2][1])]
    return rename_output(scene, *scene.choose("upstream_alias_renamed", untested or options))


def renamable_outputs(scene: Scene) -> list[tuple[Node, str, re.Match[str]]]:
    """Aliases that a child needs and nothing else in their own text."""
    return [
        (node, text, match)
        for node, text in texts(scene)
        if not node.contract_enforced and node.resource_type == "model"
        for match in _OUTPUT.finditer(text)
        if is_last_use(text, match) and breaks_a_child(scene, node, match[1])
    ]


def rename_output(scene: Scene, node: Node, text: str, match: re.Match[str]) -> Injected:
    """Give an alias another name."""
    new = f"{match[1]}_value"
    paths = rewrite(scene, node, text[: match.start(1)] + new + text[match.end(1) :])
    return Injected(
        cls="upstream_alias_renamed",
        layer="code",
        node=node.unique_id,
        column=match[1],
        observed=new,
        expected_decision="fix",
        detail=f"{node.original_file_path} calls its column {match[1]} {new} now",
        paths=paths,
    )


def is_last_use(text: str, match: re.Match[str]) -> bool:
    """True when nothing later in the same text reads the name."""
    return not mentions(text[match.end() :], match[1]) and match[1].lower() not in (
        "select",
        "with",
    )


def breaks_a_child(scene: Scene, node: Node, column: str) -> bool:
    """True when a child names the column and can have it from this parent alone."""
    for child in scene.children(node.unique_id):
        others = [uid for uid in child.depends_on_nodes if uid != node.unique_id]
        nodes = [scene.manifest.all[uid] for uid in others if uid in scene.manifest.all]
        if any(column in other.columns or mentions(sql_of(other), column) for other in nodes):
            continue
        if mentions(sql_of(child), column) and child.resource_type == "model":
            return True
    return False


def is_tested(scene: Scene, node: Node, column: str) -> bool:
    """True when a test of the node itself would notice first."""
    tests = [scene.manifest.all[uid] for uid in scene.manifest.tests_of(node.unique_id)]
    return any(
        test.resource_type == "unit_test" or (test.column_name or "").lower() == column.lower()
        for test in tests
    )


@fault("syntax_error", layer="code")
def syntax_error(scene: Scene) -> Injected:
    """A node's SQL does not parse."""
    options = [(node, text, found) for node, text in texts(scene) if (found := selects(text))]
    node, text, found = scene.choose("syntax_error", options)
    start, end = found[-1]
    paths = rewrite(scene, node, text[:start] + "selct" + text[end:])
    return Injected(
        cls="syntax_error",
        layer="code",
        node=node.unique_id,
        observed="selct",
        expected_decision="fix",
        detail=f"{node.original_file_path} says selct for select",
        paths=paths,
    )


def selects(text: str) -> list[tuple[int, int]]:
    """Where `select` stands in a text, outside comments and Jinja."""
    masked = _NOT_SQL.sub(lambda match: " " * len(match[0]), text)
    return [match.span() for match in re.finditer(r"\bselect\b", masked, re.I)]


@fault("model_removed", layer="code")
def model_removed(scene: Scene) -> Injected:
    """A node was deleted while others still read it."""
    options = [
        node
        for node in scene.own_nodes()
        if node.resource_type == "model" and scene.children(node.unique_id)
    ]
    node = scene.choose("model_removed", options)
    scene.file(node).unlink()
    return Injected(
        cls="model_removed",
        layer="code",
        node=node.unique_id,
        expected_decision="fix",
        detail=f"{node.original_file_path} was deleted, and other nodes still read it",
        paths=(node.original_file_path,),
    )


@fault("contract_violation", layer="code")
def contract_violation(scene: Scene) -> Injected:
    """A column's type breaks an enforced contract."""
    options = [
        (node, text, match)
        for node, text in texts(scene)
        if node.contract_enforced
        for match in _CAST.finditer(text)
    ]
    node, text, match = scene.choose("contract_violation", options)
    paths = rewrite(
        scene, node, text[: match.start("type")] + "varchar" + text[match.end("type") :]
    )
    return Injected(
        cls="contract_violation",
        layer="code",
        node=node.unique_id,
        column=match[3],
        observed="varchar",
        expected_decision="fix",
        detail=f"{node.original_file_path} makes {match[3]} text, against its contract",
        paths=paths,
    )
