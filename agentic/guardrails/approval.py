"""What a person is asked, and what their answer is worth.

An approval is of content, under the guardrails that held when it was asked: both are hashed, and a
change of either makes it void. Every answer goes into the audit, also one that came to nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentic.exceptions import ApprovalError
from agentic.guardrails.approvers import Person
from agentic.records import CodePage, Compiled, Decision, Edit, content_hash, dump, publish
from agentic.store import Approvals, Ask, AuditTrail, Store, decided

FIX, POLICY_CHANGE, EFFECT = "fix", "policy_change", "effect"
PLAN, PLAN_STEP = "plan", "plan_step"
ASK_LIFETIME_S = 7 * 24 * 3600.0

publish(
    CodePage(
        "AG180",
        "approval-conflict",
        "A decision cannot be taken: it was taken already, has expired, or its token does not fit.",
        "An ask is answered once; a token is bound to what was shown, works once, and expires.",
        "`agentic approve` lists what waits; `agentic run` asks again.",
    ),
    CodePage(
        "AG181",
        "approval-void",
        "What was to be approved, or the guardrails under which it was asked, changed meanwhile.",
        "An approval is worth nothing for something that its giver did not see.",
        "`agentic run` (or `agentic compile --compare`) asks again about what holds now.",
    ),
    CodePage(
        "AG182",
        "not-an-approver",
        "The answer is not from somebody whom `approve.by` of guardrails.yml names.",
        "What counts as a person is in the file: git_review, ssh:PRINCIPAL, local.",
        "Sign with a key of `allowed_signers`, or ask somebody who may.",
    ),
)


def bound_to(compiled: Compiled) -> dict[str, str]:
    """The versions under which something is asked."""
    return {
        "manifest": compiled.content_hash,
        "guardrails": content_hash(dump(compiled.guardrails)),
    }


def change_content(
    edits: Iterable[Edit],
    *,
    statements: Sequence[str],
    asks: Sequence[Decision],
    affected: Sequence[str],
) -> dict[str, Any]:
    """What a proposed change would do; equal for equal changes, whichever run proposes them."""
    return {
        "files": [
            {"path": edit.path, "before": edit.before, "after": edit.after}
            for edit in sorted(edits, key=lambda one: one.path)
        ],
        "statements": list(statements),
        "asks": sorted({f"{ask.code} {ask.reason}" for ask in asks}),
        "impact": sorted(affected),
    }


def rules_of(asks: Iterable[Decision]) -> tuple[str, ...]:
    """The names under which answers are counted: code, and the line of guardrails.yml."""
    return tuple(sorted({f"{ask.code} {ask.rule}".strip() for ask in asks}))


@dataclass(frozen=True)
class Desk:
    """Where asks are parked, answered and used; everything leaves a record in the audit."""

    approvals: Approvals
    audit: AuditTrail

    @classmethod
    def of(cls, store: Store, audit: AuditTrail) -> Desk:
        """The desk of a store."""
        return cls(Approvals(store), audit)

    @staticmethod
    def bound(compiled: Compiled, approvers: Sequence[str], target: str) -> dict[str, Any]:
        """Everything but the content that an answer depends on."""
        return {**bound_to(compiled), "approvers": list(approvers), "target": target}

    def park(  # noqa: PLR0913 - each is a fact of the ask, named at the call
        self,
        *,
        run_id: str,
        kind: str,
        subject: str,
        content: Mapping[str, Any],
        compiled: Compiled,
        approvers: Sequence[str],
        rules: Sequence[str],
        target: str,
    ) -> Ask:
        """Park an ask; `approvers` are those of the guardrails that hold before the change."""
        bound = self.bound(compiled, approvers, target)
        known = {ask.id for ask in self.approvals.of_run(run_id)}
        ask = self.approvals.park(
            run_id=run_id,
            kind=kind,
            subject=subject,
            content=content,
            bound=bound,
            rules=rules,
            lifetime_s=ASK_LIFETIME_S,
        )
        if ask.id not in known:
            self._record("agentic", "approval.asked", ask, rules=list(ask.rules))
        return ask

    def use(  # noqa: PLR0913 - each is a fact of the effect, named at the call
        self,
        *,
        kind: str,
        content: Mapping[str, Any],
        compiled: Compiled,
        approvers: Sequence[str],
        target: str,
        key: str,
        look_only: bool = False,
    ) -> Ask | None:
        """The approval of exactly this under these guardrails, used up by `key`; None without one.

        `look_only` leaves it for later.
        """
        bound = self.bound(compiled, approvers, target)
        if look_only:
            return self.approvals.approved(kind=kind, content=content, bound=bound, key=key)
        ask = self.approvals.use(kind=kind, content=content, bound=bound, key=key)
        if ask is not None:
            self._record("agentic", "approval.used", ask, key=key)
        return ask

    def use_up(self, ask: Ask, *, key: str) -> None:
        """Use an approval that was given just now."""
        bound = ask.content["bound"]
        content = ask.content["content"]
        if self.approvals.use(kind=ask.kind, content=content, bound=bound, key=key) is not None:
            self._record("agentic", "approval.used", ask, key=key)

    def examine(self, ask: Ask, compile_now: Callable[[], Compiled]) -> None:
        """Raise ApprovalError unless the ask can still be answered as it was shown."""
        if ask.state != "pending":
            raise ApprovalError(decided(ask), hint="Each ask is answered once.")
        if hashlib.sha256(ask.payload.encode()).hexdigest() != ask.payload_hash:
            self._void(ask, "its record in the store was changed")
        bound, current = ask.content["bound"], bound_to(compile_now())
        changed = [name for name in current if bound[name] != current[name]]
        if changed:
            self._void(ask, "the guardrails, the agents or what they match changed since the ask")

    def approve(self, ask: Ask, *, token: str, person: Person) -> Ask:
        """Approve. Raises ApprovalError; the attempt is in the audit either way."""
        self._record(person.name, "approval.approve", ask, proof=person.proof)
        try:
            return self.approvals.approve(ask, token=token, by=person.name, proof=person.proof)
        except ApprovalError as error:
            self._record(person.name, "approval.conflict", ask, reason=error.message)
            raise

    def reject(self, ask: Ask, *, person: Person, reason: str) -> Ask:
        """Say no. Raises ApprovalError when it was answered already."""
        self._record(person.name, "approval.reject", ask, proof=person.proof, reason=reason)
        try:
            return self.approvals.reject(ask, by=person.name, reason=reason)
        except ApprovalError as error:
            self._record(person.name, "approval.conflict", ask, reason=error.message)
            raise

    def close(self, run_ids: Sequence[str], reason: str) -> None:
        """What these runs asked needs no answer any more; each is in the audit."""
        for ask in self.approvals.open_of(run_ids):
            self._record("agentic", "approval.void", ask, reason=reason)
            self.approvals.void(ask, reason)

    def _void(self, ask: Ask, reason: str) -> None:
        self._record("agentic", "approval.void", ask, reason=reason)
        self.approvals.void(ask, reason)
        raise ApprovalError(
            f"{ask.id} is void: {reason}",
            hint="`agentic run` (or `agentic compile --compare`) asks again.",
            code="AG181",
        )

    def _record(self, actor: str, action: str, ask: Ask, **more: Any) -> None:
        payload = {"approval": ask.id, "kind": ask.kind, "sha256": ask.payload_hash, **more}
        self.audit.append(actor=actor, action=action, subject=ask.run_id, payload=payload)
