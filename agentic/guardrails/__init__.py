"""Decisions on tool calls and proposals: code at the boundary, never a sentence in a prompt."""

from agentic.guardrails.approval import (
    EFFECT,
    FIX,
    PLAN,
    PLAN_STEP,
    POLICY_CHANGE,
    Desk,
    bound_to,
    change_content,
    rules_of,
)
from agentic.guardrails.approvers import (
    GIT_REVIEW,
    Person,
    local_person,
    signer_of,
    signers_at,
    user_name,
)
from agentic.guardrails.calls import decide
from agentic.guardrails.proposal import ProposalVerdict, about_statements, judge_proposal
from agentic.guardrails.readable import world_of
from agentic.guardrails.registry import Guardrail, guardrail, guardrails
from agentic.guardrails.situation import Situation

__all__ = [
    "EFFECT",
    "FIX",
    "GIT_REVIEW",
    "PLAN",
    "PLAN_STEP",
    "POLICY_CHANGE",
    "Desk",
    "Guardrail",
    "Person",
    "ProposalVerdict",
    "Situation",
    "about_statements",
    "bound_to",
    "change_content",
    "decide",
    "guardrail",
    "guardrails",
    "judge_proposal",
    "local_person",
    "rules_of",
    "signer_of",
    "signers_at",
    "user_name",
    "world_of",
]
