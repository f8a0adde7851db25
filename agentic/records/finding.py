"""What was learned: the root cause, how sure we are, and why."""

from __future__ import annotations

from hashlib import sha256

import msgspec


class Evidence(msgspec.Struct, frozen=True):
    """One fact that supports a finding, with where it can be seen again."""

    text: str
    where: str = ""
    """`file:line`, or the relation that was asked."""
    rows: tuple[dict[str, object], ...] = ()
    """Masked sample rows, at most ten."""


class RootCause(msgspec.Struct, frozen=True):
    """Where the fault lies, which is often not the node that failed."""

    node: str
    """`unique_id`; for a fault in raw data the source or seed."""
    column: str | None = None
    """The name that the project expects."""
    observed: str | None = None
    """What is there now."""


class Finding(msgspec.Struct, frozen=True):
    """A diagnosis. `cls` is the fault class of shared words (`src_column_renamed`, ...)."""

    code: str
    """AR code of the rule; AR000 for an engine's own finding."""
    cls: str
    root_cause: RootCause
    confidence: float
    """0 to 1."""
    summary: str
    evidence: tuple[Evidence, ...] = ()
    lineage: tuple[str, ...] = ()
    """`unique_id`s from the root cause to the failing node, both included."""
    owner: str = ""
    """Who to tell: `config.meta.owner` of the root cause, its source or group."""
    affected: tuple[str, ...] = ()
    """Nodes downstream of the root cause, exposures included."""
    next_step: str = ""
    """What a person should do, for every decision but `fix`."""

    def fingerprint(self, project: str) -> str:
        """Ten hex characters that name this root cause, whichever node failed because of it."""
        cause = self.root_cause
        text = "\n".join([project, self.cls, cause.node, cause.column or ""])
        return sha256(text.encode()).hexdigest()[:10]
