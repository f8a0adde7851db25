"""The register of rules; each rule's docstring is the page of its code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from agentic.config.playbooks import standard_order
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
    """For a rule that playbooks/standard.yml does not list: certain and cheap first."""


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


def rules(first: Sequence[str] = ()) -> tuple[Rule, ...]:
    """Every rule in the order in which they run: `first`, then that of playbooks/standard.yml.

    One that no list names stands where its own `order` puts it.
    """
    listed = {name: number for number, name in enumerate(standard_order())}
    known = {one.function.__name__: one for one in _RULES.values()}
    in_order = [known[name] for name in listed if name in known]
    for one in sorted(_RULES.values(), key=lambda one: (one.order, one.code)):
        if one not in in_order:
            later = (n for n, other in enumerate(in_order) if other.order > one.order)
            in_order.insert(next(later, len(in_order)), one)
    wanted = [known[name] for name in first if name in known]
    return (*wanted, *(one for one in in_order if one not in wanted))


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
