"""A proof that still holds: `run` proves, `run --apply` a minute later need not prove again.

It is taken over only if everything that it depends on is known to be the same: the tree with its
uncommitted state, the proposal, the compiled files, the target, dbt, the packages, and the data.
Data is known to be the same only in a DuckDB file that nobody wrote to since and that reads no
other file; no other warehouse says cheaply that nothing changed, so there every run proves anew. So
does a run after an hour, since clocks are in models too, and one whose first proof left anything
open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from agentic import __version__
from agentic.checks import Companion
from agentic.records import CheckReport, Incident, Proposal, content_hash, dump
from agentic.runtime.budget import seconds_between
from agentic.runtime.session import Session
from agentic.store import Journal

RECENT_S = 3600.0
_OUTSIDE = re.compile(
    r"\b(?:read_|parquet_|sqlite_|postgres_|mysql_|delta_|iceberg_)\w*\s*\(|\bscan_?\w*\s*\("
    r"|\bfrom\s+'|://|\battach\b",
    re.IGNORECASE,
)
_ELSEWHERE = ("attach", "plugins", "filesystems", "is_ducklake", "motherduck_token")


class Checked(msgspec.Struct, frozen=True):
    """What the checks said, and in which schema they built: one step of the journal."""

    report: CheckReport
    schema: str
    key: str = ""
    """Of everything that it depends on; empty when that cannot be known."""
    proved_by: str = ""
    """The run whose proof this is, when it was taken over."""
    proved_at: str = ""


def proof_key(
    session: Session,
    proposal: Proposal,
    incident: Incident,
    companions: Sequence[Companion] = (),
) -> str:
    """A hash of everything that the checks' answer depends on; empty when that cannot be known."""
    data = _data_of(session)
    if not data:
        return ""
    packages = session.project.packages_path
    inside = sorted(packages.iterdir()) if packages.is_dir() else []
    return content_hash(
        [
            __version__,
            session.dbt.version,
            session.repo.snapshot(),
            session.compiled.content_hash,
            dump(proposal),
            [dump(one.proposal) for one in companions if one.proposal is not None],
            incident.fingerprint,
            incident.invocation_id,
            session.target.name,
            {name: str(value) for name, value in session.target.settings.items()},
            data,
            [(one.name, one.stat().st_mtime_ns) for one in inside],
        ]
    )


def standing_proof(session: Session, fingerprint: str, key: str) -> Checked | None:
    """A recent proof under this key that left nothing open, by a run of the same incident."""
    if not key:
        return None
    now = session.clock()
    for run_id in reversed(session.store.runs_of([fingerprint])):
        for step in Journal(session.store, run_id).steps():
            if step.kind != "checks" or step.ended_at is None:
                continue
            found = msgspec.convert(step.output, Checked)
            if found.key != key:
                continue
            at = found.proved_at or step.ended_at
            if found.report.ready and seconds_between(at, now) < RECENT_S and _same_day(at, now):
                return msgspec.structs.replace(
                    found, proved_by=found.proved_by or run_id, proved_at=at
                )
    return None


def _same_day(one: str, other: str) -> bool:
    return datetime.fromisoformat(one).date() == datetime.fromisoformat(other).date()


def _data_of(session: Session) -> list[Any]:
    """What tells one state of the data from another; empty when nothing does."""
    file = _file(session)
    if file is None or any(session.target.settings.get(name) for name in _ELSEWHERE):
        return []
    if any(_OUTSIDE.search(text) for text in _texts(session)):
        return []
    try:
        return [_state(one) for one in (file, file.with_name(f"{file.name}.wal"))]
    except OSError:
        return []


def _file(session: Session) -> Path | None:
    if session.target.adapter != "duckdb":
        return None
    named = Path(str(session.target.settings.get("path") or "").partition("?")[0]).expanduser()
    file = session.project.root / named
    return file if named.name and file.is_file() else None


def _state(file: Path) -> list[Any]:
    if not file.exists():
        return [file.name]
    found = file.stat()
    return [str(file), found.st_size, found.st_mtime_ns, found.st_ino]


def _texts(session: Session) -> Iterator[str]:
    """Everything by which a build could read data from outside the file."""
    for node in session.manifest.all.values():
        yield node.compiled_code or node.raw_code or ""
        yield str(node.meta.get("external_location") or "") and "read_x("
