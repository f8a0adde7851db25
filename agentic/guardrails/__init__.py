"""Decisions on tool calls: code at the boundary, never a sentence in a prompt."""

from agentic.guardrails.calls import decide
from agentic.guardrails.registry import Guardrail, guardrail, guardrails
from agentic.guardrails.situation import Situation

__all__ = ["Guardrail", "Situation", "decide", "guardrail", "guardrails"]
