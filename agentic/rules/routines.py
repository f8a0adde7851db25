"""What a role can do with a task in words, without a model: one generator a role.

A routine yields tool calls like a rule and ends with `submit_report`. It reads the request itself:
the nodes that it names, or the whole scope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from agentic.rules.case import Case, Steps
from agentic.rules.driver import numbered


def standing_task(role: str) -> str:
    """The request of a role that is called without one."""
    return f"The standing task of {role}."


Routine = Callable[[Case], Steps[None]]
F = TypeVar("F", bound=Routine)

_ROUTINES: dict[str, list[tuple[int, Callable[[str], bool], Routine]]] = {}


def routine(
    role: str, *, when: Callable[[str], bool] = lambda _request: True, order: int = 50
) -> Callable[[F], F]:
    """Register a generator as a role's keyless path; it is returned unchanged.

    `when` says of the request's words whether the routine can do it; of several the first by
    `order` is taken.
    """

    def register(function: F) -> F:
        known = _ROUTINES.setdefault(role, [])
        known.append((order, when, function))
        known.sort(key=lambda one: one[0])
        return function

    return register


def routine_for(case: Case) -> Steps[None] | None:
    """The calls that do a request without a model; None where the role has no way to."""
    for _, fits, function in _ROUTINES.get(case.role, ()):
        if fits(case.incident.request):
            return numbered(function(case))
    return None


def roles_with_routines() -> tuple[str, ...]:
    """Roles that can do some request without a model, sorted."""
    return tuple(sorted(_ROUTINES))
