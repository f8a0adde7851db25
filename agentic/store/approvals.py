"""What waits for a person, durably: parked by one process, decided by another, used once.

A decision is one UPDATE that names the state it expects, so that of two processes one wins. A
token is bound to the SHA-256 of the payload that was shown, works once, and expires.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, exists, insert, or_, select, update
from sqlalchemy.engine import RowMapping

from agentic.exceptions import ApprovalError
from agentic.records import content_hash, dumps
from agentic.store.database import Store
from agentic.store.schema import approvals, tokens

State = Literal["pending", "approved", "rejected", "used", "void", "superseded"]
OPEN = ("pending", "approved")
TOKEN_LIFETIME_S = 15 * 60.0


class Ask(msgspec.Struct, frozen=True):
    """One thing that waits for a person, or did."""

    id: str
    run_id: str
    kind: str
    subject: str
    """What it is about, over runs: a root cause's fingerprint, say."""
    content_hash: str
    """Of what would be done alone; the same change in a later run has the same."""
    bound_hash: str
    """Of the versions under which it was asked."""
    payload: str
    """JSON text: everything that is approved, this ask's id and its expiry included."""
    payload_hash: str
    """SHA-256 (hex) of the payload's bytes."""
    rules: tuple[str, ...]
    """The guardrails that asked."""
    state: State
    created_at: str
    expires_at: str
    decided_at: str | None = None
    decided_by: str | None = None
    proof: str | None = None
    """`unsigned`, or what the signature was verified as."""
    reason: str | None = None
    used_at: str | None = None
    used_by: str | None = None

    @property
    def content(self) -> dict[str, Any]:
        """The payload as values."""
        found: dict[str, Any] = msgspec.json.decode(self.payload)
        return found


class Rate(msgspec.Struct, frozen=True):
    """How people answered one rule's asks."""

    rule: str
    approved: int
    rejected: int


