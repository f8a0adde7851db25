"""What the policy reads in a statement, as golden pairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from agentic.policy import World, judge_sql

FOLDER = Path(__file__).parents[2] / "golden" / "sql_effects"
WORLD_FILE = Path(__file__).parents[2] / "fixtures" / "sql_world.json"


def test_effects(golden: Callable[[Path, str], None]) -> None:
    raw = json.loads(WORLD_FILE.read_text(encoding="utf-8"))
    world = World.from_guardrails(
        raw["guardrails"], raw["relations"], default_schema="gold", default_database="analytics"
    )
    lines = (FOLDER / "cases.sql").read_text(encoding="utf-8").splitlines()[1:]
    answers = []
    for head, sql in zip(lines[::2], lines[1::2], strict=True):
        dialect, role = head.removeprefix("-- ").split()
        found = judge_sql(sql, dialect=dialect, role=role, world=world)  # type: ignore[arg-type]
        answers += [
            f"{head}\n{sql}",
            f"  {found.verdict} {found.code}",
            f"  reads {', '.join(found.reads) or '-'}; writes {', '.join(found.writes) or '-'}",
            f"  sent {found.sql or '-'}\n",
        ]

    golden(FOLDER / "expected.txt", "\n".join(answers))
