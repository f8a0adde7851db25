"""A generated dbt project with something of everything that a fault class needs; a seed names it.

Names are drawn, so that no rule can know them: only their roles are fixed.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg

ROWS = 400
REPORTS = 20
_PARTIES = ["member", "client", "patron", "guest"]
_EVENTS = ["booking", "rental", "lease", "visit"]
_MONEY = ["fee", "charge", "price", "toll"]
_STATES = ["open", "held", "closed"]
# Stands for the package: one macro of its name, which once had another.
_PACKAGE = {
    "packages.yml": "packages:\n  - local: packages/dbt_utils\n",
    "packages/dbt_utils/dbt_project.yml": (
        "name: dbt_utils\nversion: '1.0'\nconfig-version: 2\nmacro-paths: [macros]\n"
    ),
    "packages/dbt_utils/macros/generate_surrogate_key.sql": (
        "{% macro generate_surrogate_key(field_list) %}\n"
        "    md5({% for field in field_list %}cast({{ field }} as varchar)"
        "{{ \" || '-' || \" if not loop.last }}{% endfor %})\n{% endmacro %}\n"
    ),
}


def make_project(root: Path, *, seed: int = 0, output: Mapping[str, Any] | None = None) -> Path:
    """Write the project and land its raw tables. Returns its root.

    `output`: an entry for profiles.yml that leads to an empty PostgreSQL database; default: DuckDB.
    """
    draw = random.Random(f"project:{seed}")
    names = {
        "party": draw.choice(_PARTIES),
        "event": draw.choice(_EVENTS),
        "money": draw.choice(_MONEY),
        "state": draw.choice(["state", "phase", "standing"]),
    }
    for path, text in files(names, "double precision" if output else "double").items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (root / "dbt_packages").mkdir()
    # As `dbt deps` does it for a local package.
    (root / "dbt_packages" / "dbt_utils").symlink_to(root / "packages" / "dbt_utils")
    if output:
        profile = {"generated": {"target": "dev", "outputs": {"dev": dict(output)}}}
        (root / "profiles.yml").write_text(json.dumps(profile))
        land_in_postgres(output, names, draw)
    else:
        land(root / "generated.duckdb", names, draw)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


def files(names: dict[str, str], double: str) -> dict[str, str]:
    """Path -> text; `double`: the warehouse's name of that type."""
    party, event, money, state = (names[k] for k in ("party", "event", "money", "state"))
    found = {
        "dbt_project.yml": (
            "name: generated\nversion: '1.0'\nconfig-version: 2\nprofile: generated\n"
            "flags: {send_anonymous_usage_stats: false}\n"
            "models: {generated: {reports: {+materialized: table}}}\n"
        ),
        "profiles.yml": (
            "generated:\n  target: dev\n  outputs:\n    dev: {type: duckdb, "
            "path: generated.duckdb, schema: main, threads: 2}\n"
        ),
        ".gitignore": (
            "target/\nlogs/\ndbt_packages/\n*.duckdb\n*.duckdb.wal\n.agentic/\n.user.yml\n"
        ),
        **_PACKAGE,
        f"models/marts/dim_{party}.sql": (
            f"select\n    {{{{ dbt_utils.generate_surrogate_key(['{party}_id']) }}}} "
            f"as {party}_key,\n"
            f"    {party}_id,\n    full_name\nfrom {{{{ ref('stg_{party}') }}}}\n"
        ),
        "macros/to_units.sql": (
            "{% macro to_units(column, digits=2) %}\n"
            "    round({{ column }} / 100.0, {{ digits }})\n{% endmacro %}\n"
        ),
        f"models/staging/stg_{party}.sql": (
            f"select\n    id as {party}_id,\n    full_name,\n"
            f"    cast(joined as date) as joined_on\nfrom {{{{ source('raw', '{party}s') }}}}\n"
        ),
        f"models/staging/stg_{event}.sql": (
            f"select\n    id as {event}_id,\n    {party} as {party}_id,\n"
            f"    {{{{ to_units('{money}') }}}} as {money}_total,\n"
            f"    {state} as {event}_{state},\n"
            f"    cast(made as timestamp) as made_at,\n    units as unit_count\n"
            f"from {{{{ source('raw', '{event}s') }}}}\n"
        ),
        f"models/middle/int_{event}_enriched.sql": (
            f"with done as (\n\n    select * from {{{{ ref('stg_{event}') }}}}\n"
            f"    where {event}_{state} != 'held'\n\n)\n\n"
            f"select\n    done.{event}_id as {event}_id,\n    done.{party}_id as owner_id,\n"
            f"    done.{money}_total as net_{money},\n"
            f"    done.{money}_total / done.unit_count as {money}_per_unit,\n"
            f"    done.made_at as made_at,\n    people.full_name as owner_name\nfrom done\n"
            f"left join {{{{ ref('stg_{party}') }}}} as people\n"
            f"    on done.{party}_id = people.{party}_id\n"
        ),
        f"models/marts/fct_{event}.sql": (
            "{{ config(materialized='incremental', "
            f"unique_key='{event}_id', on_schema_change='fail') }}}}\n\n"
            f"select\n    {event}_id,\n    owner_id,\n    net_{money},\n    made_at\n"
            f"from {{{{ ref('int_{event}_enriched') }}}}\n"
            "{% if is_incremental() %}\n"
            "where made_at > (select max(made_at) from {{ this }})\n{% endif %}\n"
        ),
        "models/marts/by_owner.sql": (
            f"select\n    cast(owner_id as integer) as owner_id,\n"
            f"    cast(sum(net_{money}) as {double}) as {money}_sum,\n"
            f"    cast(count(*) as integer) as {event}_count\n"
            f"from {{{{ ref('int_{event}_enriched') }}}}\ngroup by owner_id\n"
        ),
        "models/sources.yml": _sources(party, event),
        "models/properties.yml": _properties(names, double),
    }
    for number in range(REPORTS):
        found[f"models/reports/report_{number:02}.sql"] = (
            f"select\n    owner_id,\n    sum(net_{money}) as total\n"
            f"from {{{{ ref('int_{event}_enriched') }}}}\n"
            f"where owner_id % {REPORTS} = {number}\ngroup by owner_id\n"
        )
    return found


