"""The register of rules; each rule's docstring is the page of its code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from agentic.records import CodePage, publish
from agentic.rules.case import Case, Diagnosis, Steps

RuleFunction = Callable[[Case], Steps[Diagnosis | None]]
F = TypeVar("F", bound=RuleFunction)


class Rule(msgspec.Struct, frozen=True):
    """One rule: a generator, the code it publishes, the fault class it names."""

    code: str
    cls: str
    function: RuleFunction
    order: int
    """Rules run from low to high: certain and cheap first."""


_RULES: dict[str, Rule] = {}


def rule(*, code: str, cls: str, order: int = 50) -> Callable[[F], F]:
    """Register a rule generator under its code and return it unchanged.

    The docstring's parts (*What it does*, *Why*, *Example*, *Fix*) become the code's page. Raises
    ValueError for a code registered twice or a rule without a docstring.
    """

    def register(function: F) -> F:
        if code in _RULES:
            raise ValueError(f"rule {code} is registered twice")
        publish(_page(code, cls, inspect.getdoc(function) or ""))
        _RULES[code] = Rule(code=code, cls=cls, function=function, order=order)
        return function

    return register


def rules() -> tuple[Rule, ...]:
    """Every rule in the order in which they run."""
    return tuple(sorted(_RULES.values(), key=lambda one: (one.order, one.code)))


_PART = re.compile(r"^(What it does|Why|Example|Fix):\s*$", re.MULTILINE)


def _page(code: str, cls: str, text: str) -> CodePage:
    parts = _PART.split(text)
    named = {
        name: inspect.cleandoc(body) for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }
    if not named.get("What it does"):
        raise ValueError(f"rule {code} ({cls}) has no documentation page in its docstring")
    return CodePage(
        code=code,
        name=cls,
        what=named["What it does"],
        why=named.get("Why", ""),
        fix=named.get("Fix", ""),
        example=named.get("Example", ""),
    )
