"""Playbooks: tools, inputs, expressions and names checked against what there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import nodes

from agentic.compiler.inputs import Inputs
from agentic.config import (
    Document,
    TemplateFault,
    YamlPath,
    did_you_mean,
    is_template,
    parse_template,
    template_names,
    walk_template,
)
from agentic.config.playbooks import read_playbooks, standard_order
from agentic.config.playbooks_spec import PlaybookItem, PlaybookStep
from agentic.records import (
    CompiledAgent,
    CompiledPlaybook,
    Incident,
    PlaybookEdit,
    ToolSpec,
)
from agentic.records import PlaybookStep as CompiledStep

FINDING = (
    "code", "class", "node", "column", "observed", "confidence", "summary", "owner", "next_step",
    "decision", "affected",
)  # fmt: skip
"""What an expression may ask of `finding`."""
_SIMPLE = (
    nodes.Output | nodes.TemplateData | nodes.Const | nodes.Name | nodes.Filter | nodes.CondExpr
    | nodes.Compare | nodes.Operand | nodes.And | nodes.Or | nodes.Not | nodes.Concat | nodes.List
    | nodes.Tuple | nodes.Dict | nodes.Pair | nodes.Getitem | nodes.Getattr | nodes.Keyword
    | nodes.Test | nodes.Template | nodes.Add | nodes.Sub | nodes.Div | nodes.Neg | nodes.Slice
)  # fmt: skip
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_EFFECTS = ("read",)


def compile_playbooks(
    inputs: Inputs, agents: Sequence[CompiledAgent]
) -> tuple[tuple[CompiledPlaybook, ...], tuple[str, ...]]:
    """The project's playbooks, and the rules that it asks first; faults become issues."""
    found: list[CompiledPlaybook] = []
    order: list[str] = []
    names: set[str] = set()
    for file in read_playbooks(inputs.project.root):
        document = file.document
        inputs.issues.extend(document.issues)
        if file.spec is None:
            continue
        for number, rule in enumerate(file.spec.rules):
            if rule not in standard_order():
                hint = did_you_mean(rule, standard_order())
                inputs.error(
                    document, ("rules", number), "AC214", f"there is no rule {rule!r}", hint
                )
            order.append(rule)
        for number, item in enumerate(file.spec.playbooks):
            path: YamlPath = ("playbooks", number)
            if item.name in names:
                message = f"playbook {item.name!r} is there twice"
                inputs.error(document, (*path, "name"), "AC115", message, "rename one of them")
            names.add(item.name)
            if item.config.enabled is not False:
                found.append(_Check(inputs, document, path, agents).compiled(item))
    return tuple(found), tuple(dict.fromkeys(order))


