"""A generated dbt project whose true column lineage is known: each model's SQL and truth are made
together. `generate(count)` gives a manifest as dbt would write it, raw schemas, and the truth.
"""

from __future__ import annotations

import random
from hashlib import sha256
from typing import Any, NamedTuple

DATABASE, RAW, MARTS = "shop", "raw", "main"
Origin = tuple[str, str, str]
"""(unique_id, column, kind)."""
Truth = dict[str, dict[str, frozenset[Origin]]]
"""Node to column to the origins of its values (filters and joins are not listed)."""


class Project(NamedTuple):
    manifest: dict[str, Any]
    schemas: dict[str, dict[str, str]]
    truth: Truth


class Relation(NamedTuple):
    uid: str
    sql: str
    columns: list[str]


class Place(NamedTuple):
    """Where a model is made: its own relation, and a number that keeps its names apart."""

    this: str
    tag: int


class Made(NamedTuple):
    sql: str
    columns: dict[str, frozenset[Origin]]
    parents: list[Relation]


def generate(count: int, *, seed: int = 7) -> Project:
    """`count` models over count / 5 raw tables: staging, then everything else in random layers."""
    rng = random.Random(seed)
    sources = [_source(index, rng) for index in range(max(2, count // 5))]
    schemas = {one.uid: dict.fromkeys(one.columns, "varchar") for one in sources}
    nodes: dict[str, Any] = {}
    truth: Truth = {}
    known: list[Relation] = []
    for index in range(count):
        name = f"stg_{index}" if index < len(sources) else f"node_{index}"
        this = f'"{DATABASE}"."{MARTS}"."{name}"'
        if index < len(sources):
            made = _staging(sources[index], rng)
        else:
            # Parents are recent nodes: depth grows with the project, as it does in life.
            near = known[-400:]
            made = rng.choice(_MAKERS)(near, rng, Place(this, index))
        uid = f"model.shop.{name}"
        nodes[uid] = _node(uid, name, this, made)
        truth[uid] = made.columns
        known.append(Relation(uid, this, list(made.columns)))
    return Project(_manifest(nodes, sources), schemas, truth)


def _source(index: int, rng: random.Random) -> Relation:
    columns = ["id", "parent_id", "kind", "happened_at", "amount"]
    columns += [f"field_{number}" for number in range(rng.randint(5, 18))]
    return Relation(
        f"source.shop.erp.table_{index}", f'"{DATABASE}"."{RAW}"."table_{index}"', columns
    )


def _one(relation: Relation, column: str, kind: str) -> frozenset[Origin]:
    return frozenset({(relation.uid, column, kind)})


def _staging(source: Relation, rng: random.Random) -> Made:
    items, columns = [], {}
    for column in source.columns:
        style = rng.choice(["same", "same", "rename", "cast", "case"])
        if column in ("id", "kind", "happened_at", "amount") or style == "same":
            items.append(column)
            columns[column] = _one(source, column, "unchanged")
        elif style == "rename":
            items.append(f"{column} as {column}_renamed")
            columns[f"{column}_renamed"] = _one(source, column, "renamed")
        elif style == "cast":
            items.append(f"cast({column} as integer) as {column}")
            columns[column] = _one(source, column, "transformed")
        else:
            items.append(f"case when kind = 'x' then {column} else 'n/a' end as {column}_label")
            columns[f"{column}_label"] = _one(source, column, "transformed") | _one(
                source, "kind", "transformed"
            )
    listed = ",\n        ".join(items)
    sql = (
        f"with source as (\n    select * from {source.sql}\n),\nrenamed as (\n    select\n"
        f"        {listed}\n    from source\n)\nselect * from renamed"
    )
    return Made(sql, columns, [source])


def _passed(relation: Relation) -> dict[str, frozenset[Origin]]:
    return {column: _one(relation, column, "unchanged") for column in relation.columns}


def _join(known: list[Relation], rng: random.Random, place: Place) -> Made:
    left, right = rng.sample(known, 2)
    columns = _passed(left)
    items = []
    for column in rng.sample(right.columns, min(4, len(right.columns))):
        items.append(f"b.{column} as b{place.tag}_{len(items)}")
        columns[f"b{place.tag}_{len(items) - 1}"] = _one(right, column, "renamed")
    mixed = (rng.choice(left.columns), rng.choice(right.columns))
    items.append(f"coalesce(a.{mixed[0]}, b.{mixed[1]}) as mixed_{place.tag}")
    columns[f"mixed_{place.tag}"] = _one(left, mixed[0], "transformed") | _one(
        right, mixed[1], "transformed"
    )
    keys = rng.choice(left.columns), rng.choice(right.columns)
    sql = (
        f"with a as (\n    select * from {left.sql}\n),\n"
        f"b as (\n    select * from {right.sql}\n),\n"
        "joined as (\n    select\n        a.*,\n        " + ",\n        ".join(items) + "\n"
        f"    from a\n    left join b on a.{keys[0]} = b.{keys[1]}\n)\nselect * from joined"
    )
    return Made(sql, columns, [left, right])


def _union(known: list[Relation], rng: random.Random, _place: Place) -> Made:
    parents = rng.sample(known, rng.choice([2, 2, 3]))
    width = min(8, *(len(one.columns) for one in parents))
    picks = [rng.sample(one.columns, width) for one in parents]
    names = [f"u_{number}" for number in range(width)]
    branches, columns = [], dict.fromkeys(names, frozenset[Origin]())
    for relation, pick in zip(parents, picks, strict=True):
        items = []
        for name, column in zip(names, pick, strict=True):
            items.append(f"{column} as {name}")
            kind = "unchanged" if name == column else "renamed"
            columns[name] |= _one(relation, column, kind)
        branches.append(f"select {', '.join(items)} from {relation.sql}")
    return Made("\nunion all\n".join(branches), columns, parents)


def _window(known: list[Relation], rng: random.Random, place: Place) -> Made:
    parent = rng.choice(known)
    key, order, value = (rng.choice(parent.columns) for _ in range(3))
    tag = place.tag
    columns = _passed(parent)
    over = f"over (partition by {key} order by {order})"
    both = _one(parent, key, "transformed") | _one(parent, order, "transformed")
    columns[f"rank_{tag}"] = both
    columns[f"last_{tag}"] = both | _one(parent, value, "transformed")
    sql = (
        f"with base as (select * from {parent.sql}),\nranked as (\n    select *,\n"
        f"        row_number() {over} as rank_{tag},\n"
        f"        lag({value}) {over} as last_{tag}\n    from base\n)\n"
        f"select * from ranked where rank_{tag} = 1"
    )
    return Made(sql, columns, [parent])


def _aggregate(known: list[Relation], rng: random.Random, place: Place) -> Made:
    parent = rng.choice(known)
    key, *values = rng.sample(parent.columns, min(6, len(parent.columns)))
    columns = {key: _one(parent, key, "unchanged"), f"count_{place.tag}": frozenset[Origin]()}
    items = [key, f"count(*) as count_{place.tag}"]
    for number, value in enumerate(values):
        call = rng.choice(["sum({c})", "max({c})", "count(distinct {c})", "min(coalesce({c}, 0))"])
        items.append(f"{call.format(c=value)} as agg{place.tag}_{number}")
        columns[f"agg{place.tag}_{number}"] = _one(parent, value, "aggregated")
    sql = f"select\n    {', '.join(items)}\nfrom {parent.sql}\ngroup by 1\nhaving count(*) > 1"
    return Made(sql, columns, [parent])


def _incremental(known: list[Relation], rng: random.Random, place: Place) -> Made:
    parent = rng.choice(known)
    picks = rng.sample(parent.columns, min(10, len(parent.columns)))
    columns = {column: _one(parent, column, "unchanged") for column in picks}
    sql = (
        f"select {', '.join(f'p.{one}' for one in picks)}\nfrom {parent.sql} as p\n"
        f"where p.{picks[0]} > (select max({picks[0]}) from {place.this})"
    )
    return Made(sql, columns, [parent])


def _subquery(known: list[Relation], rng: random.Random, _place: Place) -> Made:
    left, right = rng.sample(known, 2)
    picks = rng.sample(left.columns, min(8, len(left.columns)))
    value, key = rng.choice(right.columns), rng.choice(right.columns)
    columns = {f"{one}_kept": _one(left, one, "renamed") for one in picks}
    columns["top"] = _one(right, value, "aggregated")
    items = ", ".join(f"t.{one} as {one}_kept" for one in picks)
    sql = (
        f"select {items},\n"
        f"    (select max(x.{value}) from {right.sql} x where x.{key} = t.{picks[0]}) as top\n"
        f"from (select * from {left.sql}) as t\n"
        f"where exists (select 1 from {right.sql} y where y.{key} = t.{picks[-1]})"
    )
    return Made(sql, columns, [left, right])


def _pivot(known: list[Relation], rng: random.Random, place: Place) -> Made:
    parent = rng.choice([one for one in known if len(one.columns) > 3])
    key, kind, value = rng.sample(parent.columns, 3)
    columns = {key: _one(parent, key, "unchanged")}
    both = _one(parent, value, "aggregated") | _one(parent, kind, "aggregated")
    names = [f"{name}_{place.tag}" for name in ("alpha", "beta", "gamma")]
    columns |= dict.fromkeys(names, both)
    sql = (
        f"with narrow as (select {key}, {kind}, {value} from {parent.sql})\n"
        f"select * from narrow pivot (sum({value}) for {kind} in {tuple(names)})"
    )
    return Made(sql, columns, [parent])


def _chain(known: list[Relation], rng: random.Random, place: Place) -> Made:
    parent = rng.choice(known)
    picks = rng.sample(parent.columns, min(9, len(parent.columns)))
    first = ", ".join(f"{one} as a_{number}" for number, one in enumerate(picks))
    second = ", ".join(
        f"a_{number} as b{place.tag}_{number}"
        if number % 2
        else f"a_{number} || '-' as b{place.tag}_{number}"
        for number in range(len(picks))
    )
    columns = {
        f"b{place.tag}_{number}": _one(parent, one, "renamed" if number % 2 else "transformed")
        for number, one in enumerate(picks)
    }
    sql = (
        f"with one as (select {first} from {parent.sql}),\n"
        f"two as (select {second} from one),\nthree as (select * from two)\n"
        "select three.* from three"
    )
    return Made(sql, columns, [parent])


_MAKERS = (
    *(_join, _join, _union, _window, _aggregate, _incremental),
    *(_subquery, _pivot, _chain),
)


def _node(uid: str, name: str, this: str, made: Made) -> dict[str, Any]:
    parents = list(dict.fromkeys(one.uid for one in made.parents))
    return {
        "unique_id": uid,
        "name": name,
        "resource_type": "model",
        "package_name": "shop",
        "original_file_path": f"models/{name}.sql",
        "path": f"{name}.sql",
        "relation_name": this,
        "database": DATABASE,
        "schema": MARTS,
        "alias": name,
        "fqn": ["shop", name],
        "depends_on": {"nodes": parents, "macros": []},
        "raw_code": made.sql,
        "compiled": True,
        "compiled_code": made.sql,
        "language": "sql",
        **_AS_DBT_WRITES,
        "config": _CONFIG,
        "checksum": {"name": "sha256", "checksum": sha256(made.sql.encode()).hexdigest()},
        "refs": [{"name": one.uid, "package": None, "version": None} for one in made.parents],
    }


# What dbt 1.11 writes for every node besides, so that a manifest is as large as it is in life.
_CONFIG: dict[str, Any] = {
    "enabled": True,
    "alias": None,
    "schema": None,
    "database": None,
    "tags": [],
    "meta": {},
    "group": None,
    "static_analysis": None,
    "materialized": "table",
    "batch_size": None,
    "incremental_strategy": None,
    "lookback": 1,
    "begin": None,
    "persist_docs": {},
    "post-hook": [],
    "pre-hook": [],
    "quoting": {},
    "column_types": {},
    "full_refresh": None,
    "unique_key": None,
    "on_schema_change": "ignore",
    "on_configuration_change": "apply",
    "grants": {},
    "packages": [],
    "docs": {"show": True, "node_color": None},
    "contract": {"enforced": False, "alias_types": True},
    "event_time": None,
    "concurrent_batches": None,
    "access": "protected",
    "freshness": None,
}
_AS_DBT_WRITES: dict[str, Any] = {
    "tags": [],
    "description": "",
    "columns": {},
    "meta": {},
    "group": None,
    "metrics": [],
    "docs": {"show": True, "node_color": None},
    "patch_path": None,
    "build_path": None,
    "unrendered_config": {"materialized": "table"},
    "created_at": 1795210769.8923705,
    "doc_blocks": [],
    "sources": [],
    "functions": [],
    "compiled_path": None,
    "contract": {"enforced": False, "alias_types": True, "checksum": None},
    "access": "protected",
    "constraints": [],
    "version": None,
    "latest_version": None,
    "deprecation_date": None,
    "primary_key": [],
    "time_spine": None,
    "extra_ctes": [],
    "extra_ctes_injected": True,
}


def _manifest(nodes: dict[str, Any], sources: list[Relation]) -> dict[str, Any]:
    version = "https://schemas.getdbt.com/dbt/manifest/v12.json"
    entries = {
        one.uid: {
            "unique_id": one.uid,
            "name": one.uid.rpartition(".")[2],
            "source_name": "erp",
            "resource_type": "source",
            "package_name": "shop",
            "original_file_path": "models/erp.yml",
            "relation_name": one.sql,
            "database": DATABASE,
            "schema": RAW,
            "identifier": one.uid.rpartition(".")[2],
            "fqn": ["shop", "erp", one.uid.rpartition(".")[2]],
            "config": {"enabled": True, "event_time": None, "meta": {}, "tags": []},
            "columns": {},
            "meta": {},
            "tags": [],
            "source_meta": {},
            "description": "",
        }
        for one in sources
    }
    parent_map = {uid: node["depends_on"]["nodes"] for uid, node in nodes.items()}
    parent_map |= {uid: [] for uid in entries}
    child_map: dict[str, list[str]] = {uid: [] for uid in parent_map}
    for uid, parents in parent_map.items():
        for parent in parents:
            child_map[parent].append(uid)
    return {
        "metadata": {
            "dbt_schema_version": version,
            "adapter_type": "duckdb",
            "project_name": "shop",
        },
        "nodes": nodes,
        "sources": entries,
        "parent_map": parent_map,
        "child_map": child_map,
    }
