"""An agent's prompt as `agentic compile` shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
from msgspec.structs import replace

from agentic.cli.output import plain
from agentic.compiler import Prompt, offered_tools
from agentic.records import Compiled, dump


def prompt_line(prompt: Prompt) -> dict[str, Any]:
    """The prompt for `--output json`."""
    said: dict[str, Any] = dump(prompt)
    return {**said, "tokens": prompt.tokens}


def counted_by_service(compiled: Compiled, prompts: Iterable[Prompt]) -> tuple[Prompt, ...]:
    """The prompts with the service's own count. Raises EngineUnavailable."""
    from agentic.runtime.engines.counting import count_tokens

    agents = {one.name: one for one in compiled.agents}
    found = []
    for prompt in prompts:
        specs = offered_tools(compiled, agents[prompt.agent])
        words, tools = count_tokens(model=prompt.model, prompt=prompt.text, specs=specs)
        said = "counted by the model service"
        found.append(replace(prompt, prompt_tokens=words, tools_tokens=tools, counted=said))
    return tuple(found)


def prompt_text(prompt: Prompt) -> str:
    """The prompt as text: what it costs, then what it says."""
    who = click.style(f"{prompt.agent}", bold=True) + f"  {prompt.engine}, {prompt.model}"
    lines = [
        f"{who}, effort {prompt.effort}",
        f"  {prompt.prompt_tokens:,} tokens of prompt, {prompt.tools_tokens:,} of {prompt.tools} "
        f"tools ({prompt.counted}); the incident comes on top",
        *_indented(prompt.text),
    ]
    if prompt.request:
        lines += ["", "  For a task in words:", *_indented(prompt.request)]
    return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"  | {plain(line)}".rstrip() for line in text.strip().splitlines()]
