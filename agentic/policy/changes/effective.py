"""The configuration that a node ends up with: dbt_project.yml, then its property file, then its
own text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from agentic.policy.changes.case import Case
from agentic.policy.changes.declared import settings_of
from agentic.policy.changes.marks import sensitive
from agentic.policy.changes.nodes_sql import Library, Variants, stem
from agentic.policy.changes.project_file import split_settings
from agentic.policy.changes.settings import compare_config, flat
from agentic.policy.changes.shapes import ChangeFinding, ChangeRule
from agentic.policy.changes.tree import Tree

PROJECT_KEYS = {"model": "models", "seed": "seeds", "snapshot": "snapshots"}
# dbt adds these up over the three places; of all others the nearest wins.
ADDED_UP = frozenset(["tags", "pre_hook", "post_hook"])
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "model": {"materialized": "view", "enabled": True},
    "seed": {"materialized": "seed", "enabled": True},
    "snapshot": {"materialized": "snapshot", "enabled": True},
}


class Node(NamedTuple):
    """A model, seed or snapshot."""

    name: str
    path: str
    kind: str


def project_settings(tree: Tree, path: str, kind: str) -> dict[str, Any]:
    """What dbt_project.yml says for a file: the folders of its path, outermost first."""
    branch = tree.settings.get(PROJECT_KEYS[kind])
    folders = next(
        (
            path.removeprefix(place.strip("/") + "/")
            for place in tree.places[kind]
            if path.startswith(place.strip("/") + "/")
        ),
        path,
    ).split("/")
    merged: dict[str, Any] = {}
    for step in [None, tree.name, *folders[:-1], stem(path)]:
        if step is not None:
            branch = split_settings(branch)[1].get(step)
        if branch is None:
            break
        merged = merge(merged, split_settings(branch)[0])
    return merged


def merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """The upper place over the lower one, as dbt merges them."""
    made, more = flat(lower), flat(upper)
    for key, value in more.items():
        if key in ADDED_UP and made.get(key) is not None:
            made[key] = [*_listed(made[key]), *_listed(value)]
        elif (
            key in ("meta", "docs") and isinstance(made.get(key), dict) and isinstance(value, dict)
        ):
            made[key] = {**made[key], **value}
        else:
            made[key] = value
    return made


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def effective(
    tree: Tree, name: str, path: str, kind: str, own: Mapping[str, Any]
) -> dict[str, Any]:
    """One node's configuration."""
    made = merge(DEFAULTS[kind], project_settings(tree, path, kind))
    entry = tree.declared.get(f"{kind}:{name}")
    if entry is not None:
        made = merge(made, settings_of(entry))
    return merge(made, own)


def touched_nodes(case: Case, properties: set[str]) -> dict[str, str]:
    """Models, seeds and snapshots whose file or entry the change touches, with their kind."""
    found = {}
    for name, path in case.after.nodes.items():
        kind = case.after.kind(path)
        if path in case.changed and kind in PROJECT_KEYS:
            found[name] = kind
    before = {one.key: one for one in case.base.resources_of(properties)}
    after = {one.key: one for one in case.after.resources_of(properties)}
    for key in {*before, *after}:
        kind, _, name = key.partition(":")
        if kind in PROJECT_KEYS and before.get(key) != after.get(key) and name in case.after.nodes:
            found[name] = kind
    return found


def judge_settings(case: Case, names: Mapping[str, str]) -> None:
    """Compare every touched node's configuration before and after; `names` maps it to its kind."""
    for name, kind in names.items():
        path = case.after.nodes.get(name)
        if path is None or not path.endswith((".sql", ".csv", ".yml", ".yaml")):
            continue
        old_path = case.base.nodes.get(name)
        now, was = (
            _variants(case.library, path),
            (_variants(case.base_library, old_path) if old_path is not None else None),
        )
        for which in (0, 1):
            after = effective(case.after, name, path, kind, _own(now, which))
            before = (
                effective(case.base, name, old_path, kind, _own(was, which))
                if old_path is not None
                else dict(DEFAULTS[kind])
            )
            _compare(case, Node(name, path, kind), before, after, new=old_path is None)


def _variants(library: Library, path: str | None) -> Variants | None:
    return library.variants(path) if path is not None and path.endswith(".sql") else None


def _own(variants: Variants | None, which: int) -> dict[str, Any]:
    if variants is None:
        return {}
    return (variants.first, variants.second)[which].config


def _compare(
    case: Case, node: Node, before: dict[str, Any], after: dict[str, Any], *, new: bool
) -> None:
    name, path, kind = node
    # what a folder of dbt_project.yml gives to a new node was there before it
    given = project_settings(case.after, path, kind) if new else {}
    start = {**before, **flat(given)} if new else before
    where = kind if kind == "snapshot" else "node" if kind == "model" else kind
    for setting in compare_config(start, after, new=new, kind=where):
        place, line = _place(case, name, path, kind, setting.key.split(" ")[0])
        case.add(place, line, setting.verdict, setting.code, setting.reason)
    for finding in _tags(case, name, path, before, after, new=new):
        case.findings.append(finding)
    if not new and before.get("enabled") is not False and after.get("enabled") is False:
        _switched_off(case, name, path)


def _switched_off(case: Case, name: str, path: str) -> None:
    for child, other in case.after.nodes.items():
        variants = _variants(case.library, other)
        if child != name and variants is not None and any(name in one.refs for one in variants.all):
            case.add(
                path,
                0,
                "deny",
                "RESOURCE_DELETED",
                f"{name} is switched off, and {child} still reads it.",
            )
            return


def _place(case: Case, name: str, path: str, kind: str, key: str) -> tuple[str, int]:
    """Where a setting is written: the node's text, else its property file."""
    for number, line in enumerate(case.after.files.get(path, "").splitlines(), 1):
        if key in line and path in case.changed:
            return path, number
    entry = case.after.declared.get(f"{kind}:{name}")
    if entry is not None and entry.path in case.changed:
        return entry.path, entry.lines.get(key, entry.lines.get("config", entry.line))
    return path, 0


def _tags(
    case: Case, name: str, path: str, before: dict[str, Any], after: dict[str, Any], *, new: bool
) -> Iterator[ChangeFinding]:
    """Tags that guardrails go by: a node cannot leave a stricter rule, nor join a laxer one."""
    old, now = ({str(one) for one in _listed(tags.get("tags") or [])} for tags in (before, after))
    strict = guarded_tags((*case.rules.ask, *case.rules.deny))
    lax = guarded_tags(case.rules.allow)
    if (
        not new
        and sensitive(before, case.rules.pii_tags)
        and not sensitive(after, case.rules.pii_tags)
    ):
        yield ChangeFinding(
            path, 0, "deny", "PII_POLICY_CHANGE", f"{name} is no longer marked as personal data."
        )
    if not new and (old - now) & strict:
        yield ChangeFinding(
            path,
            0,
            "deny",
            "GUARDRAIL_SELF_EDIT",
            f"{name} loses a tag that guardrails.yml goes by.",
        )
    if (now - old) & lax:
        yield ChangeFinding(
            path,
            0,
            "deny",
            "GUARDRAIL_SELF_EDIT",
            f"{name} takes a tag that guardrails.yml allows changes by.",
        )


def guarded_tags(rules: tuple[ChangeRule, ...]) -> set[str]:
    return {tag for rule in rules for tag in re.findall(r"tag:([\w.-]+)", rule.text)}
