"""Statements that the policy allows, run on a real DuckDB: nothing protected changes or comes out.

A fixed seed grows statements from pieces, honest and hostile, and mutates them. What is allowed is
sent as generated. Afterwards every protected relation must be as it was, the folder must hold no
new file, and no row may hold a planted marker.
"""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pytest

from agentic.policy import World, judge_sql

pytestmark = pytest.mark.slow

SECRET, MARKER = "S3CRET-9f2c", "pii-marker-77aa@example.com"
SEED = 20261120
STATEMENTS = 1500

WORLD = World(
    relations={
        "gold.orders": ["order_id", "customer_id", "status", "amount"],
        "gold.customers": ["customer_id", "email", "country"],
        "hr.salaries": ["employee_id", "name", "salary"],
        "dev.scratch": ["id", "val"],
    },
    default_schema="gold",
    read_deny=("hr.*",),
    columns_deny=("gold.customers.email",),
    change_deny=("gold.*", "hr.*"),
    build_schemas=("dev",),
)
SETUP = f"""
create schema gold; create schema hr; create schema dev;
create table gold.orders as select i as order_id, i % 7 as customer_id,
  case when i % 2 = 0 then 'new' else 'done' end as status, i * 1.5 as amount from range(50) t(i);
create table gold.customers as select i as customer_id, '{MARKER}' as email, 'DE' as country
  from range(7) t(i);
create table hr.salaries as select 1 as employee_id, '{SECRET}' as name, 10 as salary;
create table dev.scratch as select 1 as id, 'a' as val;
create sequence gold.s; set search_path = 'gold';
"""
FROMS = [
    "gold.orders", "gold.customers", "hr.salaries", "dev.scratch", "orders", "customers",
    "(select * from gold.customers)", "(select customer_id, email as status from gold.customers)",
    "gold.orders o join gold.customers c using (customer_id)", "gold.customers t(a, b, c)",
    "read_text('{path}')", "'{path}'", "glob('/*')", "range(5) r(order_id)", "gold.orders",
    "query('select * from hr.salaries')", "(values (1, 'x')) v(order_id, status)",
    "gold.orders natural join gold.customers",
    "gold.orders semi join gold.customers using (customer_id)",
    "information_schema.tables", "(pivot gold.customers on country using max(email))",
]  # fmt: skip
PICKS = [
    "*", "count(*)", "email", "status", "count(distinct email)", "max(email)", "email is null",
    "list(email)", "to_json(customers)", "customers", "order_id, amount * 2", "md5(email)", "b",
    "columns('.*')", "* exclude (email)", "coalesce(status, email)", "nextval('gold.s')",
    "(select max(name) from hr.salaries)", "(select email from gold.customers limit 1)", "c.*",
    "row_number() over (order by status)", "upper(status), count(*) over ()",
    "struct_pack(x := email)",
    "unnest([email])", "error(email)", "status || 'x'", "email::int", "getenv('HOME')",
]  # fmt: skip
WHERES = [
    "", "", "", " where status = 'new'", " where email like 'a%'", " where email is not null",
    " where customer_id in (select customer_id from gold.customers)", " limit 3",
    " where exists (select 1 from hr.salaries)", " order by 1", " group by all", " qualify true",
]  # fmt: skip
# What may stand around an expression, an item of FROM, and a whole query.
WRAPS = [
    "coalesce({e}, {e})", "max({e}) over ()", "case when {e} is null then 1 else 0 end",
    "cast({e} as varchar)", "[{e}]", "(select {e})", "to_json({e})", "lag({e}) over (order by 1)",
    "concat({e}, '')", "count({e})", "any_value({e})", "nullif({e}, {e})", "array_agg({e})",
    "string_agg({e}, ',')", "{e} as status", "min({e})", "count(distinct {e})", "({e}, 1)",
]  # fmt: skip
JOINS = [
    "{a} cross join {b}", "{a} left join {b} on true", "{a}, {b}", "{a} natural join {b}",
    "{a} full join {b} using (customer_id)", "{a}, lateral (select * from {b}) l",
]  # fmt: skip
AROUND = [
    "select * from ({q}) z", "select z.* from ({q}) z", "with w(x, y) as ({q}) select x from w",
    "({q}) intersect ({q})", "({q}) except ({q})", "select exists ({q})", "from ({q})",
    "select o.status, l.* from gold.orders o, lateral ({q}) l", "table gold.orders",
    "select (select count(*) from ({q}) q)",
    "select order_id from gold.orders where exists ({q})",
    "values ((select count(*) from ({q}) v))",
    "select max(z) from ({q}) z", "select z from ({q}) z", "select distinct * from ({q}) z(a, b)",
    "with recursive r as (({q}) union all (select * from r where false)) select * from r",
    "select status from gold.orders order by (select count(*) from ({q}) y)",
    "select * from ({q}) z where z is not null limit 2", "summarize {q}", "describe {q}",
    "pivot ({q}) on status using count(*)", "select row_number() over () from ({q}) n",
]  # fmt: skip
WRITES = [
    "insert into gold.orders select * from gold.orders", "delete from gold.orders",
    "create or replace table gold.orders as select 1 as a", "drop table gold.customers",
    "update gold.orders set amount = 0", "create table dev.x{n} as {query}",
    "create view dev.v{n} as {query}",
    "insert into dev.scratch select order_id, status from gold.orders",
    "copy gold.customers to '{path}.out'", "truncate gold.orders", "attach '{path}.db' as evil",
    "with d as (delete from gold.orders returning *) select * from d",
    "alter table gold.orders add column z int",
    "explain analyze delete from gold.orders", "explain {query}",
    "create table gold.y{n} as {query}",
    "insert into dev.scratch values (2, 'b') returning *", "export database '{path}.d'",
]  # fmt: skip


