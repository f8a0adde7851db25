"""`config.meta.agentic` of dbt nodes: a node can tighten what may be done to it, never loosen."""

from __future__ import annotations

import re
from typing import Any

from agentic.compiler.inputs import Inputs
from agentic.compiler.rules import rule_of_nodes
from agentic.config import NOTIFIERS, did_you_mean
from agentic.exceptions import Issue
from agentic.project import Node
from agentic.records import NodeNote, Rule

_KEYS = ("change", "escalate", "owner")


def compile_notes(
    inputs: Inputs,
) -> tuple[tuple[Rule, ...], tuple[Rule, ...], tuple[NodeNote, ...]]:
    """Rules for `ask`, rules for `deny`, and who is told; faults become issues of `inputs`."""
    rules: dict[str, list[Rule]] = {"ask": [], "deny": []}
    notes = []
    for uid in sorted(inputs.manifest.all):
        node = inputs.manifest.all[uid]
        said = node.meta.get("agentic")
        if said is None:
            continue
        if not isinstance(said, dict):
            _fault(inputs, node, "config.meta.agentic must be a mapping", "{change: deny}")
            continue
        verb = _check(inputs, node, said)
        if verb in rules:
            text = f"config.meta.agentic of {uid}"
            rules[verb].append(rule_of_nodes(text, (uid,), inputs.manifest))
        owner, escalate = said.get("owner"), said.get("escalate")
        if owner or escalate:
            notes.append(NodeNote(uid, str(owner or ""), str(escalate or "")))
    return tuple(rules["ask"]), tuple(rules["deny"]), tuple(notes)


def _check(inputs: Inputs, node: Node, said: dict[str, Any]) -> str:
    for key in sorted(map(str, said)):
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS)
            _fault(inputs, node, f"unknown key {key!r} in config.meta.agentic", hint)
    for key in ("owner", "escalate"):
        if key in said and not isinstance(said[key], str):
            _fault(inputs, node, f"config.meta.agentic.{key} must be text", "")
    known = inputs.specs.agents.connections
    escalate = said.get("escalate")
    if isinstance(escalate, str) and escalate not in known:
        message = f"unknown connection {escalate!r} in config.meta.agentic.escalate"
        _fault(inputs, node, message, did_you_mean(escalate, known), "AC205")
    elif isinstance(escalate, str) and known[escalate].kind not in NOTIFIERS:
        message = f"{escalate!r} is a connection of kind {known[escalate].kind}"
        _fault(inputs, node, message, f"these can be told: {', '.join(NOTIFIERS)}", "AC209")
    verb = said.get("change", "")
    if verb not in ("", "ask", "deny"):
        message = f"config.meta.agentic.change cannot be {verb!r}"
        _fault(inputs, node, message, "a node can only tighten: ask or deny")
    return str(verb)


def _fault(inputs: Inputs, node: Node, message: str, hint: str, code: str = "AC320") -> None:
    file, line, column = _place(inputs, node)
    inputs.issues.append(Issue(file, line, column, code, f"{node.name}: {message}", hint))


def _place(inputs: Inputs, node: Node) -> tuple[str, int, int]:
    """Where the node says it: dbt's manifest has no line numbers, so the text is searched."""
    described = (node.patch_path or "").partition("://")[2]
    for file in dict.fromkeys((described, node.original_file_path)):
        try:
            text = (inputs.project.root / file).read_text("utf-8") if file else ""
        except (OSError, UnicodeDecodeError):
            continue
        named = re.search(rf"\bname:\s*['\"]?{re.escape(node.name)}\b", text)
        found = re.compile(r"\bagentic\b").search(text, named.end() if named else 0)
        if found:
            before = text[: found.start()]
            return file, before.count("\n") + 1, found.start() - before.rfind("\n")
    return described or node.original_file_path, 1, 1
