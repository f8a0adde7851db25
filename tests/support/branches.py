"""A generated dbt project of independent branches: raw table, staging, middle, end.

Branches differ in shape, and a change of one says nothing about another: one build confirms fifty
predictions. `extras` gives it everything that node selection can name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import duckdb

KINDS = ("rename", "drop", "retype", "expression", "add", "comment", "filter", "alias")
COLUMNS = {
    "id": "id",
    "category": "grp",
    "amount": "amount",
    "price": "price * 1.5",
    "happened_on": "happened",
    "note": "note",
}
"""Columns of a staging node, and what each is made of."""
_MIDDLE = (
    "select *, amount * 2 as double_amount from {up}",
    "with s as (select * from {up}) select s.id, s.category, s.amount, s.price, s.note,"
    " upper(s.note) as loud from s where s.amount > 10",
    "select category, sum(amount) as total, max(price) as top_price, max(note) as last_note,"
    " count(*) as n from {up} group by category",
    "select a.id, a.category, a.amount, a.price, a.note, b.total_amount from {up} a left join"
    " (select category, sum(amount) as total_amount from {up} group by 1) b"
    " on a.category = b.category",
    "select id, category, amount, price, note,"
    " row_number() over (partition by category order by price, id) as place from {up}",
)
_END = (
    "select id, category, double_amount, price, note from {up}",
    "select * from {up}",
    "select category, total / n as mean, top_price, last_note from {up}",
    "select id, amount * 1.0 / total_amount as share, price, note from {up}",
    "select * from {up} where place <= 3",
)
_CONTRACTED = (
    ("id", "integer"),
    ("category", "varchar"),
    ("amount", "integer"),
    ("price", "double"),
    ("note", "varchar"),
    ("loud", "varchar"),
)


class Change(NamedTuple):
    """A change of one branch's staging node."""

    branch: int
    kind: str
    column: str


