"""A suggested change, and what the checks said of it."""

from __future__ import annotations

from typing import Literal

import msgspec

Outcome = Literal["pass", "warn", "fail", "not_compared"]


class Edit(msgspec.Struct, frozen=True):
    """One file before and after; paths are relative to the dbt project, with forward slashes."""

    path: str
    before: str | None
    """None: the file did not exist."""
    after: str | None
    """None: the file is deleted."""
    why: str = ""


class Proposal(msgspec.Struct, frozen=True):
    """The smallest change that mends the root cause."""

    title: str
    """Conventional: `fix(stg_orders): read amount_usd, which the source calls amount`."""
    edits: tuple[Edit, ...]
    rationale: str = ""
    statements: tuple[str, ...] = ()
    """SQL that a person would have to run besides; never run by agentic on its own."""
    rename_undone: tuple[tuple[str, str, str], ...] = ()
    """(source unique_id, expected column, observed column): how the data diff can give the old code
    today's raw data, so that both sides are built on the same rows."""


class CheckResult(msgspec.Struct, frozen=True):
    """One check's answer. `not_compared` is its own outcome: it never counts as a pass."""

    code: str
    """AP code."""
    name: str
    result: Outcome
    detail: str
    table: tuple[dict[str, object], ...] = ()
    """Rows for people: one a node, a column or a test, as the check has it."""


class CheckReport(msgspec.Struct, frozen=True):
    """All checks of one proposal."""

    results: tuple[CheckResult, ...]

    @property
    def failed(self) -> bool:
        return any(result.result == "fail" for result in self.results)

    @property
    def ready(self) -> bool:
        """True when every check passed or warned and nothing was left uncompared."""
        return bool(self.results) and all(
            result.result in ("pass", "warn") for result in self.results
        )
