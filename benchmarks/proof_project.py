"""A generated dbt project: 1,000 models, two tests each, one of them with 15 children."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import duckdb

LAYERS = 5
CHILDREN = 15
HUB = "stg_0000"


def write_project(folder: Path, *, size: int = 1000) -> None:
    """Write the project, its profile, its git repository and its raw table's file."""
    folder = folder.resolve()
    per_layer = size // LAYERS
    folder.mkdir(parents=True)
    _write(folder / "dbt_project.yml", _PROJECT)
    output = {"type": "duckdb", "path": str(folder / "big.duckdb"), "schema": "dev", "threads": 2}
    profile = {"big": {"target": "dev", "outputs": {"dev": output}}}
    _write(folder / "profiles.yml", json.dumps(profile))
    _write(folder / ".gitignore", "target/\ntarget_*/\nlogs/\n*.duckdb\n*.wal\n.user.yml\n")
    _write(folder / "models" / "sources.yml", _SOURCES)
    for layer in range(LAYERS):
        place = folder / "models" / f"layer_{layer}"
        names = [_name(layer, number) for number in range(per_layer)]
        for number, name in enumerate(names):
            _write(place / f"{name}.sql", _sql(layer, number, per_layer))
        for start in range(0, per_layer, 20):
            _write(place / f"schema_{start:04}.yml", _schema(names[start : start + 20]))
    with duckdb.connect(str(folder / "big.duckdb")) as session:
        session.execute("create schema raw")
        session.execute(
            "create table raw.events as select i as id, i * 10 as amount, 'n' || i as name"
            " from range(1000) r(i)"
        )
    for args in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        identity = ["-c", "user.name=b", "-c", "user.email=b@localhost"]
        subprocess.run(["git", *identity, *args], cwd=folder, check=True)


def _name(layer: int, number: int) -> str:
    return f"{'stg' if layer == 0 else f'layer{layer}'}_{number:04}"


def _sql(layer: int, number: int, per_layer: int) -> str:
    if layer == 0:
        return "select id, amount, name from {{ source('raw', 'events') }}\n"
    if layer == 1 and number < CHILDREN:
        parents = [HUB, _name(0, per_layer - 1 - number)]
    else:
        # The hub's children are leaves, so that its descendants are exactly its children.
        low = 1 if layer == 1 else (CHILDREN if layer == 2 else 0)
        span = per_layer - low
        parents = [_name(layer - 1, low + (number * 7 + step) % span) for step in range(2)]
    return (
        "{{ config(materialized='table') }}\n"
        "with a as (\n"
        f"    select * from {{{{ ref('{parents[0]}') }}}}\n"
        "), b as (\n"
        f"    select * from {{{{ ref('{parents[1]}') }}}}\n"
        ")\n"
        "select a.id, a.amount + b.amount as amount, a.name\n"
        "from a join b on a.id = b.id\n"
    )


def _schema(names: list[str]) -> str:
    return "version: 2\nmodels:\n" + "".join(
        f"  - name: {name}\n    description: Generated.\n    columns:\n"
        "      - name: id\n        data_tests: [unique, not_null]\n"
        for name in names
    )


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


_PROJECT = """\
name: big
version: "1.0"
profile: big
models:
  big:
    +materialized: view
"""
_SOURCES = """\
version: 2
sources:
  - name: raw
    schema: raw
    tables: [{name: events}]
"""
