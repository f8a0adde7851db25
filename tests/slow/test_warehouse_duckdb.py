"""The DuckDB connection against real files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from agentic.exceptions import WarehouseError, WarehouseLocked
from agentic.project import Target, load_manifest
from agentic.warehouse import Column, Connection, Relation, open_connection

pytestmark = pytest.mark.slow

FIXTURES = Path(__file__).parents[1] / "fixtures" / "artifacts"


def target_of(path: str = "shop.duckdb", schema: str = "main", **settings: Any) -> Target:
    return Target(
        name="dev",
        adapter="duckdb",
        schema=schema,
        database="shop",
        settings={"type": "duckdb", "path": path, **settings},
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as made:
        made.execute('create schema "Raw data"')
        made.execute(
            'create table "Raw data"."Order.lines" as select range::int id, '
            "range::decimal(10,2) amount, 'x' note from range(1000)"
        )
        made.execute('alter table "Raw data"."Order.lines" alter id set not null')
        made.execute('create view big as select id from "Raw data"."Order.lines" where id > 500')
        made.execute("create table payments as select 1 as id")
    return tmp_path


@pytest.fixture
def reader(root: Path) -> Iterator[Connection]:
    with open_connection(target_of(), project_root=root) as connection:
        yield connection


def test_columns_have_types_and_order_whatever_the_case(reader: Connection) -> None:
    expected = (
        Column("id", "INTEGER", False),
        Column("amount", "DECIMAL(10,2)", True),
        Column("note", "VARCHAR", True),
    )

    assert reader.columns(Relation(None, "Raw data", "Order.lines")) == expected
    assert reader.columns(Relation("SHOP", "raw DATA", "order.LINES")) == expected
    assert reader.columns(Relation("shop", "main", "big")) == (Column("id", "INTEGER"),)


@pytest.mark.parametrize(
    "relation",
    [
        Relation(None, "main", "Order.lines"),
        Relation("other", "main", "payments"),
        Relation(None, "nowhere", "payments"),
    ],
)
def test_a_relation_that_is_not_there_is_none(reader: Connection, relation: Relation) -> None:
    assert reader.columns(relation) is None


def test_a_node_leads_to_its_relation() -> None:
    manifest = load_manifest(FIXTURES / "dbt_1.11" / "manifest.json")

    source = Relation.of_node(manifest.sources["source.library.desk.loans"])

    assert source == Relation("library", "raw", "loan_rows")
    assert source.sql("duckdb") == '"library"."raw"."loan_rows"'


def test_relations_and_schemas_are_listed(reader: Connection) -> None:
    assert [str(found) for found in reader.relations()] == [
        "shop.Raw data.Order.lines",
        "shop.main.big",
        "shop.main.payments",
    ]
    assert [found.identifier for found in reader.relations("RAW DATA")] == ["Order.lines"]
    assert reader.schemas() == ("Raw data", "main")


def test_rows_are_capped_and_say_so(reader: Connection) -> None:
    rows = reader.query('select id, amount from "Raw data"."Order.lines" order by id', max_rows=2)

    assert rows.columns == ("id", "amount")
    assert rows.rows == ((0, Decimal("0.00")), (1, Decimal("1.00")))
    assert rows.truncated
    assert rows.as_dicts()[1] == {"id": 1, "amount": Decimal("1.00")}
    assert not reader.query("select 1 union all select 2", max_rows=2).truncated


def test_bytes_are_capped(reader: Connection) -> None:
    rows = reader.query("select repeat('x', 1000) from range(100)", max_bytes=5000)

    assert (len(rows.rows), rows.truncated) == (5, True)


@pytest.mark.parametrize(
    "statement",
    [
        "create table made as select 1",
        "delete from payments",
        "copy payments to '{root}/out.csv'",
        "export database '{root}/out'",
        "select * from read_csv('{root}/in.csv')",
        "select * from read_text('{root}/in.csv')",
        "select * from glob('{root}/*')",
        "attach '{root}/new.duckdb'",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "install httpfs",
    ],
)
def test_a_reader_cannot_write_nor_reach_files(
    reader: Connection, root: Path, statement: str
) -> None:
    (root / "in.csv").write_text("a\n1\n")

    with pytest.raises(WarehouseError):
        reader.query(statement.format(root=root))

    assert {file.name for file in root.iterdir()} == {"shop.duckdb", "in.csv"}
    assert reader.query("select count(*) from payments").rows == ((1,),)


def test_a_second_connection_of_this_process_is_as_restricted(root: Path) -> None:
    with (
        open_connection(target_of(), project_root=root) as first,
        open_connection(target_of(), project_root=root) as second,
    ):
        assert first.query("select 1").rows == second.query("select 1").rows
        with pytest.raises(WarehouseError):
            second.query("select * from glob('*')")


@pytest.mark.parametrize(
    ("sql", "estimate"),
    [
        pytest.param('select id, amount from "Raw data"."Order.lines"', 16_000, id="two-columns"),
        pytest.param("select id from big where id > 900", 8_000, id="behind-a-view"),
        pytest.param("select 1", 0, id="nothing"),
        pytest.param("describe payments", 0, id="reads-no-rows"),
        pytest.param("explain select id from payments", 0, id="explained"),
    ],
)
def test_a_scan_is_estimated_without_running_it(
    reader: Connection, sql: str, estimate: int
) -> None:
    assert reader.plan(sql).scan_bytes == estimate


def test_what_cannot_be_planned_is_an_error(reader: Connection) -> None:
    for sql in ("selct", "select no_such_column from payments", "select 1 from no_such_table"):
        with pytest.raises(WarehouseError):
            reader.plan(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select id from big",
        "select max(id) from big",
        "select count(*) from main.big",
        "select (select min(id) from big) as low",
        "summarize big",
        "with w as materialized (select * from big) select 1 from w",
    ],
)
def test_a_plan_names_what_a_view_stands_on(reader: Connection, sql: str) -> None:
    """Also where the optimizer answers from statistics and scans nothing."""
    assert reader.plan(sql).relations == ("raw data.order.lines",)


def test_a_plan_names_what_has_no_schema_in_the_text(reader: Connection) -> None:
    assert reader.plan("select * from PAYMENTS").relations == ("main.payments",)


def test_a_slow_statement_is_stopped_and_the_session_goes_on(reader: Connection) -> None:
    endless = "select count(*) from range(100000) a, range(10000000) b where a.range*b.range%7=3"

    with pytest.raises(WarehouseError, match="stopped after"):
        reader.query(endless, timeout_s=0.2)

    assert reader.query("select 1").rows == ((1,),)


def test_the_projects_file_is_never_opened_for_writing(root: Path) -> None:
    with pytest.raises(WarehouseError, match="only ever opened read-only"):
        open_connection(target_of(), project_root=root, writable=True)


def test_a_copy_can_be_written(root: Path) -> None:
    copy = root / "copy" / "shop.duckdb"
    copy.parent.mkdir()
    copy.write_bytes((root / "shop.duckdb").read_bytes())

    with open_connection(
        target_of(), project_root=root, writable=True, database_path=copy
    ) as writer:
        writer.execute("create table made as select 1 as a")
        assert writer.columns(Relation(None, "main", "made")) == (Column("a", "INTEGER"),)
        with pytest.raises(WarehouseError):
            writer.execute(f"copy made to '{root}/out.csv'")
    with open_connection(target_of(), project_root=root) as reader:
        assert reader.columns(Relation(None, "main", "made")) is None


def test_execute_is_refused_on_a_reader(reader: Connection) -> None:
    with pytest.raises(WarehouseError, match="read-only"):
        reader.execute("select 1")


def test_attached_files_can_be_read_and_not_written(root: Path) -> None:
    with duckdb.connect(str(root / "vendor.duckdb")) as made:
        made.execute("create table rates as select 2 as rate")
    target = target_of(attach=[{"path": "vendor.duckdb", "alias": "the vendor"}])

    with open_connection(target, project_root=root) as reader:
        assert reader.query('select rate from "the vendor".rates').rows == ((2,),)
        assert reader.columns(Relation("the vendor", "main", "rates")) is not None
        with pytest.raises(WarehouseError):
            reader.query('delete from "the vendor".rates')


def test_the_target_schema_is_the_default(root: Path) -> None:
    with open_connection(target_of(schema="Raw data"), project_root=root) as reader:
        assert reader.query('select count(*) from "Order.lines"').rows == ((1000,),)
    with open_connection(target_of(schema="not made yet"), project_root=root) as reader:
        assert reader.query("select 1").rows == ((1,),)


def test_settings_that_change_meaning_are_the_profiles(root: Path) -> None:
    target = target_of(settings={"TimeZone": "Asia/Tokyo", "s3_region": "eu"})

    with open_connection(target, project_root=root) as reader:
        assert reader.query("select current_setting('TimeZone')").rows == (("Asia/Tokyo",),)


def test_a_path_counts_from_the_project_else_from_here(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("project")
    monkeypatch.chdir(root)

    with open_connection(target_of(), project_root=elsewhere) as reader:
        assert reader.schemas() == ("Raw data", "main")
    with open_connection(target_of(str(root / "shop.duckdb")), project_root=elsewhere) as reader:
        assert reader.schemas() == ("Raw data", "main")


def test_a_file_that_another_process_writes_is_locked(root: Path) -> None:
    code = "import duckdb, sys; c = duckdb.connect('shop.duckdb'); print('open', flush=True); "
    holder = subprocess.Popen(
        [sys.executable, "-c", code + "sys.stdin.read()"],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(WarehouseLocked, match=f"process {holder.pid} ") as caught:
            open_connection(target_of(), project_root=root)
    finally:
        holder.kill()
        holder.communicate()

    assert "one writer" in caught.value.hint
    assert caught.value.where == str(root / "shop.duckdb")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param(target_of("nowhere.duckdb"), "no database file", id="missing"),
        pytest.param(target_of(":memory:"), "in-memory", id="memory"),
        pytest.param(target_of("md:shop"), "not built yet: DuckDB at md:shop", id="motherduck"),
        pytest.param(target_of("text.duckdb"), "not a valid DuckDB", id="no-database"),
        pytest.param(
            target_of(attach=[{"path": "x", "type": "sqlite"}]), "not built yet", id="attach-sqlite"
        ),
        pytest.param(target_of(attach=[{"path": "x"}]), "does not exist", id="attach-missing"),
    ],
)
def test_what_cannot_be_opened(root: Path, target: Target, message: str) -> None:
    (root / "text.duckdb").write_text("hello" * 5000)

    with pytest.raises(WarehouseError, match=message):
        open_connection(target, project_root=root)


def test_another_adapter_says_what_works() -> None:
    target = Target(name="x", adapter="snowflake", schema="s", database="d", settings={})

    with pytest.raises(WarehouseError, match="adapter snowflake; duckdb and postgres work"):
        open_connection(target, project_root=Path.cwd())


def test_a_target_that_lacks_a_variable_says_which() -> None:
    target = Target(
        name="x", adapter="duckdb", schema="s", database="d", settings={}, unresolved=("SHOP_PATH",)
    )

    with pytest.raises(WarehouseError, match="SHOP_PATH"):
        open_connection(target, project_root=Path.cwd())