class _Check:
    """One playbook's checks, with where its parts were written."""

    def __init__(
        self, inputs: Inputs, document: Document, path: YamlPath, agents: Sequence[CompiledAgent]
    ) -> None:
        self.inputs = inputs
        self.document = document
        self.path = path
        self.agents = agents

    def error(self, path: YamlPath, code: str, message: str, hint: str = "") -> None:
        self.inputs.error(self.document, (*self.path, *path), code, message, hint)

    def compiled(self, item: PlaybookItem) -> CompiledPlaybook:
        """The playbook as the rules follow it."""
        after = self.expression(("when",), item.when, {"incident", "finding"}, ())
        known = {"incident", "finding"} if after else {"incident"}
        ids: list[str] = []
        for number, step in enumerate(item.steps):
            self.step(("steps", number), step, item, known, ids)
            ids.append(step.id)
        if item.holds is not None:
            self.expression(("holds",), item.holds, {*known, "steps"}, ids)
        texts: dict[YamlPath, str | None] = {
            (key,): getattr(item, key) for key in ("node", "column", "summary", "owner", "question")
        }
        for number, edit in enumerate(item.edits):
            texts |= {("edits", number, key): getattr(edit, key) for key in ("path", "old", "new")}
        for path, text in texts.items():
            self.template(path, text, {*known, "steps"}, ids)
        if item.agent is not None and item.agent not in {one.name for one in self.agents}:
            hint = did_you_mean(item.agent, [one.name for one in self.agents])
            self.error(("agent",), "AC203", f"there is no agent {item.agent!r}", hint)
        if item.edits:
            self.allowed(("edits",), "edit_file", item)
        return self._shape(item, after)

    def _shape(self, item: PlaybookItem, after: bool) -> CompiledPlaybook:
        line = self.document.at(self.path).line
        return CompiledPlaybook(
            name=item.name,
            when=item.when,
            decision=item.decision,
            summary=item.summary,
            after_rules=after,
            agent=item.agent or "",
            steps=tuple(
                CompiledStep(one.id, one.tool, dict(one.input), one.when or "")
                for one in item.steps
            ),
            holds=item.holds or "",
            cls=item.cls or item.name,
            node=item.node or "",
            column=item.column or "",
            owner=item.owner or "",
            question=item.question or "",
            confidence=item.confidence,
            edits=tuple(
                PlaybookEdit(one.path, one.old, one.new, one.why or "") for one in item.edits
            ),
            where=f"{self.document.name}:{line}",
        )

    def step(
        self,
        path: YamlPath,
        step: PlaybookStep,
        item: PlaybookItem,
        known: set[str],
        ids: list[str],
    ) -> None:
        """One step: its tool, what it is given, when it is asked."""
        if step.id in ids:
            self.error((*path, "id"), "AC115", f"step {step.id!r} is there twice", "rename one")
        if step.when is not None:
            self.expression((*path, "when"), step.when, {*known, "steps"}, ids)
        for key, text in _texts(step.input):
            self.template((*path, "input", *key), text, {*known, "steps"}, ids)
        spec = self.inputs.tools.get(step.tool)
        if spec is None:
            hint = did_you_mean(step.tool, self._readable())
            self.error((*path, "tool"), "AC201", f"there is no tool {step.tool!r}", hint)
            return
        if spec.effect not in _EFFECTS or step.tool in ("submit_report", "diagnose"):
            hint = "steps only read; a fix is written under `edits`"
            self.error((*path, "tool"), "AC212", f"{step.tool} is no tool that reads", hint)
            return
        self.allowed((*path, "tool"), step.tool, item)
        self.given((*path, "input"), spec, step.input)

    def _readable(self) -> list[str]:
        return [name for name, spec in self.inputs.tools.items() if spec.effect in _EFFECTS]

    def allowed(self, path: YamlPath, tool: str, item: PlaybookItem) -> None:
        """A playbook may call only what the agents that follow it may call (AC212)."""
        ours = [one for one in self.agents if item.agent in (None, one.name)]
        lacking = [one.name for one in ours if tool not in one.tools]
        if lacking:
            hint = f"add it to `tools` of {lacking[0]}, or name another `agent`"
            self.error(path, "AC212", f"agent {lacking[0]!r} may not call {tool}", hint)

    def given(self, path: YamlPath, spec: ToolSpec, given: dict[str, Any]) -> None:
        """The input against the tool's schema (AC211)."""
        properties: dict[str, Any] = spec.input_schema.get("properties", {})
        for key, value in given.items():
            if key not in properties:
                hint = did_you_mean(key, properties)
                self.error((*path, key), "AC211", f"{spec.name} takes no {key!r}", hint)
                continue
            kinds = _TYPES.get(str(properties[key].get("type", "")))
            if kinds is None or (isinstance(value, str) and is_template(value)):
                continue
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                message = f"{spec.name}: {key} must be of type {properties[key]['type']}"
                self.error((*path, key), "AC211", message)
        for key in spec.input_schema.get("required", []):
            if key not in given:
                self.error(path, "AC211", f"{spec.name} needs {key!r}", f"write `{key}:`")

    def expression(self, path: YamlPath, text: str, known: set[str], ids: Sequence[str]) -> bool:
        """Check an expression; True when it speaks of `finding`."""
        if is_template(text):
            self.error(path, "AC213", "an expression needs no braces", "write it without {{ }}")
            return "finding" in text
        return self.template(path, "{{ (" + text + "\n) }}", known, ids)

    def template(
        self, path: YamlPath, text: str | None, known: set[str], ids: Sequence[str]
    ) -> bool:
        """Check a template's names and fields; True when it speaks of `finding`."""
        if not text or not is_template(text):
            return False
        try:
            tree = parse_template(text)
            names = template_names(tree)
        except TemplateFault as fault:
            self.error(path, "AC213", fault.message, fault.hint)
            return False
        for name in sorted(names - known):
            hint = did_you_mean(name, known)
            self.error(path, "AC213", f"{name!r} is not known here", hint)
        for node in walk_template(tree):
            if not isinstance(node, _SIMPLE):
                self.error(path, "AC213", f"{type(node).__name__} is not allowed in a playbook")
            elif isinstance(node, nodes.Getattr | nodes.Getitem):
                self._field(path, node, ids)
        return "finding" in names

    def _field(self, path: YamlPath, node: nodes.Expr, ids: Sequence[str]) -> None:
        holder = getattr(node, "node", None)
        if not isinstance(holder, nodes.Name):
            return
        fields: dict[str, Sequence[str]] = {
            "incident": Incident.__struct_fields__,
            "finding": FINDING,
            "steps": ids,
        }
        name = _field_name(node)
        if name and holder.name in fields and name not in fields[holder.name]:
            hint = did_you_mean(name, fields[holder.name])
            self.error(path, "AC213", f"{holder.name} has no {name!r}", hint)


def _field_name(node: nodes.Expr) -> str:
    if isinstance(node, nodes.Getattr):
        return node.attr
    arg = getattr(node, "arg", None)
    return str(arg.value) if isinstance(arg, nodes.Const) and isinstance(arg.value, str) else ""


def _texts(value: Any, path: YamlPath = ()) -> Iterator[tuple[YamlPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, number))