def read(random_: random.Random) -> str:
    picks = random_.choices(PICKS, k=random_.choice([1, 1, 1, 2, 3]))
    picks = [
        random_.choice(WRAPS).replace("{e}", pick) if random_.random() < 0.3 else pick
        for pick in picks
    ]
    source = random_.choice(FROMS)
    if random_.random() < 0.2:
        pair = random_.choice(JOINS)
        source = pair.replace("{a}", source).replace("{b}", random_.choice(FROMS))
    query = f"select {', '.join(picks)} from {source}{random_.choice(WHERES)}"
    while random_.random() < 0.3:
        query = random_.choice(AROUND).replace("{q}", query)
    return query


def statement(random_: random.Random, number: int, path: Path) -> str:
    query = read(random_)
    if random_.random() < 0.25:
        query = f"with w as ({query}) select {random_.choice(['*', 'count(*)'])} from w"
    if random_.random() < 0.15:
        query = f"{query} union all {query}"
    text = query
    if random_.random() < 0.35:
        text = random_.choice(WRITES).replace("{query}", query).replace("{n}", str(number))
    text = text.replace("{path}", str(path))
    return mutated(random_, text)


def mutated(random_: random.Random, text: str) -> str:
    kind = random_.randrange(8)
    if kind == 0:
        return text.replace(" ", " /* x */ ", 1)
    if kind == 1:
        return text.upper() if "'" not in text else text
    if kind == 2:
        place = random_.randrange(len(text))
        return text[:place] + text[place + 1 :]
    if kind == 3:
        return f"{text}; {text}"
    if kind == 4:
        words = text.split(" ")
        one, other = random_.randrange(len(words)), random_.randrange(len(words))
        words[one], words[other] = words[other], words[one]
        return " ".join(words)
    return text


def fingerprint(connection: duckdb.DuckDBPyConnection) -> list[object]:
    relations = connection.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema in ('gold', 'hr') order by all"
    ).fetchall()
    rows = [
        connection.execute(
            f'select count(*), bit_xor(hash(t)) from "{schema}"."{name}" t'
        ).fetchall()
        for schema, name in relations
    ]
    sequence = connection.execute("select last_value from duckdb_sequences()").fetchall()
    return [relations, rows, sequence]


def test_allowed_statements_change_and_show_nothing_protected(tmp_path: Path) -> None:
    random_ = random.Random(SEED)
    planted = tmp_path / "planted.csv"
    planted.write_text(f"a\n{SECRET}\n")
    connection = duckdb.connect(":memory:")
    connection.execute(SETUP)
    before = fingerprint(connection)
    ran = allowed = 0
    for number in range(STATEMENTS):
        sql = statement(random_, number, planted)
        role = random_.choice(["reader", "writer"])
        found = judge_sql(sql, dialect="duckdb", role=role, world=WORLD)  # type: ignore[arg-type]
        if found.verdict != "allow":
            continue
        allowed += 1
        try:
            rows = connection.execute(found.sql).fetchall()
            ran += 1
        except duckdb.Error as error:
            rows = [(str(error),)]

        assert MARKER not in str(rows), (sql, found.sql)
        assert SECRET not in str(rows), (sql, found.sql)
        assert fingerprint(connection) == before, (sql, found.sql)
    # A build schema may hold what the writer made, and nothing else may be on disk.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["planted.csv"]
    assert allowed > 100
    assert ran > allowed * 0.4
