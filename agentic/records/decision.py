"""A judgement: allow, ask or deny, with a stable code and one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Verdict = Literal["allow", "ask", "deny"]

_STRICTNESS: dict[str, int] = {"allow": 0, "ask": 1, "deny": 2}


class Decision(msgspec.Struct, frozen=True):
    """What a guardrail or the policy decided; a denial goes back to the engine as this value."""

    verdict: Verdict
    code: str
    reason: str
    """One sentence. On a denial it also says what would be allowed."""
    rule: str = ""
    """The rule that decided, as written in guardrails.yml (`change.deny: source:*`), if one did."""


def strictest(decisions: Iterable[Decision]) -> Decision | None:
    """The strictest decision, whatever the order; None when there is none."""
    return max(decisions, key=lambda one: _STRICTNESS[one.verdict], default=None)
