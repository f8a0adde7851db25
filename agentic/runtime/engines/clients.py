"""Which service holds the model: Anthropic's own or one that speaks its protocol, Bedrock, Vertex.

`AGENTIC_MODEL_SERVICE` names it. Retries are the engine's: the SDK waits for as long as a
`retry-after` says, which may be longer than the run has.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import anthropic

from agentic.exceptions import EngineError, EngineUnavailable

Client = anthropic.Anthropic | anthropic.AnthropicBedrock | anthropic.AnthropicVertex

_SERVICES: Mapping[str, Callable[..., Client]] = {
    "anthropic": anthropic.Anthropic,
    "bedrock": anthropic.AnthropicBedrock,
    "vertex": anthropic.AnthropicVertex,
}
_NEEDS = {
    "anthropic": "Set ANTHROPIC_API_KEY.",
    "bedrock": "Set AWS_REGION and AWS credentials, and install `anthropic[bedrock]`.",
    "vertex": "Set CLOUD_ML_REGION, ANTHROPIC_VERTEX_PROJECT_ID and Google credentials, and "
    "install `anthropic[vertex]`.",
}


def open_client(base_url: str | None = None) -> Client:
    """A client that does not retry. `base_url` overrides the environment's.

    Raises EngineError for a service that is none, EngineUnavailable when the SDK cannot make the
    client here: a package, a region or credentials are missing.
    """
    service = os.environ.get("AGENTIC_MODEL_SERVICE") or "anthropic"
    if service not in _SERVICES:
        raise EngineError(
            f"AGENTIC_MODEL_SERVICE names no service: {service!r}",
            hint=f"Services: {', '.join(_SERVICES)}.",
        )
    given: dict[str, Any] = {"max_retries": 0}
    if url := base_url or os.environ.get("ANTHROPIC_BASE_URL"):
        given["base_url"] = url
    try:
        return _SERVICES[service](**given)
    except (anthropic.AnthropicError, ImportError, ValueError) as error:
        raise EngineUnavailable(
            f"the model service `{service}` cannot be used: {error}", hint=_NEEDS[service]
        ) from error
