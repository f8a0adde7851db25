"""Items of guardrails.yml, and what nodes say of themselves, to resolved rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from agentic.compiler.inputs import Inputs, similar
from agentic.config import Item, YamlPath, parse_item
from agentic.project import Manifest, Node, NodeColumn
from agentic.records import Rule

PII = "tag:pii"
_OWN_FILE = ("model", "seed", "snapshot", "analysis", "test")
"""Kinds whose file holds nothing else, unless it is YAML."""


def read_rules(inputs: Inputs, verb: str) -> tuple[Rule, ...]:
    """`read.deny` or `read.mask`, resolved."""
    found = []
    for item, path in _items(inputs, "read", verb):
        if item.kind == "selection":
            found.append(_read_selection(inputs, item, path, verb))
        else:
            found.append(_named(inputs, item, path))
    return tuple(found)


def change_rules(inputs: Inputs, verb: str) -> tuple[Rule, ...]:
    """`change.allow`, `change.ask` or `change.deny`, resolved."""
    found = []
    for item, path in _items(inputs, "change", verb):
        if item.kind == "selection":
            nodes = _select(inputs, item, path)
            found.append(rule_of_nodes(item.text, nodes, inputs.manifest))
        else:
            found.append(_named(inputs, item, path))
    return tuple(found)


def rule_of_nodes(text: str, nodes: tuple[str, ...], manifest: Manifest) -> Rule:
    """A rule for nodes: their files where these hold nothing else, and their relations."""
    members = [manifest.all[uid] for uid in nodes]
    return Rule(
        text=text,
        nodes=nodes,
        paths=tuple(sorted({node.original_file_path for node in members if _own_file(node)})),
        relations=tuple(sorted({name for node in members if (name := relation_name(node))})),
    )


def default_pii(inputs: Inputs, masks: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """What is tagged pii and not masked cannot be read; a node that marks columns means those."""
    nodes, columns = _pii(inputs.manifest)
    hidden = {uid for rule in masks for uid in rule.nodes}
    covered = [pattern for rule in masks for pattern in rule.columns]
    relations = [pattern for rule in masks for pattern in rule.relations]
    left = tuple(uid for uid in nodes if uid not in hidden)
    left_columns = tuple(
        name
        for name in columns
        if not any(fnmatchcase(name, pattern) for pattern in covered)
        and not any(fnmatchcase(name.rpartition(".")[0], pattern) for pattern in relations)
    )
    if not left and not left_columns:
        return ()
    whole = rule_of_nodes(f"{PII} (default)", left, inputs.manifest)
    return (Rule(text=whole.text, nodes=left, relations=whole.relations, columns=left_columns),)


def pii_columns(manifest: Manifest) -> tuple[str, ...]:
    """`unique_id.column` of every column that is marked."""
    return tuple(
        sorted(
            f"{uid}.{column.name.lower()}"
            for uid, node in manifest.all.items()
            for column in node.columns.values()
            if _is_pii(column)
        )
    )


def relation_name(node: Node) -> str:
    """`schema.table` in lower case; empty for what has no relation."""
    if node.resource_type not in ("model", "seed", "snapshot", "source") or not node.schema:
        return ""
    return f"{node.schema}.{node.alias or node.name}".lower()


def _items(inputs: Inputs, section: str, verb: str) -> Iterator[tuple[Item, YamlPath]]:
    written = getattr(getattr(inputs.specs.guardrails, section), verb) or ()
    seen = set()
    for number, text in enumerate(written):
        if text not in seen:
            yield parse_item(text), (section, verb, number)
        seen.add(text)


def _select(inputs: Inputs, item: Item, path: YamlPath) -> tuple[str, ...]:
    """A rule's nodes. Tests come along with what they test only in `dbt build`, not in a rule:
    else `deny: source:*` would deny every test that reads a source."""
    nodes = inputs.select(inputs.specs.guardrails_document, path, item.value)
    if re.search(r"test_name:|test_type:|unit_test:|resource_type:(unit_)?test", item.value):
        return nodes
    names = set(re.split(r"[\s,+@]+", item.value))
    members = inputs.manifest.all
    return tuple(
        uid
        for uid in nodes
        if members[uid].resource_type not in ("test", "unit_test") or members[uid].name in names
    )


def _named(inputs: Inputs, item: Item, path: YamlPath) -> Rule:
    if item.kind == "relation":
        return Rule(text=item.text, relations=(item.value.lower(),))
    if item.kind == "column":
        return Rule(text=item.text, columns=(item.value.lower(),))
    nodes = tuple(sorted(_under(item.value, inputs)))
    if not nodes and not _exists(item.value, inputs):
        document = inputs.specs.guardrails_document
        hint = similar(item.text, inputs.manifest)
        inputs.warn(document, path, "AC310", f"{item.text!r} matches nothing today", hint)
    members = [inputs.manifest.all[uid] for uid in nodes]
    relations = sorted({name for node in members if (name := relation_name(node))})
    return Rule(text=item.text, nodes=nodes, paths=(item.value,), relations=tuple(relations))


def _under(folder: str, inputs: Inputs) -> Iterator[str]:
    for uid, node in inputs.manifest.all.items():
        if node.package_name == inputs.project.name and path_matches(
            node.original_file_path, folder
        ):
            yield uid


def path_matches(path: str, pattern: str) -> bool:
    """Whether a file is what a rule's path names: the file, a folder above it, or a glob."""
    parts, wanted = path.split("/"), pattern.rstrip("/").split("/")
    if len(wanted) <= len(parts) and "**" not in pattern:
        return all(fnmatchcase(part, want) for part, want in zip(parts, wanted, strict=False))
    return fnmatchcase(path, pattern.replace("**/", "*").replace("**", "*"))


