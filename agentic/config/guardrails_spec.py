"""The grammar of guardrails.yml (design.md section 5)."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from agentic.config.fields import (
    Count,
    Duration,
    LimitsSpec,
    Names,
    Size,
    Spec,
    Text,
    Texts,
    invalid,
)
from agentic.config.items import parse_item

S = TypeVar("S", bound=Spec)
ApprovalEffect = Literal["backfill", "policy_change", "statement", "notification", "external"]


def _read_item(text: str) -> str:
    try:
        parse_item(text)
    except ValueError as error:
        raise invalid(str(error), "", "AC140") from error
    return text


def _change_item(text: str) -> str:
    if text.strip().startswith("column:"):
        hint = "name the relation or the node that holds it"
        raise invalid(f"{text!r}: column: belongs under read, not change", hint, "AC140")
    return _read_item(text)


def _approver(text: str) -> str:
    if text not in ("git_review", "local") and not re.fullmatch(r"ssh:[^\s]{1,200}", text):
        raise invalid(f"unknown approver {text!r}", "known: git_review, local, ssh:NAME", "AC113")
    return text


def _schemas(items: tuple[str, ...]) -> tuple[str, ...]:
    if not items:
        raise invalid("needs at least one schema", 'the default is ["agentic_*"]')
    for item in items:
        if not re.fullmatch(r"[^\s.:;/\\\"']{1,127}", item):
            raise invalid(f"{item!r} is not a schema name or a pattern with `*`")
    return items


ReadItems = tuple[Annotated[Text, AfterValidator(_read_item)], ...]
ChangeItems = tuple[Annotated[Text, AfterValidator(_change_item)], ...]


class ReadSpec(Spec):
    """What agents may read."""

    deny: ReadItems | None = None
    """Not output, not probed; a copy of it into a workspace relation asks."""
    mask: ReadItems | None = None
    """Readable; values leave masked."""


class ChangeSpec(Spec):
    """What a proposal may touch. The strictest rule that matches wins; no match is `ask`."""

    allow: ChangeItems | None = None
    """Opens a pull request that is ready for review."""
    ask: ChangeItems | None = None
    """Opens a draft that names what needs approval."""
    deny: ChangeItems | None = None
    """Never becomes a proposal; the run escalates."""


class BuildSpec(Spec):
    """Where agents build."""

    target: Text | None = None
    """dbt target for the workspace; default: the baseline's."""
    schemas: Annotated[Texts, AfterValidator(_schemas)] | None = None
    """The only schemas that agents may write to; `*` stands for any text."""


class ProductionSpec(Spec):
    """What every agent may only read."""

    targets: Texts | None = None
    """dbt targets; default: every target but build.target."""


class SqlSpec(Spec):
    """Bounds of one statement."""

    max_rows: Count | None = None
    """Rows that leave a query."""
    max_bytes_scanned: Size | None = None
    """Bytes that a query may scan, where the warehouse can tell: 10GB."""
    timeout_s: Duration | None = Field(default=None, alias="timeout")
    """How long a statement may take: 60s."""


class EscalateSpec(Spec):
    """When and to whom an incident goes that is still open."""

    after_s: Duration | None = Field(default=None, alias="after")
    """Time since agentic first saw the incident: 30m."""
    to: Names | None = None
    """Names under `connections` of agents.yml."""


class ApproveSpec(Spec):
    """Whose approval counts, and for what it is needed besides `ask`."""

    by: tuple[Annotated[Text, AfterValidator(_approver)], ...] | None = None
    """git_review, local, or ssh:PRINCIPAL of the allowed_signers file."""
    effects: tuple[ApprovalEffect, ...] | None = Field(default=None, alias="for")
    """Effects that always ask."""


class GuardrailsFile(Spec):
    """guardrails.yml: what agents may do. Verdicts: allow, ask, deny; the strictest wins."""

    version: Literal[1]
    """Version of this grammar: 1."""
    read: ReadSpec = ReadSpec()
    """What agents may read."""
    change: ChangeSpec = ChangeSpec()
    """What a proposal may touch."""
    build: BuildSpec = BuildSpec()
    """Where agents build."""
    production: ProductionSpec = ProductionSpec()
    """What every agent may only read."""
    sql: SqlSpec = SqlSpec()
    """Bounds of one statement."""
    limits: LimitsSpec = LimitsSpec()
    """What a run may spend or touch."""
    escalate: EscalateSpec = EscalateSpec()
    """When and to whom an open incident goes."""
    approve: ApproveSpec = ApproveSpec()
    """Whose approval counts."""


def filled(own: GuardrailsFile, shipped: GuardrailsFile) -> GuardrailsFile:
    """`own` with every key that it leaves out taken from the shipped guardrails."""
    return _filled(own, shipped)


def _filled(own: S, shipped: S) -> S:
    changes: dict[str, object] = {}
    for key in type(own).model_fields:
        mine, theirs = getattr(own, key), getattr(shipped, key)
        if isinstance(mine, Spec) and isinstance(theirs, Spec):
            changes[key] = _filled(mine, theirs)
        elif mine is None:
            changes[key] = theirs
    return own.model_copy(update=changes)
