"""The audit trail: append-only, each record chained to the one before, its head anchored in a file.

A chain alone does not show that a suffix was rewritten; the anchor outside the database does. It
announces a record before the row is written and confirms it after, so that a crash in between is
told from a forgery: only an announced record may be there or not.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select, text
from sqlalchemy.engine import RowMapping

from agentic.masking import mask_json
from agentic.records import dumps
from agentic.store.database import Store
from agentic.store.schema import audit

fcntl: Any = None
with suppress(ImportError):  # Windows has none
    fcntl = importlib.import_module("fcntl")

GENESIS = "0" * 64


class Mark(msgspec.Struct, frozen=True):
    """A place in the chain."""

    seq: int
    hash: str


class Anchor(msgspec.Struct, frozen=True):
    """What the file outside the database holds."""

    last: Mark
    announced: Mark


class AuditFault(msgspec.Struct, frozen=True):
    """The first thing that does not fit."""

    seq: int
    reason: str


def anchor_of(project_root: Path) -> Path:
    """Where the head's hash is kept: `AGENTIC_AUDIT_ANCHOR` (best on another machine's disk, or one
    that the agent's user cannot write), else beside the store."""
    named = os.environ.get("AGENTIC_AUDIT_ANCHOR")
    return Path(named) if named else project_root / ".agentic" / "audit.head"


class AuditTrail:
    """Who did what, when, with which inputs, and what was decided. Nothing here is ever updated."""

    def __init__(self, store: Store, anchor: Path) -> None:
        self.store = store
        self.anchor = anchor

    def append(
        self,
        *,
        actor: str,
        action: str,
        subject: str,
        payload: Mapping[str, Any],
        flush: bool = True,
    ) -> Mark:
        """Add one record; `payload` is masked before it is hashed and kept.

        `flush`: it has to outlive a power cut, since something outside the machine follows.
        """
        told = dumps(mask_json(dict(payload)))
        with self.store.quick.write(flush=flush) as run:
            if lock := _LOCK[self.store.engine.dialect.name]:
                run(lock)
            rows = run(_HEAD)
            last = Mark(*rows[0]) if rows else Mark(0, GENESIS)
            record = {
                "seq": last.seq + 1,
                "at": self.store.clock(),
                "project": self.store.project,
                "actor": actor,
                "action": action,
                "subject": subject,
                "payload": told,
                "prev_hash": last.hash,
            }
            mark = Mark(last.seq + 1, hash_of(record))
            self._write_anchor(Anchor(last, mark), flush=flush)
            run(_APPEND, **record, hash=mark.hash)
        self._write_anchor(Anchor(mark, mark))
        return mark

    def verify(self) -> AuditFault | None:
        """The first record that does not fit, or None. Without its anchor a trail never fits."""
        with self.store.begin() as connection:
            # Nobody appends in between: rows and anchor have to be of one moment.
            if lock := _LOCK[self.store.engine.dialect.name]:
                connection.execute(text(lock))
            rows = connection.execute(select(audit).order_by(audit.c.seq)).mappings().all()
            head = Mark(rows[-1]["seq"], rows[-1]["hash"]) if rows else Mark(0, GENESIS)
            cut = self._anchor_fault(head)
        last = Mark(0, GENESIS)
        for row in rows:
            fault = _fault_of(row, last)
            if fault is not None:
                return fault
            last = Mark(row["seq"], row["hash"])
        return cut

    def records(self, subject: str | None = None) -> list[RowMapping]:
        """Records in order; of one subject (a run) if given."""
        query = select(audit).order_by(audit.c.seq)
        if subject is not None:
            query = query.where(audit.c.subject == subject)
        with self.store.begin() as connection:
            return list(connection.execute(query).mappings())

    def _anchor_fault(self, head: Mark) -> AuditFault | None:
        if not self.anchor.exists():
            if head.seq == 0:
                return None
            return AuditFault(head.seq, f"the anchor {self.anchor.name} is missing")
        try:
            with self.anchor.open("rb") as file:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_SH)
                anchor = msgspec.json.decode(file.read(), type=Anchor)
        except (OSError, msgspec.MsgspecError):
            return AuditFault(head.seq, f"the anchor {self.anchor.name} cannot be read")
        if head in (anchor.announced, anchor.last):
            return None
        return AuditFault(
            head.seq,
            f"the trail ends at record {head.seq}, the anchor says {anchor.announced.seq} "
            f"({anchor.announced.hash[:12]}): records were cut off, added or rewritten",
        )

    def _write_anchor(self, anchor: Anchor, *, flush: bool = False) -> None:
        """A confirmation takes back nothing that another process announced meanwhile.

        Written over in place: it is shorter than a disk's sector and always of one length, so that
        the one or the other is there whatever happens.
        """
        confirms = anchor.last == anchor.announced
        with self._open_anchor() as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)  # the system lets go when a process dies
            if confirms and _announced(file.read()) > anchor.announced.seq:
                return
            file.seek(0)
            file.write(msgspec.json.encode(anchor).ljust(_ANCHOR_BYTES))
            if flush:
                os.fsync(file.fileno())

    def _open_anchor(self) -> io.FileIO:
        try:
            return io.FileIO(self.anchor, "r+")
        except FileNotFoundError:
            self.anchor.parent.mkdir(parents=True, exist_ok=True)
            return io.FileIO(os.open(self.anchor, os.O_RDWR | os.O_CREAT, 0o666), "r+")


def _announced(told: bytes) -> int:
    try:
        return msgspec.json.decode(told, type=Anchor).announced.seq
    except msgspec.MsgspecError:
        return 0


_ANCHOR_BYTES = 400
_HEAD = "select seq, hash from agentic_audit order by seq desc limit 1"
_APPEND = (
    "insert into agentic_audit "
    "(seq, at, project, actor, action, subject, payload, prev_hash, hash) values "
    "(:seq, :at, :project, :actor, :action, :subject, :payload, :prev_hash, :hash)"
)
_HASHED = ("seq", "at", "project", "actor", "action", "subject", "payload", "prev_hash")
# Two processes must not chain to one head: SQLite's BEGIN IMMEDIATE has the write lock already.
_LOCK = {"sqlite": "", "postgresql": "select pg_advisory_xact_lock(4711002)"}


def hash_of(record: Mapping[str, Any] | RowMapping) -> str:
    """SHA-256 (hex) over every field but the hash itself, in a fixed order."""
    fields = dumps([record[name] for name in _HASHED])
    return hashlib.sha256(fields.encode()).hexdigest()


def _fault_of(row: RowMapping, last: Mark) -> AuditFault | None:
    if row["seq"] != last.seq + 1:
        return AuditFault(last.seq + 1, f"record {last.seq + 1} is missing")
    if row["prev_hash"] != last.hash:
        return AuditFault(row["seq"], f"record {row['seq']} is not chained to the one before")
    if row["hash"] != hash_of(row):
        return AuditFault(row["seq"], f"record {row['seq']} was changed")
    return None
