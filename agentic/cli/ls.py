"""`agentic ls`: what the compiled files hold."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from agentic.cli.options import Flags, project_options
from agentic.cli.output import emit_json, emit_text

if TYPE_CHECKING:
    from agentic.records import Compiled

KINDS = ("agent", "tool", "guardrail", "connection", "trigger", "output")


@click.command("ls", short_help="List what the files declare.")
@click.option(
    "--resource-type",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="Only these; may be given more than once.",
)
@click.option("-s", "--select", "names", multiple=True, help="Only these names; `*` for any text.")
@click.option("--graph", is_flag=True, help="Print a mermaid graph instead of the list.")
@project_options()
def command(flags: Flags, kinds: tuple[str, ...], names: tuple[str, ...], graph: bool) -> int:
    """List agents, tools, guardrails, connections, triggers and outputs of this project."""
    from agentic.cli.compilation import compile_here
    from agentic.exceptions import ConfigError

    found = compile_here(flags)
    if found.failure is not None:
        raise found.failure
    if found.errors or found.checked is None:
        raise ConfigError(found.errors)
    items = [
        item
        for item in list_items(found.checked.compiled)
        if (not kinds or item["resource_type"] in kinds)
        and (not names or any(fnmatchcase(item["name"], name) for name in names))
    ]
    if graph:
        text = mermaid(items)
        if flags.as_json:
            emit_json({"mermaid": text})
        else:
            emit_text(text)
        return 0
    for item in items:
        if flags.as_json:
            emit_json(item)
        else:
            emit_text(line_of(item))
    return 0


def list_items(compiled: Compiled) -> Iterator[dict[str, Any]]:
    """One mapping an item, agents first."""
    from agentic.records import dump

    for agent in compiled.agents:
        shown = dump(agent)
        scope = shown.pop("scope")
        del shown["instructions"]
        yield {"resource_type": "agent", **shown, "nodes": len(scope)}
    for tool in compiled.tools:
        yield {"resource_type": "tool", **dump(tool)}
    yield from _guardrails(compiled)
    for name, connection in compiled.connections.items():
        yield {"resource_type": "connection", "name": name, "kind": connection["kind"]}
    for name in compiled.triggers:
        yield {"resource_type": "trigger", "name": name}
    for name in compiled.outputs:
        yield {"resource_type": "output", "name": name}


def _guardrails(compiled: Compiled) -> Iterator[dict[str, Any]]:
    rails = compiled.guardrails
    lists = {
        "read.deny": rails.read_deny,
        "read.mask": rails.read_mask,
        "change.allow": rails.change_allow,
        "change.ask": rails.change_ask,
        "change.deny": rails.change_deny,
    }
    for name, rules in lists.items():
        for rule in rules:
            yield {
                "resource_type": "guardrail",
                "name": f"{name}:{rule.text}",
                "nodes": list(rule.nodes),
                "paths": list(rule.paths),
                "relations": list(rule.relations),
                "columns": list(rule.columns),
            }
    settings = {
        "build.target": rails.build_target,
        "build.schemas": list(rails.build_schemas),
        "production.targets": list(rails.production_targets),
    }
    for name, value in settings.items():
        yield {"resource_type": "guardrail", "name": name, "value": value}


def line_of(item: dict[str, Any]) -> str:
    """An item as one line: kind, name, and what matters most of it."""
    kind, name = item["resource_type"], item["name"]
    if kind == "agent":
        when = ", ".join(item["when"]) or "only when called"
        more = f"{item['nodes']} nodes, {len(item['tools'])} tools; {when}"
    elif kind == "tool":
        more = f"{item['toolset']}, {item['effect']}: {item['description'].split('. ')[0]}"
    elif kind == "guardrail" and "value" in item:
        value = item["value"]
        more = ", ".join(value) if isinstance(value, list) else value
    elif kind == "guardrail":
        parts = ("nodes", "paths", "relations", "columns")
        more = ", ".join(f"{len(item[part])} {part}" for part in parts if item[part])
    else:
        more = item.get("kind", "")
    return f"{kind}:{name}  {more}".rstrip()


def mermaid(items: list[dict[str, Any]]) -> str:
    """What starts which agent, and which toolsets it uses."""
    lines = ["flowchart LR"]
    toolset = {item["name"]: item["toolset"] for item in items if item["resource_type"] == "tool"}
    for item in items:
        if item["resource_type"] != "agent":
            continue
        agent = item["name"].replace(".", "_")
        lines.append(f'  {agent}["{item["name"]}"]')
        lines += [f"  {kind}([{kind}]) --> {agent}" for kind in item["when"]]
        used = sorted({toolset[name] for name in item["tools"] if name in toolset})
        lines += [f"  {agent} --> tools_{name}[[{name}]]" for name in used]
        lines += [f"  {agent} --> {name}" for name in item["delegates"]]
    return "\n".join(lines)
