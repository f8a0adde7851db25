"""`agentic grants` on a real PostgreSQL, proved by trying: the role can do what the file allows,
the main job builds with it, and everything else fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.support.tiny import Tiny, make_tiny

pytestmark = pytest.mark.slow

PASSWORD = "not-a-secret-either"
RAILS = """\
version: 1
read: {deny: ["relation:raw.people", "column:raw.orders.secret"]}
change: {allow: ["path:models/staging"]}
build: {target: ci}
"""
SOURCES = """\
version: 2
sources:
  - name: raw
    schema: raw
    tables:
      - name: orders
      - name: people
"""
RAW = (
    "create schema raw",
    "create table raw.orders as select i as id, (i * 7 % 50 + 1)::numeric(10, 2) as amount,"
    " date '2026-01-01' + (i % 5)::int as ordered_at, 'planted' as secret"
    " from generate_series(1, 50) i",
    "create table raw.people as select 'ana' as name",
    "create schema vault",
    "create table vault.keys as select 'planted' as key",
    # Who makes and drops things, whoever it is: written with the owner's rights.
    "create table public.ddl (who text, tag text, what text)",
    "create function public.note_ddl() returns event_trigger language plpgsql security definer as"
    " $$ begin insert into public.ddl select session_user, c.command_tag, c.object_identity"
    " from pg_event_trigger_ddl_commands() c; end $$",
    "create event trigger note_ddl on ddl_command_end execute function public.note_ddl()",
)


@pytest.fixture(scope="module")
def server(postgres_server: Any) -> Any:
    made = postgres_server.new_database("granted")
    made.run(*RAW)
    return made


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, server: Any) -> Tiny:
    """Built by the superuser in schema dev; then the grants are run."""
    folder = tmp_path_factory.mktemp("granted")
    made = make_tiny(folder, files={"guardrails.yml": RAILS, "models/sources.yml": SOURCES})
    outputs = {
        "dev": server.output("dev"),
        "ci": server.output("agentic_ci", user="agentic", password=PASSWORD),
    }
    profile = {"tiny": {"target": "dev", "outputs": outputs}}
    (made.profiles / "profiles.yml").write_text(json.dumps(profile))
    made.dbt("build", check=True)
    grant(made, server)
    server.run(f"alter role agentic password '{PASSWORD}'")
    return made


def grant(tiny: Tiny, server: Any) -> dict[str, Any]:
    done = tiny.agentic("grants", "--output", "json", "--dialect", "postgres")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    server.run(*found["statements"])
    return found


@pytest.fixture
def as_agent(tiny: Tiny, server: Any) -> Callable[[str], list[tuple[Any, ...]]]:
    def run(statement: str) -> list[tuple[Any, ...]]:
        settings = {**server._asdict(), "user": "agentic", "password": PASSWORD}
        with psycopg.connect(**settings, autocommit=True) as session:
            cursor = session.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.mark.parametrize(
    "statement",
    [
        "select id, amount from raw.orders",
        "select * from dev.daily",
        "select * from dev.stg_orders",
        "create schema agentic_try; create table agentic_try.t as select id from raw.orders;"
        " create view agentic_try.v as select * from agentic_try.t; select * from agentic_try.v;"
        " drop schema agentic_try cascade",
    ],
)
def test_what_the_file_allows_works(as_agent: Callable[[str], Any], statement: str) -> None:
    as_agent(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "select * from raw.people",
        "select secret from raw.orders",
        "select * from raw.orders",
        "select o from raw.orders o",
        "select * from vault.keys",
        "create table dev.mine (x int)",
        "create view dev.mine as select 1 as x",
        "create table raw.mine (x int)",
        "create table vault.mine (x int)",
        "create table public.mine (x int)",
        "insert into dev.daily select * from dev.daily",
        "update raw.orders set amount = 0",
        "delete from dev.daily",
        "truncate dev.daily",
        "drop table dev.daily",
        "drop view dev.stg_orders cascade",
        "alter table raw.orders add column x int",
        "alter schema dev rename to gone",
        "create role other",
        "create database other",
        "grant select on raw.people to agentic",
        "set role postgres",
        "copy raw.orders (id) to '/tmp/agentic-never'",
        "copy (select 1) to program 'true'",
        "select pg_read_file('/etc/passwd')",
        "create extension dblink",
        "alter system set log_statement = 'none'",
    ],
)
def test_everything_else_fails(as_agent: Callable[[str], Any], statement: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)):
        as_agent(statement)


def test_the_timeout_is_the_roles(as_agent: Callable[[str], list[tuple[Any, ...]]]) -> None:
    assert as_agent("show statement_timeout") == [("30min",)]


def test_what_an_older_file_granted_is_taken_back(
    tiny: Tiny, server: Any, as_agent: Callable[[str], Any]
) -> None:
    server.run("grant select on raw.people to agentic", "grant select on raw.orders to agentic")
    assert as_agent("select * from raw.people")

    grant(tiny, server)

    for statement in ("select * from raw.people", "select secret from raw.orders"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_agent(statement)


def safeguards(tiny: Tiny) -> dict[str, Any]:
    done = tiny.agentic("debug", "--output", "json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found: dict[str, Any] = next(line for line in lines if line["name"] == "safeguards")
    assert done.returncode == (1 if found["verdict"] == "fail" else 0), done.stdout
    return found


def state(server: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = server.run(
        "select n.nspname, c.relname, c.oid, c.xmin::text, c.relacl::text from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname in ('raw', 'dev', 'vault', 'public') order by 1, 2"
    )
    return found


def test_debug_tries_what_is_forbidden_and_leaves_nothing(tiny: Tiny, server: Any) -> None:
    before = state(server), server.run("select count(*) from dev.daily")
    found = safeguards(tiny)

    assert (found["verdict"], found["next"]) == ("ok", ""), found
    assert int(found["evidence"].split(" trials")[0].split()[-1]) >= 9
    assert "as agentic" in found["evidence"]
    assert (state(server), server.run("select count(*) from dev.daily")) == before


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("grant select on raw.people to agentic", "read raw.people"),
        ("grant select (secret) on raw.orders to agentic", "read raw.orders.secret"),
        ("grant insert on dev.daily to agentic", "put rows into dev.daily"),
        ("grant delete on raw.orders to agentic", "take rows out of raw.orders"),
        ("grant create on schema dev to agentic", "create in dev"),
    ],
)
def test_debug_reports_a_right_too_many(tiny: Tiny, server: Any, given: str, what: str) -> None:
    server.run(given)
    before = state(server)
    found = safeguards(tiny)
    after = state(server)
    grant(tiny, server)

    assert found["verdict"] == "fail"
    assert "allows 1 of" in found["evidence"]
    assert f": {what} (" in found["evidence"]
    assert "agentic grants" in found["next"]
    assert after == before


def test_debug_warns_where_agents_have_the_users_rights(tiny: Tiny) -> None:
    written = (tiny.root / "guardrails.yml").read_text()
    own = "build: {target: dev}\nproduction: {targets: []}\n"
    tiny.write("guardrails.yml", written.replace("build: {target: ci}\n", own))
    try:
        found = safeguards(tiny)
    finally:
        tiny.write("guardrails.yml", written)

    assert found["verdict"] == "warn"
    assert "as postgres the warehouse allows" in found["evidence"]
    assert "build.target" in found["next"]


def test_the_main_job_reads_and_builds_with_the_build_targets_credentials(
    tiny: Tiny, server: Any
) -> None:
    server.run("alter table raw.orders rename column amount to amount_usd")
    assert tiny.dbt("build").returncode == 1
    server.run("truncate public.ddl")

    run = tiny.run("--apply")

    assert (run["decision"], run["finding"]["class"]) == ("fix", "src_column_renamed"), run
    outcomes = {check["code"]: check["result"] for check in run["checks"]}
    assert outcomes["AP010"] == "pass", run["checks"]
    made = server.run("select distinct who, split_part(what, '.', 1) from public.ddl")
    assert {who for who, _ in made} == {"agentic"}
    assert {schema[:8] for _, schema in made} == {"agentic_"}


def test_a_build_target_elsewhere_is_said_and_not_used(tiny: Tiny, server: Any) -> None:
    other = server.new_database("elsewhere")
    profile = json.loads((tiny.profiles / "profiles.yml").read_text())
    profile["tiny"]["outputs"]["ci"]["dbname"] = other.dbname
    (tiny.profiles / "profiles.yml").write_text(json.dumps(profile))

    done = tiny.agentic("run", "--output", "json")

    assert "build.target 'ci' is not used: it is another database" in done.stderr
    assert json.loads(done.stdout)["decision"] == "fix"
