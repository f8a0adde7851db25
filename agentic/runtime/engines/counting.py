"""How many tokens a prompt and its tools are, as the model service counts them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anthropic

from agentic.exceptions import EngineUnavailable
from agentic.records import ToolSpec
from agentic.runtime.engines.anthropic import DEFAULT_MODEL
from agentic.runtime.engines.clients import open_client
from agentic.runtime.engines.conversation import tools

TIMEOUT_S = 30.0
_FIRST: Any = [{"role": "user", "content": "."}]
"""The service counts no request without a message; it is a token or few."""


def count_tokens(*, model: str, prompt: str, specs: Iterable[ToolSpec]) -> tuple[int, int]:
    """Tokens of the prompt and of the tools. Two requests, which cost nothing.

    Raises EngineUnavailable when the service cannot be asked.
    """
    with_tools: Any = tools(specs, strict=False)
    asked: dict[str, Any] = {"model": model or DEFAULT_MODEL, "messages": _FIRST}
    if prompt:
        asked["system"] = prompt
    try:
        # With credentials of no kind the SDK says so by a TypeError at the first call.
        count = open_client().with_options(timeout=TIMEOUT_S).messages.count_tokens
        alone = count(**asked).input_tokens
        whole = count(**asked, tools=with_tools).input_tokens if with_tools else alone
    except (anthropic.AnthropicError, TypeError) as error:
        raise EngineUnavailable(
            f"the model service does not count tokens: {error}",
            hint="Set ANTHROPIC_API_KEY, or leave out --count-tokens: the estimate needs no key.",
        ) from error
    return alone, whole - alone
