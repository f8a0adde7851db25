"""Decisions on tool calls and proposals: code at the boundary, never a sentence in a prompt."""

from agentic.guardrails.calls import decide
from agentic.guardrails.proposal import ProposalVerdict, judge_proposal
from agentic.guardrails.readable import world_of
from agentic.guardrails.registry import Guardrail, guardrail, guardrails
from agentic.guardrails.situation import Situation

__all__ = [
    "Guardrail",
    "ProposalVerdict",
    "Situation",
    "decide",
    "guardrail",
    "guardrails",
    "judge_proposal",
    "world_of",
]