def _sources(party: str, event: str) -> str:
    return (
        "version: 2\nsources:\n  - name: raw\n    schema: raw\n"
        "    config: {meta: {owner: intake-team}}\n"
        f"    tables:\n      - name: {party}s\n      - name: {event}s\n"
        "        loaded_at_field: landed\n"
        "        config: {freshness: {error_after: {count: 30, period: day}}}\n"
    )


def _properties(names: dict[str, str], double: str) -> str:
    party, event, money, state = (names[k] for k in ("party", "event", "money", "state"))
    return f"""\
version: 2
models:
  - name: stg_{party}
    columns:
      - name: {party}_id
        data_tests: [unique, not_null]
  - name: stg_{event}
    columns:
      - name: {event}_id
        data_tests: [unique, not_null]
      - name: {party}_id
        data_tests:
          - relationships: {{arguments: {{to: ref('stg_{party}'), field: {party}_id}}}}
      - name: {event}_{state}
        data_tests:
          - accepted_values: {{arguments: {{values: [{", ".join(_STATES)}]}}}}
      - name: {money}_total
        data_tests: [not_null]
  - name: int_{event}_enriched
    columns:
      - name: {event}_id
        data_tests: [unique]
  - name: by_owner
    config: {{contract: {{enforced: true}}, meta: {{owner: finance}}}}
    columns:
      - name: owner_id
        data_type: integer
        data_tests: [unique]
      - name: {money}_sum
        data_type: {double}
      - name: {event}_count
        data_type: integer
unit_tests:
  - name: sums_by_owner
    model: by_owner
    given:
      - input: ref('int_{event}_enriched')
        rows:
          - {{owner_id: 1, net_{money}: 2.0}}
          - {{owner_id: 1, net_{money}: 3.0}}
    expect:
      rows:
        - {{owner_id: 1, {money}_sum: 5.0, {event}_count: 2}}
"""


def land(file: Path, names: dict[str, str], draw: random.Random) -> None:
    """The raw tables, in DuckDB."""
    with duckdb.connect(str(file)) as session:
        for statement in tables(names, "range(1, 61) t(i)"):
            session.execute(statement)
        session.executemany(insert(names["event"], "?"), events(draw))


def land_in_postgres(output: Mapping[str, Any], names: dict[str, str], draw: random.Random) -> None:
    """The raw tables, in PostgreSQL."""
    place = {key: output[key] for key in ("host", "port", "user", "password", "dbname")}
    with psycopg.connect(**place) as session:
        for statement in tables(names, "generate_series(1, 60) t(i)"):
            session.execute(statement.encode())
        session.cursor().executemany(insert(names["event"], "%s").encode(), events(draw))


def tables(names: dict[str, str], numbers: str) -> list[str]:
    """Statements that make the tables, and fill the small one; `numbers`: 1 to 60 as i."""
    party, event, money, state = (names[k] for k in ("party", "event", "money", "state"))
    return [
        "create schema raw",
        f"create table raw.{party}s as select i as id, 'name ' || i as full_name, "
        f"date '2025-01-01' + cast(i % 90 as integer) as joined from {numbers}",
        f"create table raw.{event}s (id bigint, {party} bigint, {money} bigint, "
        f"{state} varchar, made timestamp, units integer, landed timestamp)",
    ]


def insert(event: str, mark: str) -> str:
    """One row of events; `mark`: how the driver writes a parameter."""
    return f"insert into raw.{event}s values ({', '.join([mark] * 6)}, cast(now() as timestamp))"


def events(draw: random.Random) -> list[tuple[Any, ...]]:
    """Number, party, money, state, moment, units."""
    rows = []
    for i in range(1, ROWS + 1):
        party, money, state = draw.randint(1, 60), draw.randint(500, 90_000), draw.choice(_STATES)
        made = datetime(2026, 1, 1) + timedelta(days=draw.randint(0, 89), seconds=i)
        rows.append((i, party, money, state, made, draw.randint(1, 9)))
    return rows


if __name__ == "__main__":
    make_project(Path(sys.argv[1]), seed=int(sys.argv[2]) if len(sys.argv) > 2 else 0)