def changes(count: int) -> list[Change]:
    """A change for each branch: every kind meets every shape and column."""
    columns = ("amount", "price", "note", "category")
    return [
        Change(number, KINDS[number % len(KINDS)], columns[(number // 3) % len(columns)])
        for number in range(count)
    ]


def write(root: Path, count: int) -> None:
    """The project with `count` branches, and its raw data."""
    files = {
        "dbt_project.yml": "name: branches\nversion: '1.0'\nprofile: branches\n"
        "flags: {send_anonymous_usage_stats: false}\n"
        "models:\n  branches:\n    +materialized: table\n",
        "profiles.yml": "branches:\n  target: dev\n  outputs:\n    dev: {type: duckdb,"
        " path: branches.duckdb, schema: main, threads: 2}\n",
        "models/raw.yml": "sources:\n  - name: raw\n    schema: raw\n    tables:\n"
        + "".join(f"      - name: t_{number}\n" for number in range(count)),
        "models/branches.yml": "models:\n" + "".join(map(_properties, range(count))),
    }
    for number in range(count):
        shape = number % len(_MIDDLE)
        files[staging(number)] = staged(number)
        for name, up, text in (
            ("mid", "stg", _MIDDLE[shape]),
            ("end", "mid", _END[shape]),
        ):
            ref = f"{{{{ ref('{up}_{number}') }}}}"
            files[f"models/{name}/{name}_{number}.sql"] = text.replace("{up}", ref) + "\n"
    put(root, files)
    load(root, count)


def put(root: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def load(root: Path, count: int) -> None:
    """Raw data anew, and nothing else."""
    (root / "branches.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(root / "branches.duckdb")) as session:
        session.execute("create schema raw")
        for number in range(count):
            session.execute(
                f"create table raw.t_{number} as select i as id, 'g' || (i % 3) as grp,"
                f" (i * 7 + {number}) % 40 as amount, i * 1.25 as price,"
                " date '2026-01-01' + i::int as happened, 'n' || (i * 5 % 13) as note"
                " from range(1, 25) t(i)"
            )
            session.execute(f"alter table raw.t_{number} alter id type integer")
            session.execute(f"alter table raw.t_{number} alter amount type integer")
            session.execute(f"alter table raw.t_{number} alter price type double")


def staging(number: int) -> str:
    """Path of a branch's staging node."""
    return f"models/stg/stg_{number}.sql"


def staged(number: int, change: Change | None = None) -> str:
    """A branch's staging node, changed."""
    kind, named = (change.kind, change.column) if change else ("", "")
    items = []
    for column, made in COLUMNS.items():
        name, text = column, made
        if column == named:
            if kind == "drop":
                continue
            name = f"{column}_new" if kind == "rename" else column
            text = _other(column, made, kind)
        items.append(name if name == text else f"{text} as {name}")
    if kind == "add":
        items.insert(1, "length(note) as note_length")
    source = f"{{{{ source('raw', 't_{number}') }}}}"
    where = " where id > 4" if kind == "filter" else ""
    if kind == "comment":
        listed = ",\n    ".join(item.upper() if item.islower() else item for item in items)
        return f"-- looked at\nSELECT\n    {listed}\nFROM {source}  -- raw\n"
    if kind == "alias":
        listed = ", ".join(items)
        return f"with given as (select * from {source}) select {listed} from given as g\n"
    return f"select {', '.join(items)} from {source}{where}\n"


def _other(column: str, made: str, kind: str) -> str:
    if kind == "retype":
        return f"cast({made} as {'decimal(18, 4)' if column in ('amount', 'price') else 'blob'})"
    if kind == "expression":
        return f"{made} + 3" if column in ("amount", "price") else f"upper({made}) || '!'"
    return made


def _properties(number: int) -> str:
    """YAML of a branch's nodes: tests, tags, a contract on some."""
    key = "category" if number % len(_END) == 2 else "id"
    text = (
        f"  - name: end_{number}\n    config: {{tags: [shape_{number % len(_END)}]}}\n"
        f"    columns:\n      - name: {key}\n        data_tests: [not_null]\n"
    )
    if number % 10 == 6:
        columns = "".join(
            f"      - {{name: {name}, data_type: {kind}}}\n" for name, kind in _CONTRACTED
        )
        text += (
            f"  - name: mid_{number}\n    config: {{contract: {{enforced: true}}}}\n"
            f"    columns:\n{columns}"
        )
    return text


def extras(root: Path) -> None:
    """What node selection can name besides nodes and their tests."""
    put(
        root,
        {
            "models/groups.yml": "groups:\n  - name: money\n    owner: {name: Mo Ney}\n",
            "models/gold/ledger.sql": "select e.id, e.share, m.total from {{ ref('end_3') }} e"
            " join {{ ref('mid_2') }} m on true\n",
            "models/gold/price_v1.sql": "select id, price from {{ ref('stg_0') }}\n",
            "models/gold/price_v2.sql": "select id, price, note from {{ ref('stg_0') }}\n",
            "models/gold/price_v3.sql": "select id, price, note from {{ ref('stg_1') }}\n",
            "models/gold/days.sql": "{{ config(materialized='view') }}\n"
            "select cast('2026-01-01' as date) as day\n",
            "models/gold/gold.yml": _GOLD,
            "tests/ledger_is_whole.sql": "select * from {{ ref('ledger') }} where total is null\n",
            "tests/end_4_places.sql": "{{ config(severity='warn', tags=['slow']) }}\n"
            "select * from {{ ref('end_4') }} where place > 3\n",
            "seeds/rates.csv": "code,rate\na,1\nb,2\n",
            "seeds/seeds.yml": "seeds:\n  - name: rates\n    config: {tags: [static]}\n"
            "    columns: [{name: code, data_tests: [unique, not_null]}]\n",
            "snapshots/ledger_history.yml": "snapshots:\n  - name: ledger_history\n"
            "    relation: ref('ledger')\n"
            "    config: {unique_key: id, strategy: check, check_cols: all}\n",
            "analyses/look.sql": "select * from {{ ref('ledger') }}\n",
            "macros/half.sql": "{% macro half(x) %}({{ x }} / 2){% endmacro %}\n",
            "selectors.yml": _SELECTORS,
        },
    )


_GOLD = """\
models:
  - name: ledger
    description: The ledger.
    config: {tags: [gold, daily], group: money, meta: {rank: 1, owner: mo}}
    columns:
      - name: id
        data_tests:
          - not_null
          - relationships: {arguments: {to: "ref('end_3')", field: id}}
  - name: price
    latest_version: 2
    config: {access: public, tags: [gold]}
    columns: [{name: id, data_tests: [unique]}]
    versions: [{v: 1}, {v: 2}, {v: 3}]
  - name: days
    config: {group: money, access: private}
    time_spine: {standard_granularity_column: day}
    columns: [{name: day, granularity: day}]
exposures:
  - name: board
    type: dashboard
    owner: {name: Bo Ard}
    depends_on: ["ref('ledger')", "ref('end_0')"]
    config: {tags: [weekly]}
  - name: sheet
    type: notebook
    owner: {name: She Et}
    depends_on: ["source('raw', 't_1')"]
unit_tests:
  - name: doubles
    model: mid_0
    given: [{input: ref('stg_0'), rows: [{id: 1, amount: 2}]}]
    expect: {rows: [{id: 1, double_amount: 4}]}
semantic_models:
  - name: ledgers
    model: ref('ledger')
    defaults: {agg_time_dimension: booked_on}
    entities: [{name: entry, type: primary, expr: id}]
    dimensions:
      - {name: booked_on, type: time, expr: current_date, type_params: {time_granularity: day}}
    measures: [{name: total, agg: sum}]
metrics:
  - name: total_total
    label: Total
    type: simple
    type_params: {measure: total}
    config: {group: money, tags: [daily]}
saved_queries:
  - name: totals
    query_params: {metrics: [total_total], group_by: ["TimeDimension('entry__booked_on')"]}
"""

_SELECTORS = """\
selectors:
  - name: gold_all
    description: Gold with all that feeds it.
    definition: "+tag:gold"
  - name: half_done
    default: true
    definition:
      union:
        - method: tag
          value: gold
          parents: true
          parents_depth: 1
        - intersection:
            - "path:models/end"
            - method: tag
              value: shape_4
              children: true
        - exclude: ["end_4", {method: fqn, value: price}]
  - name: careful
    definition:
      method: fqn
      value: ledger
      indirect_selection: cautious
  - name: bare
    definition: {method: fqn, value: ledger, indirect_selection: empty}
  - name: inherits
    definition:
      union:
        - method: selector
          value: gold_all
        - "resource_type:seed"
        - exclude: [{method: selector, value: careful}]
  - name: around
    definition: {method: fqn, value: end_3, childrens_parents: true}
  - name: keyed
    definition: {tag: gold}
  - name: without
    definition:
      method: path
      value: models/gold
      exclude: ["test_type:generic"]
"""
