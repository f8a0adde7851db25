"""The list of guardrails: plain functions, each with its code; the strictest answer wins."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from agentic.guardrails.situation import Situation
from agentic.records import CodePage, Decision, ToolCall, ToolSpec, publish

Body = Callable[[ToolCall, ToolSpec, Situation], Decision | None]


class Guardrail(msgspec.Struct, frozen=True):
    """One registered guardrail; its body gives a decision, or None where it has nothing to say."""

    code: str
    name: str
    decide: Body


_GUARDRAILS: dict[str, Guardrail] = {}


def guardrail(code: str, name: str, *, why: str, fix: str) -> Callable[[Body], Body]:
    """Register a function, unchanged; its docstring is the code's page. Raises ValueError, at
    import, for a code that is taken."""

    def register(function: Body) -> Body:
        if code in _GUARDRAILS:
            raise ValueError(f"guardrail {code} is registered twice")
        what = " ".join((function.__doc__ or "").split())
        publish(CodePage(code, name, what, why, fix))
        _GUARDRAILS[code] = Guardrail(code, name, function)
        return function

    return register


def guardrails() -> tuple[Guardrail, ...]:
    """Every guardrail, by code."""
    return tuple(_GUARDRAILS[code] for code in sorted(_GUARDRAILS))