def _exists(value: str, inputs: Inputs) -> bool:
    root = inputs.project.root
    try:
        if any(char in value for char in "*?["):
            return next(root.glob(value), None) is not None
        return (root / value).exists()
    except (ValueError, OSError, NotImplementedError):
        # Not a pattern or name that a file system could have.
        return False


def _read_selection(inputs: Inputs, item: Item, path: YamlPath, verb: str) -> Rule:
    """As for change; `tag:` also names columns with that tag.

    A node that is tagged and marks columns of its own is masked in those columns alone.
    """
    manifest = inputs.manifest
    tag = item.value.removeprefix("tag:") if item.value.startswith("tag:") else ""
    plain = bool(tag) and not any(char in tag for char in " ,+@")
    columns = _tagged_columns(manifest, tag) if plain else {}
    before = len(inputs.issues)
    nodes = _select(inputs, item, path)
    if columns and not nodes:
        del inputs.issues[before:]
    if verb == "mask":
        nodes = tuple(uid for uid in nodes if uid not in columns)
    whole = rule_of_nodes(item.text, nodes, manifest)
    names = sorted({name for many in columns.values() for name in many})
    return Rule(text=item.text, nodes=nodes, relations=whole.relations, columns=tuple(names))


def _tagged_columns(manifest: Manifest, tag: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for uid, node in manifest.all.items():
        relation = relation_name(node)
        for column in node.columns.values():
            named = any(fnmatchcase(one, tag) for one in _tags(column))
            if relation and (named or (tag == "pii" and _is_pii(column))):
                found.setdefault(uid, []).append(f"{relation}.{column.name.lower()}")
    return found


def _pii(manifest: Manifest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    columns = _tagged_columns(manifest, "pii")
    nodes = sorted(
        uid
        for uid, node in manifest.all.items()
        if "pii" in node.tags and relation_name(node) and uid not in columns
    )
    return tuple(nodes), tuple(sorted({name for many in columns.values() for name in many}))


def _tags(column: NodeColumn) -> list[str]:
    given = column.config.get("tags")
    more = [given] if isinstance(given, str) else given or []
    return [*column.tags, *map(str, more)]


def _is_pii(column: NodeColumn) -> bool:
    return "pii" in _tags(column) or column.meta.get("pii") is True


def _own_file(node: Node) -> bool:
    return node.resource_type in _OWN_FILE and not node.original_file_path.endswith(
        (".yml", ".yaml")
    )
