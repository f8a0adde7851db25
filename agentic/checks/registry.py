"""The list of checks and the one function that runs them, static ones first."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from agentic.checks.subject import Subject
from agentic.exceptions import AgenticError
from agentic.records import CheckReport, CheckResult

CheckFunction = Callable[[Subject], CheckResult]


class CheckSpec(msgspec.Struct, frozen=True):
    """One registered check."""

    code: str
    name: str
    order: int
    builds: bool
    """It needs the workspace: it runs after every static check, and only if none of them failed."""
    run: CheckFunction


_CHECKS: dict[str, CheckSpec] = {}


def check(
    code: str, name: str, order: int = 0, *, builds: bool = False
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a check under its AP code; the function is returned unchanged.

    Raises ValueError, at import, for a code that is taken.
    """

    def register(function: CheckFunction) -> CheckFunction:
        known = _CHECKS.get(code)
        if known is not None and known.run is not function:
            raise ValueError(f"check {code} is registered twice")
        _CHECKS[code] = CheckSpec(code=code, name=name, order=order, builds=builds, run=function)
        return function

    return register


def registered_checks() -> tuple[CheckSpec, ...]:
    """Every check in the order in which it runs: static ones, then building ones."""
    return tuple(sorted(_CHECKS.values(), key=lambda spec: (spec.builds, spec.order, spec.code)))


def run_checks(
    subject: Subject, on_result: Callable[[CheckResult], None] | None = None
) -> CheckReport:
    """Run every check; a failed static check spares the builds, which then say `not_compared`."""
    results: list[CheckResult] = []
    for spec in registered_checks():
        failed = [one.code for one in results if one.result == "fail"]
        if spec.builds and failed and not _failed_while_building(failed):
            result = _not_compared(spec, f"not built, since {', '.join(failed)} failed")
        else:
            result = _run_one(spec, subject)
        results.append(result)
        if on_result is not None:
            on_result(result)
    return CheckReport(results=tuple(results))


def _failed_while_building(codes: list[str]) -> bool:
    return all(_CHECKS[code].builds for code in codes)


def _run_one(spec: CheckSpec, subject: Subject) -> CheckResult:
    """An error that is not the proposal's own fault leaves the check uncompared, never passed."""
    try:
        return spec.run(subject)
    except AgenticError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return _not_compared(spec, f"{error.message}{hint}")


def _not_compared(spec: CheckSpec, why: str) -> CheckResult:
    return CheckResult(code=spec.code, name=spec.name, result="not_compared", detail=why)
