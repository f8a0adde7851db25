"""Ten thousand damages of the audit trail."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from tests.proofs.registry import Outcome, proof
from tests.unit.store.test_store_audit import KINDS, RECORDS, damage, open_trail

DAMAGES = 10_000


@proof(
    "audit_damage",
    "Every one of 10,000 damages of the audit trail is found, at the first record that does not "
    "fit or before it: bits flipped, records dropped, swapped, cut off, added, hashed anew.",
)
def damages_found(folder: Path) -> Outcome:
    """Damages one file in place, and puts its rows back after each."""
    trail = open_trail(folder)
    for number in range(RECORDS):
        payload = {"sql": f"select {number}", "verdict": "allow"}
        trail.append(actor="triage/rules", action="run_sql", subject="r1", payload=payload)
    file = folder / ".agentic" / "state.db"
    trail.store.engine.dispose()
    shutil.copy(folder / "audit.head", folder / "kept.head")
    with sqlite3.connect(file) as session:
        session.row_factory = sqlite3.Row
        kept = [dict(row) for row in session.execute("select * from agentic_audit order by seq")]
        session.execute("pragma synchronous = off")
        missed = [
            f"{KINDS[seed % len(KINDS)]} {seed}"
            for seed in range(DAMAGES)
            if not found(session, trail, kept, seed)
        ]
        put(session, kept)
    assert trail.verify() is None
    return Outcome({"records": RECORDS, "kinds": len(KINDS), "damages": DAMAGES}, missed)


def found(session: sqlite3.Connection, trail: Any, kept: list[dict[str, Any]], seed: int) -> bool:
    """True when the damage of this seed is found no later than its first record."""
    kind, chance = KINDS[seed % len(KINDS)], random.Random(f"damage:{seed}")
    rows = [dict(row) for row in kept]
    first = damage(rows, kind, chance.randrange(len(rows)), chance)
    put(session, rows)
    fault = trail.verify()
    return fault is not None and fault.seq <= first


def put(session: sqlite3.Connection, rows: list[dict[str, Any]]) -> None:
    """Replace the trail's rows."""
    session.execute("delete from agentic_audit")
    for row in rows:
        marks = ", ".join("?" for _ in row)
        session.execute(f"insert into agentic_audit values ({marks})", list(row.values()))
    session.commit()
