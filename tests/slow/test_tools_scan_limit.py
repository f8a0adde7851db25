"""A statement whose scan is larger than `sql.max_bytes_scanned` is refused before it runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pytest

from agentic.policy import World
from agentic.project import Target
from agentic.tools import Bench, ToolError, registry_function
from agentic.warehouse import open_connection

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("limit", "allowed"), [(8_000, True), (7_999, False), (0, False)])
def test_the_plan_is_asked_first(tmp_path: Path, limit: int, allowed: bool) -> None:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as made:
        made.execute("create table orders as select range as id from range(1000)")
    target = Target(
        name="dev",
        adapter="duckdb",
        schema="main",
        database="shop",
        settings={"type": "duckdb", "path": "shop.duckdb"},
    )
    nothing = cast(Any, SimpleNamespace(node=""))
    with open_connection(target, project_root=tmp_path) as connection:
        limits = SimpleNamespace(sql_max_rows=10, sql_timeout_s=5.0, sql_max_bytes_scanned=limit)
        bench = Bench(
            nothing,
            nothing,
            nothing,
            "duckdb",
            nothing,
            lambda: connection,
            world=World({"main.orders": ["id"]}, default_schema="main"),
            guardrails=limits,
        )
        run_sql = registry_function("run_sql")
        if allowed:
            assert run_sql(bench, sql="select sum(id) as s from orders")["rows"] == [[499500]]
        else:
            with pytest.raises(ToolError, match=r"RESOURCE_ABUSE.*8,000 bytes"):
                run_sql(bench, sql="select sum(id) as s from orders")
        assert run_sql(bench, sql="select 1 as one")["rows"] == [[1]]