class Approvals:
    """The asks of one project."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def park(  # noqa: PLR0913 - each is a fact of the ask, named at the call
        self,
        *,
        run_id: str,
        kind: str,
        subject: str,
        content: Mapping[str, Any],
        bound: Mapping[str, Any],
        rules: Sequence[str],
        lifetime_s: float,
    ) -> Ask:
        """Write an ask once: the same content of the same run gives the same ask back.

        What was asked before about the same subject with other content, or under other versions,
        is void from now on.
        """
        hashed, bound_hash = content_hash(content), content_hash(bound)
        ask_id = "ask-" + content_hash([self.store.project, run_id, kind, hashed, bound_hash])[:12]
        now = self.store.clock()
        payload = dumps(
            {
                "approval": ask_id,
                "project": self.store.project,
                "run": run_id,
                "kind": kind,
                "expires_at": _later(now, lifetime_s),
                "bound": dict(bound),
                "content": dict(content),
            }
        )
        row = {
            "id": ask_id,
            "project": self.store.project,
            "run_id": run_id,
            "kind": kind,
            "subject": subject,
            "content_hash": hashed,
            "bound_hash": bound_hash,
            "payload": payload,
            "payload_hash": hashlib.sha256(payload.encode()).hexdigest(),
            "rules": dumps(sorted(set(rules))),
            "state": "pending",
            "created_at": now,
            "expires_at": _later(now, lifetime_s),
        }
        with self.store.begin() as connection:
            known = connection.execute(select(approvals).where(approvals.c.id == ask_id))
            if known.mappings().first() is None:
                self._void_others(connection, row)
                connection.execute(insert(approvals).values(row))
        return self.one(ask_id)

    def one(self, ask_id: str) -> Ask:
        """An ask by its whole id. Raises ApprovalError."""
        return self.find(ask_id)

    def find(self, name: str) -> Ask:
        """An ask by its id, its run's id, or the start of either. Raises ApprovalError."""
        starts = [
            column.startswith(name, autoescape=True)
            for column in (approvals.c.id, approvals.c.run_id)
        ]
        found = self._asks(or_(*starts)) if name else []
        exact = [ask for ask in found if name in (ask.id, ask.run_id)]
        waiting = [ask for ask in exact or found if ask.state == "pending"]
        for some in (waiting, exact, found):
            if len(some) == 1:
                return some[0]
        many = len(waiting or exact or found)
        raise ApprovalError(
            f"{many or 'no'} ask{'s are' if many else ' is'} called {name!r}",
            hint="`agentic approve` without a name lists what waits.",
        )

    def of_run(self, run_id: str) -> tuple[Ask, ...]:
        """Every ask of a run, oldest first."""
        return tuple(self._asks(approvals.c.run_id == run_id))

    def pending(self) -> tuple[Ask, ...]:
        """What waits and has not expired, oldest first."""
        open_now = approvals.c.expires_at > self.store.clock()
        return tuple(self._asks((approvals.c.state == "pending") & open_now))

    def issue_token(self, ask: Ask, *, lifetime_s: float = TOKEN_LIFETIME_S) -> str:
        """A new token for what was just shown. Only its hash is kept."""
        token, now = secrets.token_hex(4), self.store.clock()
        with self.store.begin() as connection:
            connection.execute(
                insert(tokens).values(
                    token_hash=_token_hash(ask.id, token),
                    approval_id=ask.id,
                    payload_hash=ask.payload_hash,
                    issued_at=now,
                    expires_at=_later(now, lifetime_s),
                )
            )
        return token

    def approve(self, ask: Ask, *, token: str, by: str, proof: str) -> Ask:
        """Approve what `ask` showed. Raises ApprovalError: decided already, expired, changed, or a
        token that was used, has expired, or is another ask's."""
        now, hashed = self.store.clock(), _token_hash(ask.id, token)
        good_token = exists().where(
            tokens.c.token_hash == hashed,
            tokens.c.approval_id == ask.id,
            tokens.c.payload_hash == ask.payload_hash,
            tokens.c.used_at.is_(None),
            tokens.c.expires_at > now,
        )
        with self.store.begin() as connection:
            done = connection.execute(
                update(approvals)
                .where(
                    approvals.c.id == ask.id,
                    approvals.c.state == "pending",
                    approvals.c.payload_hash == ask.payload_hash,
                    approvals.c.expires_at > now,
                    good_token,
                )
                .values(state="approved", decided_at=now, decided_by=by, proof=proof)
            )
            if done.rowcount == 1:
                connection.execute(
                    update(tokens).where(tokens.c.token_hash == hashed).values(used_at=now)
                )
                self._supersede(connection, ask)
        if done.rowcount != 1:
            raise self._why_not(ask, hashed, now)
        return self.one(ask.id)

    def reject(self, ask: Ask, *, by: str, reason: str) -> Ask:
        """Say no, also to what was approved and not used yet. Raises ApprovalError."""
        now = self.store.clock()
        with self.store.begin() as connection:
            done = connection.execute(
                update(approvals)
                .where(approvals.c.id == ask.id, approvals.c.state.in_(OPEN))
                .values(state="rejected", decided_at=now, decided_by=by, reason=reason)
            )
        if done.rowcount != 1:
            raise self._why_not(ask, "", now)
        return self.one(ask.id)

    def void(self, ask: Ask, reason: str) -> Ask:
        """What was asked about changed: it can no longer be approved or used."""
        with self.store.begin() as connection:
            connection.execute(
                update(approvals)
                .where(approvals.c.id == ask.id, approvals.c.state.in_(OPEN))
                .values(state="void", reason=reason)
            )
        return self.one(ask.id)

    def approved(
        self, *, kind: str, content: Mapping[str, Any], bound: Mapping[str, Any], key: str
    ) -> Ask | None:
        """An approval of exactly this content under these versions that `key` may use, if any."""
        now = self.store.clock()
        same = (
            (approvals.c.kind == kind)
            & (approvals.c.content_hash == content_hash(content))
            & (approvals.c.bound_hash == content_hash(bound))
            & (approvals.c.expires_at > now)
        )
        mine = (approvals.c.state == "used") & (approvals.c.used_by == key)
        found = self._asks(same & (mine | (approvals.c.state == "approved")))
        return min(found, key=lambda ask: ask.state != "used", default=None)

    def rejected(
        self, *, kind: str, content: Mapping[str, Any], bound: Mapping[str, Any]
    ) -> Ask | None:
        """The last no to exactly this content under these versions, if there is one."""
        same = (
            (approvals.c.kind == kind)
            & (approvals.c.content_hash == content_hash(content))
            & (approvals.c.bound_hash == content_hash(bound))
            & (approvals.c.state == "rejected")
            & (approvals.c.expires_at > self.store.clock())
        )
        found = self._asks(same)
        return found[-1] if found else None

    def first_asked(self, ask: Ask) -> str:
        """When the same content was first asked under the same versions, by any run."""
        same = (approvals.c.content_hash == ask.content_hash) & (
            (approvals.c.bound_hash == ask.bound_hash) & (approvals.c.kind == ask.kind)
        )
        return self._asks(same)[0].created_at

    def open_of(self, run_ids: Sequence[str]) -> tuple[Ask, ...]:
        """What these runs asked and nobody used up."""
        mine = approvals.c.run_id.in_(list(run_ids)) & approvals.c.state.in_(OPEN)
        return tuple(self._asks(mine)) if run_ids else ()

    def use(
        self, *, kind: str, content: Mapping[str, Any], bound: Mapping[str, Any], key: str
    ) -> Ask | None:
        """Use an approval up; None when there is none. The same `key` may use it again: the same
        effect after a crash, never a second one."""
        ask = self.approved(kind=kind, content=content, bound=bound, key=key)
        if ask is None or ask.state == "used":
            return ask
        with self.store.begin() as connection:
            done = connection.execute(
                update(approvals)
                .where(approvals.c.id == ask.id, approvals.c.state == "approved")
                .values(state="used", used_at=self.store.clock(), used_by=key)
            )
        if done.rowcount != 1:
            return self.approved(kind=kind, content=content, bound=bound, key=key)
        return self.one(ask.id)

    def rates(self) -> tuple[Rate, ...]:
        """Approved and rejected asks of each rule, most asked first."""
        counts: dict[str, list[int]] = {}
        for ask in self._asks(approvals.c.decided_at.is_not(None)):
            for rule in ask.rules:
                counts.setdefault(rule, [0, 0])[ask.state == "rejected"] += 1
        found = (Rate(rule, yes, no) for rule, (yes, no) in counts.items())
        return tuple(sorted(found, key=lambda one: (-one.approved - one.rejected, one.rule)))

    def _asks(self, condition: Any) -> list[Ask]:
        query = (
            select(approvals)
            .where(approvals.c.project == self.store.project, condition)
            .order_by(approvals.c.created_at, approvals.c.id)
        )
        with self.store.begin() as connection:
            return [_ask(row) for row in connection.execute(query).mappings()]

    def _void_others(self, connection: Connection, row: Mapping[str, Any]) -> None:
        other = (approvals.c.content_hash != row["content_hash"]) | (
            approvals.c.bound_hash != row["bound_hash"]
        )
        reason = f"run {row['run_id']} asks for something else, or under other guardrails"
        connection.execute(
            update(approvals)
            .where(
                approvals.c.project == self.store.project,
                approvals.c.kind == row["kind"],
                approvals.c.subject == row["subject"],
                approvals.c.state.in_(OPEN),
                other,
            )
            .values(state="void", reason=reason)
        )

    def _supersede(self, connection: Connection, ask: Ask) -> None:
        """Asks of other runs for the same content need no answer of their own."""
        connection.execute(
            update(approvals)
            .where(
                approvals.c.project == self.store.project,
                approvals.c.kind == ask.kind,
                approvals.c.content_hash == ask.content_hash,
                approvals.c.bound_hash == ask.bound_hash,
                approvals.c.state == "pending",
                approvals.c.id != ask.id,
            )
            .values(state="superseded", reason=f"answered with {ask.id} of run {ask.run_id}")
        )

    def _why_not(self, ask: Ask, token_hash: str, now: str) -> ApprovalError:
        """What stood in the way, read after the fact."""
        found = self.one(ask.id)
        if found.state != "pending":
            return ApprovalError(decided(found), hint="Each ask is answered once.")
        if found.expires_at <= now:
            return ApprovalError(
                f"{found.id} expired at {found.expires_at[:19]}", hint="`agentic run` asks again."
            )
        if found.payload_hash != ask.payload_hash:
            return ApprovalError(
                f"{found.id} is not what was shown", hint="Look at it again: `agentic approve`."
            )
        return ApprovalError(
            f"the token does not fit {found.id}: {self._token_fault(token_hash, now)}",
            hint=f"`agentic approve {found.run_id}` shows it again and gives a new token.",
        )

    def _token_fault(self, token_hash: str, now: str) -> str:
        query = select(tokens).where(tokens.c.token_hash == token_hash)
        with self.store.begin() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return "it was given for something else, or never"
        if row["used_at"] is not None:
            return f"it was used at {row['used_at'][:19]}"
        return "it has expired" if row["expires_at"] <= now else "it was given for other content"


def decided(ask: Ask) -> str:
    """One sentence: what became of an ask."""
    if ask.state in ("void", "superseded"):
        return f"{ask.id} is {ask.state}: {ask.reason}"
    state = "approved and used" if ask.state == "used" else ask.state
    return f"{ask.id} was {state} by {ask.decided_by} at {(ask.decided_at or '')[:19]}"


def _ask(row: RowMapping) -> Ask:
    values = {name: row[name] for name in Ask.__struct_fields__}
    values["rules"] = tuple(msgspec.json.decode(values["rules"], type=list[str]))
    return Ask(**values)


def _token_hash(ask_id: str, token: str) -> str:
    return hashlib.sha256(f"{ask_id}:{token.strip().lower()}".encode()).hexdigest()


def _later(moment: str, seconds: float) -> str:
    later = datetime.fromisoformat(moment) + timedelta(seconds=seconds)
    return later.isoformat(timespec="microseconds")
