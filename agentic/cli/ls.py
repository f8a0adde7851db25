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

KINDS = ("agent", "plan", "tool", "guardrail", "connection", "trigger", "output")


@click.command("ls", short_help="List what the files declare.")
@click.option(
    "--resource-type",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="Only these; may be given more than once.",
)
@click.option("-s", "--select", "names", multiple=True, help="Only these names; `*` for any text.")
@click.option("--graph", is_flag=True, help="Draw plans, orchestrators and agents.")
@project_options("mermaid")
def command(flags: Flags, kinds: tuple[str, ...], names: tuple[str, ...], graph: bool) -> int:
    """List agents, plans, tools, guardrails, connections, triggers and outputs of this project."""
    from agentic.cli.compilation import compile_here
    from agentic.exceptions import ConfigError

    if flags.output == "mermaid" and not graph:
        raise click.UsageError("--output mermaid draws: give --graph too")
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
        _draw(flags, found.checked.compiled, items)
        return 0
    for item in items:
        if flags.as_json:
            emit_json(item)
        else:
            emit_text(line_of(item))
    return 0


def _draw(flags: Flags, compiled: Compiled, items: list[dict[str, Any]]) -> None:
    from agentic.cli import graphs

    drawn = graphs.chosen(compiled, items)
    if flags.as_json:
        emit_json(graphs.as_json(drawn))
        return
    lines = graphs.as_mermaid(drawn) if flags.output == "mermaid" else graphs.as_text(drawn)
    for line in lines:
        emit_text(line)


def list_items(compiled: Compiled) -> Iterator[dict[str, Any]]:
    """One mapping an item, agents first."""
    from agentic.records import dump

    for agent in compiled.agents:
        shown = dump(agent)
        scope = shown.pop("scope")
        del shown["instructions"]
        yield {"resource_type": "agent", **shown, "nodes": len(scope)}
    for plan in compiled.plans:
        yield {"resource_type": "plan", **dump(plan)}
    for tool in compiled.tools:
        yield {"resource_type": "tool", **dump(tool)}
    yield from _guardrails(compiled)
    for name, connection in compiled.connections.items():
        yield {"resource_type": "connection", "name": name, "kind": connection["kind"]}
    for name in compiled.triggers:
        yield {"resource_type": "trigger", "name": name}
    users: dict[str, list[str]] = {}
    for agent in compiled.agents:
        users.setdefault(agent.output, []).append(agent.name)
    for output in compiled.outputs:
        agents = users.get(output.name, [])
        yield {"resource_type": "output", **dump(output), "agents": agents}


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
    elif kind == "plan":
        more = " -> ".join(step["id"] for step in item["steps"])
    elif kind == "tool":
        more = f"{item['toolset']}, {item['effect']}: {item['description'].split('. ')[0]}"
    elif kind == "guardrail" and "value" in item:
        value = item["value"]
        more = ", ".join(value) if isinstance(value, list) else value
    elif kind == "guardrail":
        parts = ("nodes", "paths", "relations", "columns")
        more = ", ".join(f"{len(item[part])} {part}" for part in parts if item[part])
    elif kind == "output":
        by = f"; reported by {', '.join(item['agents'])}" if item["agents"] else ""
        more = f"{item['source']}: {', '.join(item['schema'].get('properties', ()))}{by}"
    else:
        more = item.get("kind", "")
    return f"{kind}:{name}  {more}".rstrip()
