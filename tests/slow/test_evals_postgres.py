"""`agentic eval` on PostgreSQL: copies are databases of their own, and the user's is only read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentic.evals.databases import new_name
from tests.support.tiny import Tiny, make_tiny

pytestmark = pytest.mark.slow

RAW = (
    "create schema raw",
    "create type raw.state as enum ('open', 'sent')",
    "create table raw.orders (id integer primary key, amount numeric(10, 2), ordered_at date, "
    "state raw.state, tags text[])",
    "insert into raw.orders select i, (i * 7 % 50 + 1)::numeric(10, 2), "
    "date '2026-01-01' + (i % 5)::int, 'sent', array['a\tb', null] from generate_series(1, 50) i",
)
STATE = """
    select n.nspname, c.relname, c.oid, c.relfilenode, c.xmin::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1, 2
"""
DATABASES = "select datname from pg_database order by 1"


@pytest.fixture
def server(postgres_server: Any) -> Any:
    made = postgres_server.new_database("evals")
    made.run(*RAW)
    return made


def on_postgres(folder: Path, output: dict[str, object]) -> Tiny:
    tiny = make_tiny(folder)
    profile = {"tiny": {"target": "dev", "outputs": {"dev": output}}}
    (tiny.profiles / "profiles.yml").write_text(json.dumps(profile))
    return tiny


def ended() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_fault_is_tried_on_a_database_of_its_own(tmp_path: Path, server: Any) -> None:
    tiny = on_postgres(tmp_path / "user", server.output("dev"))
    left = new_name().replace(f"_{os.getpid()}_", f"_{ended()}_")
    of_others = "agentic_eval_00000000_1_0123abcd"
    server.run(*(f"drop database if exists {name}" for name in (left, of_others)))
    before, there = server.run(STATE), server.run(DATABASES)
    server.run(f"create database {left}", f"create database {of_others}")

    # Somebody is connected all the while, as somebody always is.
    with server.session():
        done = tiny.agentic(
            "eval", "--fault", "src_column_renamed", "--fault", "duplicate_rows",
            "--output", "json",
        )  # fmt: skip

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr
    renamed, twice = lines[:-1]
    assert (renamed["right"], renamed["noticed"], renamed["why"]) == (True, "red", [])
    # The primary key came along.
    assert "does not let it happen" in twice["why_not"]
    assert "duplicate key" in twice["why_not"]
    assert lines[-1]["untouched"] == {"rules": True}
    assert done.returncode == 0
    assert server.run(STATE) == before
    assert server.run(DATABASES) == sorted([*there, (of_others,)])
    server.run(f"drop database {of_others}")


def test_a_role_that_may_not_create_databases_is_told_so(tmp_path: Path, server: Any) -> None:
    server.run(
        "drop role if exists plain",
        "create role plain login password 'x'",
        "grant usage on schema raw to plain",
        "grant select on all tables in schema raw to plain",
    )
    tiny = on_postgres(tmp_path / "user", server.output("dev", user="plain", password="x"))

    done = tiny.agentic("eval", "--fault", "src_column_renamed")

    assert done.returncode == 2
    assert "Error AC598: the role 'plain' of target dev may not create databases" in done.stderr
    assert 'alter role "plain" createdb' in done.stderr


def test_clean_drops_what_an_eval_left_and_says_when_it_cannot_look(
    tmp_path: Path, server: Any
) -> None:
    left = new_name().replace(f"_{os.getpid()}_", f"_{ended()}_")
    server.run(f"create database {left}")
    tiny = on_postgres(tmp_path / "user", server.output("dev"))

    done = tiny.agentic("clean")

    assert done.stdout == f"removed database {left}\n", done.stderr
    assert (left,) not in server.run(DATABASES)
    on = {"tiny": {"target": "dev", "outputs": {"dev": server.output("dev", port=1)}}}
    (tiny.profiles / "profiles.yml").write_text(json.dumps(on))
    away = tiny.agentic("clean")
    assert away.returncode == 0
    assert "Databases of evals were not looked for: cannot connect" in away.stderr
