"""What an agent's model is sent before anything else: its prompt and its tools, and how long it is.

Tokens are estimated: one for each four characters, as everywhere in agentic. A service counts by
its own rule, which differs from id to id and has to be asked over the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agentic.compiler.delegates import delegate_spec
from agentic.compiler.instructions import lineage_of, render_instructions
from agentic.records import (
    Compiled,
    CompiledAgent,
    Incident,
    ToolSpec,
    content_hash,
    dump,
    dumps,
)
from agentic.tools import offered_report, registry
from agentic.tools.compact import CHARS_A_TOKEN

ESTIMATE = f"estimated: one token for each {CHARS_A_TOKEN} characters"
_FACTS = ("kind", "node", "message", "request")
"""What a run knows of an incident and a prompt names; shown as `<node>` in a prompt without one."""


class Prompt(msgspec.Struct, frozen=True):
    """One agent's prompt, as its engine is sent it but for what only a run knows."""

    agent: str
    engine: str
    model: str
    effort: str
    text: str
    """For an incident; facts of a run stand as `<node>`, `<message>`."""
    request: str
    """For a task in words; empty where that makes no difference."""
    prompt_hash: str
    """SHA-256 of both texts."""
    tools_hash: str
    """SHA-256 of the tools' names, descriptions and schemas, that of the report among them."""
    tools: int
    prompt_tokens: int
    tools_tokens: int
    counted: str = ESTIMATE

    @property
    def tokens(self) -> int:
        """Of the stable prefix of every request: tools and prompt."""
        return self.prompt_tokens + self.tools_tokens


def prompts_of(compiled: Compiled) -> tuple[Prompt, ...]:
    """Every agent's prompt, in file order. Raises TemplateFault (AC120)."""
    return tuple(prompt_of(compiled, agent) for agent in compiled.agents)


def prompt_of(compiled: Compiled, agent: CompiledAgent) -> Prompt:
    """An agent's prompt. Raises TemplateFault (AC120)."""
    text, request = rendered(agent, "run_error"), rendered(agent, "request")
    tools = [_told(spec) for spec in offered_tools(compiled, agent)]
    return Prompt(
        agent=agent.name,
        engine=agent.engine,
        model=agent.model,
        effort=agent.effort,
        text=text,
        request=request if request != text else "",
        prompt_hash=content_hash([text, request]),
        tools_hash=content_hash(tools),
        tools=len(tools),
        prompt_tokens=estimated(text),
        tools_tokens=estimated(dumps(tools)),
    )


def rendered(agent: CompiledAgent, kind: str) -> str:
    """The instructions for an incident of a kind, its facts by their names."""
    nothing = Incident(id="", kind="request", node="", message="", fingerprint="")
    facts: dict[str, Any] = dump(nothing)
    known = {key: f"<{key}>" for key in _FACTS if key != "request" or kind == "request"}
    facts.update(known, kind=kind)
    lineage = {**lineage_of(agent.scope), "parents": [], "children": []}
    return render_instructions(agent.instructions, incident=facts, lineage=lineage)


def offered_tools(compiled: Compiled, agent: CompiledAgent) -> tuple[ToolSpec, ...]:
    """The agent's tools as its model sees them: its own report's schema, its delegates."""
    known = registry() | {one.name: one.spec for one in compiled.own_tools}
    output = compiled.output_named(agent.output)
    every = {one.name: one for one in compiled.agents}
    own = [
        offered_report(known[name], output, request=not agent.when)
        for name in agent.tools
        if name in known
    ]
    team = [delegate_spec(every[name], known) for name in agent.delegates if name in every]
    return (*own, *team)


def estimated(text: str) -> int:
    """Tokens of a text by the rule of thumb."""
    return -(-len(text) // CHARS_A_TOKEN)


def _told(spec: ToolSpec) -> Mapping[str, Any]:
    return {
        "name": spec.name,
        "description": spec.description,
        "input_schema": spec.input_schema,
    }
