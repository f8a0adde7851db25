"""Whatever is done to the trail is found, and the first record that does not fit is named."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agentic.store import AuditTrail, open_store
from agentic.store.audit import hash_of

RECORDS = 12


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("audit")
    trail = open_trail(root)
    for number in range(RECORDS):
        trail.append(
            actor="triage/rules",
            action="run_sql",
            subject="r1",
            payload={"sql": f"select {number}", "verdict": "allow", "who": "ana@shop.example"},
        )
    trail.store.engine.dispose()
    with sqlite3.connect(root / ".agentic" / "state.db") as session:
        session.execute("pragma wal_checkpoint(truncate)")
        session.execute("pragma journal_mode=delete")
    return root


def open_trail(root: Path) -> AuditTrail:
    times = iter(range(10_000))
    store = open_store(root, project="shop", clock=lambda: f"2026-01-01T00:00:{next(times):05d}")
    return AuditTrail(store, root / "audit.head")


def test_an_untouched_trail_fits_and_is_masked(pristine: Path) -> None:
    trail = open_trail(pristine)

    assert trail.verify() is None
    assert len(trail.records("r1")) == RECORDS
    assert all("ana@" not in row["payload"] for row in trail.records())


def mutate(root: Path, kind: str, chance: random.Random) -> int:
    """Damage a copy; returns the first record that cannot fit any more."""
    with sqlite3.connect(root / ".agentic" / "state.db") as session:
        session.row_factory = sqlite3.Row
        rows = [dict(row) for row in session.execute("select * from agentic_audit order by seq")]
        place = chance.randrange(len(rows))
        first = damage(rows, kind, place, chance)
        session.execute("delete from agentic_audit")
        for row in rows:
            marks = ", ".join("?" for _ in row)
            session.execute(f"insert into agentic_audit values ({marks})", list(row.values()))
    return first


def damage(rows: list[dict[str, Any]], kind: str, place: int, chance: random.Random) -> int:
    seq = place + 1
    if kind == "flip":
        field = chance.choice(["at", "actor", "action", "subject", "payload", "prev_hash", "hash"])
        text = rows[place][field]
        at = chance.randrange(len(text))
        flipped = chr(ord(text[at]) ^ 1 << chance.randrange(5)) or "x"
        rows[place][field] = text[:at] + flipped + text[at + 1 :]
    elif kind == "drop":
        del rows[place]
    elif kind == "truncate":
        del rows[place:]
    elif kind == "swap":
        other = (place + 1 + chance.randrange(len(rows) - 1)) % len(rows)
        rows[place]["seq"], rows[other]["seq"] = rows[other]["seq"], rows[place]["seq"]
        seq = min(place, other) + 1
    elif kind == "rehash":
        rows[place]["payload"] = '{"verdict":"allow","forged":true}'
        rechain(rows, place)
        seq = len(rows)
    elif kind == "append":
        rows.append(rows[-1] | {"seq": len(rows) + 1, "prev_hash": rows[-1]["hash"]})
        rechain(rows, len(rows) - 1)
        seq = len(rows)
    elif kind == "clock":
        rows[place]["at"] = "2020-01-01T00:00:00"
        rechain(rows, place)
        seq = len(rows)
    return seq


def rechain(rows: list[dict[str, Any]], start: int) -> None:
    for number in range(start, len(rows)):
        rows[number]["prev_hash"] = rows[number - 1]["hash"] if number else "0" * 64
        rows[number]["hash"] = hash_of(rows[number])


KINDS = ["flip", "drop", "truncate", "swap", "rehash", "append", "clock"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_damage_is_found(pristine: Path, tmp_path: Path, kind: str) -> None:
    """A sample; `make proofs` does ten thousand."""
    missed = damages_missed(pristine, tmp_path, kind, range(6))

    assert missed == []


def damages_missed(pristine: Path, folder: Path, kind: str, seeds: range) -> list[int]:
    """Seeds whose damage was not found, or was named at a record after the first bad one."""
    missed = []
    copy = folder / "copy"
    for seed in seeds:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(pristine, copy)
        first = mutate(copy, kind, random.Random(f"{kind}:{seed}"))
        fault = open_trail(copy).verify()
        if fault is None or fault.seq > first:
            missed.append(seed)
    return missed


@pytest.mark.parametrize("how", ["missing", "garbage"])
def test_a_trail_without_its_anchor_does_not_fit(pristine: Path, tmp_path: Path, how: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(pristine, copy)
    anchor = copy / "audit.head"
    if how == "missing":
        anchor.unlink()
    else:
        anchor.write_text("{")
    fault = open_trail(copy).verify()

    assert fault is not None
    assert "anchor" in fault.reason


def test_a_crash_before_the_row_is_no_forgery(pristine: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(pristine, copy)
    trail = open_trail(copy)
    confirm = trail._write_anchor
    trail._write_anchor = lambda one, **how: (
        None if one.last == one.announced else confirm(one, **how)
    )
    trail.append(actor="a", action="b", subject="c", payload={})
    assert open_trail(copy).verify() is None
    with sqlite3.connect(copy / ".agentic" / "state.db") as session:
        session.execute("delete from agentic_audit where seq = ?", [RECORDS + 1])

    assert open_trail(copy).verify() is None


def test_a_trail_that_grows_meanwhile_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process appends as soon as it is let in."""
    here, other = open_trail(tmp_path), open_trail(tmp_path)
    here.append(actor="a", action="b", subject="r", payload={})
    begin = here.store.begin

    @contextmanager
    def overtaken() -> Iterator[Any]:
        with begin() as connection:
            yield connection
        for _ in range(2):
            other.append(actor="a", action="b", subject="r", payload={})

    monkeypatch.setattr(here.store, "begin", overtaken)

    assert here.verify() is None
    assert other.verify() is None
    assert len(other.records()) == 3
