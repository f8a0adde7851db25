"""Each raw class on a real PostgreSQL without dbt: its types, its SQL, its errors."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agentic.exceptions import AgenticError
from agentic.project import Target
from agentic.records import ToolCall, ToolResult, dump, dumps, loads
from agentic.rules import Case
from agentic.triggers import Invocation, silent_changes
from agentic.warehouse import Connection, Relation, open_connection

pytestmark = pytest.mark.slow


def _rules_world() -> Any:
    """The unit tests' manifests; test folders are no packages."""
    file = Path(__file__).parents[1] / "unit" / "rules" / "rules_world.py"
    spec = importlib.util.spec_from_file_location("rules_world_of_postgres", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


rw = _rules_world()

ORDERS, CUSTOMERS = "source.shop.raw.orders", "source.shop.raw.customers"
STG_ORDERS, STG_CUSTOMERS = "model.shop.stg_orders", "model.shop.stg_customers"
MART, NAMED = "model.shop.orders", "model.shop.named_orders"

STG = (
    "select id as order_id, customer_id, status, amount, cast(ordered_at as timestamp) as "
    "ordered_at, amount / quantity as each from {{ source('raw', 'orders') }}"
)
STG_SHORT = "select id as customer_id, name from {{ source('raw', 'customers') }}"
JOIN = (
    "select o.order_id, c.name from {{ ref('stg_orders') }} as o "
    "left join {{ ref('stg_customers') }} as c on o.customer_id = c.customer_id"
)
LAID = {
    "{{ source('raw', 'orders') }}": '"raw"."orders"',
    "{{ source('raw', 'customers') }}": '"raw"."customers"',
    "{{ ref('stg_orders') }}": '"main"."stg_orders"',
    "{{ ref('stg_customers') }}": '"main"."stg_customers"',
}

GREEN = (
    "drop schema if exists raw cascade",
    "drop schema if exists main cascade",
    "create schema raw",
    "create schema main",
    "create table raw.customers as select n as id, 'c' || n as name, "
    "timestamp '2026-03-31 02:00' as _loaded_at from generate_series(1, 40) n",
    "create table raw.orders as select n as id, 1 + n % 40 as customer_id, "
    "(array['open', 'paid', 'sent'])[1 + n % 3] as status, "
    "cast(20 + n % 17 + 0.25 as numeric(10, 2)) as amount, 1 + n % 3 as quantity, "
    "timestamp '2026-01-05 08:00' + n % 60 * interval '1 day' + n % 14 * interval '1 hour' "
    "as ordered_at, timestamp '2026-03-31 02:05' as _loaded_at from generate_series(1, 1800) n",
    "create table main.orders as select id as order_id, customer_id, status, amount, ordered_at, "
    "amount / quantity as each from raw.orders",
    "create view main.stg_orders as select id as order_id, customer_id, status, amount, ordered_at,"
    " amount / quantity as each from raw.orders",
    "create view main.stg_customers as select id as customer_id, name from raw.customers",
    "create view main.named_orders as select o.order_id, c.name from main.stg_orders o "
    "left join main.stg_customers c on o.customer_id = c.customer_id",
)


def laid(code: str) -> str:
    for marker, relation in LAID.items():
        code = code.replace(marker, relation)
    return code


def node(name: str, code: str, parents: list[str], **more: Any) -> Any:
    made = rw.model(name, code, parents, compiled_code=laid(code), **more)
    return replace(made, database=None, relation_name=f'"main"."{name}"')


def raw(name: str, columns: dict[str, str] | None = None) -> Any:
    made = rw.source(name, columns, loaded_at_field="_loaded_at")
    return replace(made, database=None, relation_name=f'"raw"."{name}"')


def nodes() -> list[Any]:
    mart = "select * from {{ ref('stg_orders') }}"
    return [
        raw("orders"),
        raw("customers"),
        node("stg_orders", STG, [ORDERS]),
        node("stg_customers", STG_SHORT, [CUSTOMERS]),
        node("orders", mart, [STG_ORDERS], config={"materialized": "table"}),
        node("named_orders", JOIN, [STG_ORDERS, STG_CUSTOMERS]),
    ]


def check(kind: str, on: str, column: str, **arguments: Any) -> Any:
    return rw.check(kind, on, column, **arguments)


class Live:
    """Answers tool calls from the server, as the tools would."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.edits: list[dict[str, Any]] = []

    def run(self, case: Case) -> dict[str, Any]:
        steps = rw.diagnose_and_fix(case)
        call: ToolCall = next(steps)
        for _ in range(20):
            if call.name == "submit_report":
                return call.input
            call = steps.send(self.answer(case, call))
        raise AssertionError("more than 20 tool calls")

    def answer(self, case: Case, call: ToolCall) -> ToolResult:
        try:
            content = self.content(case, call)
        except AgenticError as error:
            return ToolResult(call.id, {"error": error.message}, is_error=True)
        return ToolResult(call.id, loads(dumps(dump(content)), object), is_error="error" in content)

    def content(self, case: Case, call: ToolCall) -> dict[str, Any]:
        given = call.input
        if call.name == "get_schema":
            found = {u: self.shape(case, u) for u in [given["node"], *given["also"]]}
            return {**found[given["node"]], "others": found}
        if call.name == "run_sql":
            rows = self.connection.query(given["sql"], max_rows=given["max_rows"])
            plain = [[v if v is None else str(v) for v in row] for row in rows.rows]
            return {"columns": list(rows.columns), "rows": plain}
        if call.name == "read_file":
            code = {n.original_file_path: n.raw_code for n in case.manifest.nodes.values()}
            text = code.get(given["path"])
            return {"text": text} if text is not None else {"error": "no such file"}
        if call.name in ("edit_file", "rename_column"):
            self.edits.append(given)
            return {"path": "models"}
        return {"uncommitted": [], "commits": []} if call.name == "recent_changes" else {}

    def shape(self, case: Case, uid: str) -> dict[str, Any]:
        one = case.node(uid)
        columns = self.connection.columns(Relation.of_node(one))
        names = {c.name: c.type for c in columns or ()}
        return {"exists": columns is not None, "relation": one.relation_name, "columns": names}


@pytest.fixture(scope="module")
def server(postgres_server: Any) -> Any:
    return postgres_server.new_database("rules_raw")


@pytest.fixture
def shop(server: Any) -> Any:
    server.run(*GREEN)
    return server


@pytest.fixture
def live(shop: Any) -> Iterator[Live]:
    settings = shop.output("main")
    target = Target(
        name="dev",
        adapter="postgres",
        schema="main",
        database=str(settings["dbname"]),
        settings=settings,
    )
    with open_connection(target, project_root=Path.cwd()) as connection:
        yield Live(connection)


def case_of(incident: Any, *more: Any) -> Case:
    made: Case = rw.case_of([*nodes(), *more], incident)
    return Case(made.incident, made.manifest, made.graph, "postgres", "shop")


def broken(shop: Any, *statements: str) -> None:
    shop.run(*statements)


def loud(message: str) -> Any:
    return rw.failed(STG_ORDERS, message)


def red(test: Any, on: str, **more: Any) -> Any:
    return rw.failed(test.unique_id, "Got 3 results", "test_failure", attached=on, failures=3)


A, U = "alter table raw.orders ", "update raw.orders set "
GONE = 'column "{}" does not exist'
SHAPE_FAULTS = {
    "renamed": (
        [A + "rename column amount to f17"],
        GONE.format("amount"),
        ("src_column_renamed", "amount", "fix"),
    ),
    "two renamed": (
        [A + "rename column amount to f17", A + "rename column status to f18"],
        GONE.format("amount"),
        ("src_column_renamed", "amount", "fix"),
    ),
    "renamed and retyped": (
        [A + "rename column amount to f17", A + "alter f17 type text using f17::text"],
        GONE.format("amount"),
        ("src_column_renamed", "amount", "fix"),
    ),
    "dropped, another came": (
        [A + "drop column amount cascade", A + "add column amount_net numeric(10, 2)"],
        GONE.format("amount"),
        ("src_column_dropped", "amount", "escalate"),
    ),
    "three bad numbers": (
        [A + "alter amount type text using amount::text", U + "amount = 'n/a' where id < 4"],
        'invalid input syntax for type numeric: "n/a"',
        ("src_type_changed", "amount", "fix"),
    ),
    "a comma": (
        [A + "alter amount type text using replace(amount::text, '.', ',')"],
        "operator does not exist: text / integer",
        ("src_type_changed", "amount", "escalate"),
    ),
    "day first": (
        [A + "alter ordered_at type text using to_char(ordered_at, 'DD/MM/YYYY HH24:MI:SS')"],
        'date/time field value out of range: "31/01/2026"',
        ("src_date_format", "ordered_at", "fix"),
    ),
    "epoch": (
        [A + "alter ordered_at type bigint using extract(epoch from ordered_at)::bigint"],
        "cannot cast type bigint to timestamp without time zone",
        ("src_date_format", "ordered_at", "fix"),
    ),
    "no table": (
        ["drop table raw.orders cascade"],
        'relation "raw.orders" does not exist',
        ("source_table_missing", "", "escalate"),
    ),
    "zero": (
        [U + "quantity = 0 where id < 4"],
        "division by zero",
        ("division_by_zero", "quantity", "escalate"),
    ),
}
VIEWS_GONE = "drop view if exists main.stg_orders, main.named_orders cascade"


@pytest.mark.parametrize("fault", SHAPE_FAULTS)
def test_a_fault_of_shape(fault: str, shop: Any, live: Live) -> None:
    statements, message, (cls, column, decision) = SHAPE_FAULTS[fault]
    broken(shop, *([] if fault == "zero" else [VIEWS_GONE]), *statements)

    report = live.run(case_of(loud(message)))

    cause = report["finding"]["root_cause"]
    found = (report["finding"]["cls"], cause["node"], cause["column"] or "", report["decision"])
    assert found == (cls, ORDERS, column, decision), report
    assert bool(live.edits) is (decision == "fix")


@pytest.mark.parametrize(
    ("kind", "on", "column", "statements", "expected", "arguments"),
    [
        (
            "accepted_values", STG_ORDERS, "status", [U + "status = 'held' where id < 9"],
            ("accepted_values_violation", ORDERS, "status", "escalate"),
            {"values": ["open", "paid", "sent"]},
        ),
        (
            "accepted_values", STG_ORDERS, "status", [U + "status = 'Open' where status = 'open'"],
            ("category_case_change", ORDERS, "status", "fix"),
            {"values": ["open", "paid", "sent"]},
        ),
        (
            "unique", STG_ORDERS, "order_id",
            ["insert into raw.orders select * from raw.orders where id < 9"],
            ("duplicate_rows", ORDERS, "id", "escalate"), {},
        ),
        (
            "not_null", STG_ORDERS, "customer_id", [U + "customer_id = null where id < 9"],
            ("null_keys", ORDERS, "customer_id", "escalate"), {},
        ),
        (
            "relationships", STG_ORDERS, "customer_id", [U + "customer_id = 999 where id < 9"],
            ("orphan_keys", ORDERS, "customer_id", "escalate"),
            {"to": "ref('stg_customers')", "field": "customer_id", "parents": [STG_CUSTOMERS]},
        ),
        (
            "relationships", STG_ORDERS, "customer_id",
            [
                U + "customer_id = 41, _loaded_at = '2026-04-01 02:05' where id < 9",
            ],
            ("orphan_keys", ORDERS, "customer_id", "wait"),
            {"to": "ref('stg_customers')", "field": "customer_id", "parents": [STG_CUSTOMERS]},
        ),
        (
            "not_null", NAMED, "name", [U + "customer_id = 999 where id < 9"],
            ("orphan_keys", ORDERS, "customer_id", "escalate"), {},
        ),
    ],
    ids=["new", "case", "twice", "null", "orphan", "late parent", "lookup"],
)  # fmt: skip
def test_a_fault_of_rows(
    kind: str,
    on: str,
    column: str,
    statements: list[str],
    expected: tuple[str, str, str, str],
    arguments: dict[str, Any],
    shop: Any,
    live: Live,
) -> None:
    broken(shop, *statements)
    test = check(kind, on, column, **arguments)

    report = live.run(case_of(red(test, on), test))

    cause = report["finding"]["root_cause"]
    found = (report["finding"]["cls"], cause["node"], cause["column"], report["decision"])
    assert found == expected, report


NEWEST = "where ordered_at::date = (select max(ordered_at)::date from raw.orders)"


@pytest.mark.parametrize(
    ("statement", "change", "column"),
    [
        ("", "", ""),
        (U + f"amount = amount * 100 {NEWEST}", "unit_scale_change", "amount"),
        (f"delete from raw.orders {NEWEST} and id % 7 > 0", "volume_drop", ""),
        (U + f"customer_id = null {NEWEST}", "null_keys", "customer_id"),
    ],
    ids=["green", "unit", "volume", "nulls"],
)
def test_a_silent_change(statement: str, change: str, column: str, shop: Any, live: Live) -> None:
    if statement:
        broken(shop, statement)
    case = case_of(loud(""))

    found = silent_changes(
        live.connection,
        case.manifest,
        Invocation(),
        masked=lambda *_: (),
        before=lambda _: (),
        seconds=60,
    )

    figures = [signal.figures for incident in found for signal in incident.signals]
    assert [(f["change"], f["column"]) for f in figures] == ([(change, column)] if change else [])
    for incident in found:
        report = live.run(case_of(incident))
        assert (report["finding"]["cls"], report["decision"]) == (change, "escalate")
