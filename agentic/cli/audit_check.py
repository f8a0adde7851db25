"""`agentic debug --audit`: does the trail fit, and which record is the first that does not."""

from __future__ import annotations

import os
from typing import Any

import click

from agentic.cli.output import emit_json, emit_text
from agentic.project import Project
from agentic.store import AuditFault, AuditTrail, anchor_of, open_store, utc_now


def check_audit(project: Project, *, as_json: bool) -> int:
    """Verify the project's audit trail and say what was found. Returns 1 when it does not fit."""
    anchor = anchor_of(project.root)
    kept = project.root / ".agentic" / "state.db"
    if not os.environ.get("AGENTIC_STORE") and not kept.exists():
        gone = AuditFault(0, f"there is no {kept}, but its anchor {anchor} is there")
        return _tell(gone if anchor.exists() else None, {}, 0, as_json=as_json)
    store = open_store(project.root, project=project.name, clock=utc_now)
    trail = AuditTrail(store, anchor)
    fault = trail.verify()
    records = trail.records()
    suspect: dict[str, Any] = {}
    if fault is not None:
        suspect = next((dict(one) for one in records if one["seq"] == fault.seq), {})
    return _tell(fault, suspect, len(records), as_json=as_json)


def _tell(fault: AuditFault | None, suspect: dict[str, Any], count: int, *, as_json: bool) -> int:
    record = {name: suspect.get(name) for name in ("at", "actor", "action", "subject")}
    if as_json:
        emit_json(
            {
                "name": "audit",
                "verdict": "fail" if fault else "ok",
                "records": count,
                "first_fault": None if fault is None else fault.seq,
                "reason": "" if fault is None else fault.reason,
                "record": record if suspect else None,
            }
        )
        return 1 if fault else 0
    if fault is None:
        emit_text(f"{click.style('OK  ', fg='green')}  audit          {_sound(count)}")
        return 0
    emit_text(f"{click.style('FAIL', fg='red')}  audit          {fault.reason}")
    if suspect:
        told = ", ".join(f"{name} {value}" for name, value in record.items())
        emit_text(f"{'':21}record {fault.seq} now reads: {told}")
    emit_text(f"{'':21}Keep the store and its anchor as they are, and find out who wrote to them.")
    return 1


def _sound(count: int) -> str:
    if not count:
        return "no record yet"
    return f"{count} records, each chained to the one before; the head is the anchor's"
