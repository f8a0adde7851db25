"""A dbt project that fights isolation: schema macro, snapshot schema, hooks, grants, subfolder."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from agentic.project import (
    Manifest,
    Project,
    Repo,
    Target,
    find_project,
    load_manifest,
    read_target,
)
from agentic.workspace import Workspace, open_workspace
from tests.support import warm

FILES = {
    "dbt_project.yml": """
name: shop
version: "1.0"
profile: shop
model-paths: [models]
snapshots:
  shop:
    +target_schema: snapshots
on-run-start:
  - create schema if not exists audit
  - create table if not exists audit.starts (n int)
on-run-end: insert into audit.starts values (1)
models:
  shop:
    +materialized: table
    +post-hook: insert into audit.starts values (2)
    staging:
      +materialized: view
    marts:
      +schema: marts
""",
    "macros/names.sql": """
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
{%- macro generate_database_name(custom_database_name=none, node=none) -%}
    {{ custom_database_name or target.database }}
{%- endmacro %}
""",
    "models/sources.yml": """
version: 2
sources:
  - name: shop
    schema: raw
    tables:
      - name: orders
      - name: customers
""",
    "models/staging/stg_orders.sql": """
select id as order_id, customer_id, amount, placed_at
from {{ source('shop', 'orders') }}
""",
    "models/staging/stg_customers.sql": """
select id as customer_id, name from {{ source('shop', 'customers') }}
""",
    "models/staging/staging.yml": """
version: 2
models:
  - name: stg_orders
    columns:
      - name: order_id
        data_tests: [unique, not_null]
  - name: stg_customers
    columns:
      - name: customer_id
        data_tests: [unique, not_null]
""",
    "models/marts/customer_orders.sql": """
select c.customer_id, c.name, count(o.order_id) as orders, sum(o.amount) as amount
from {{ ref('stg_customers') }} c
left join {{ ref('stg_orders') }} o on o.customer_id = c.customer_id
group by 1, 2
""",
    "models/marts/order_log.sql": """
{{ config(materialized='incremental', unique_key='order_id') }}
select order_id, amount, placed_at from {{ ref('stg_orders') }}
{% if is_incremental() %}
where placed_at > (select max(placed_at) from {{ this }})
{% endif %}
""",
    "models/marts/marts.yml": """
version: 2
models:
  - name: customer_orders
    columns:
      - name: customer_id
        data_tests: [unique, not_null]
  - name: order_log
    columns:
      - name: order_id
        data_tests:
          - unique:
              config: {store_failures: true}
""",
    "snapshots/orders_history.sql": """
{% snapshot orders_history %}
{{ config(target_schema='history', unique_key='order_id') }}
{{ config(strategy='check', check_cols=['amount']) }}
select order_id, amount from {{ ref('stg_orders') }}
{% endsnapshot %}
""",
    ".gitignore": "target/\nlogs/\ndbt_packages/\n*.duckdb\n*.wal\n.user.yml\n",
}

RAW = (
    "create schema raw",
    "create table raw.customers as select i as id, 'c' || i::text as name"
    " from generate_series(1, 5) r(i)",
    "create table raw.orders as select i as id, 1 + i % 5 as customer_id, i * 10 as amount,"
    " date '2026-01-01' + i::int as placed_at from generate_series(1, 20) r(i)",
)


class Shop:
    """The project on disk, built green once, with everything a test asks of it."""

    def __init__(self, folder: Path, output: dict[str, Any], *, subfolder: str = "") -> None:
        self.repository = folder / "repository"
        self.root = self.repository / subfolder
        self.profiles = folder / "profiles"
        self.home = folder / "home"
        for path, text in FILES.items():
            self.write(path, text)
        self.profiles.mkdir(parents=True)
        profile = {"shop": {"target": "dev", "outputs": {"dev": output}}}
        (self.profiles / "profiles.yml").write_text(json.dumps(profile))
        self.git("init", "-q", "-b", "main")
        self.commit("start")

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.lstrip("\n"))

    def git(self, *args: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        done = subprocess.run(
            ["git", *identity, *args],
            cwd=self.repository,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def dbt(self, *args: str) -> subprocess.CompletedProcess[str]:
        given = ["--no-send-anonymous-usage-stats", *args, "--profiles-dir", str(self.profiles)]
        return warm.dbt(given, cwd=self.root, env=os.environ)

    def build(self) -> None:
        done = self.dbt("build")
        assert done.returncode == 0, done.stdout

    @property
    def project(self) -> Project:
        return find_project(self.root, profiles_dir=self.profiles)

    @property
    def target(self) -> Target:
        return read_target(self.project)

    @property
    def repo(self) -> Repo:
        return Repo.open(self.root)

    @property
    def manifest(self) -> Manifest:
        return load_manifest(self.project.manifest_path)

    def open(self, run_id: str = "run", manifest: Manifest | None = None) -> Workspace:
        return open_workspace(
            self.project,
            self.repo,
            target=self.target,
            manifest=manifest or self.manifest,
            build_schemas=["agentic_*"],
            run_id=run_id,
            home=self.home,
        )

    def fingerprint(self) -> dict[str, str]:
        """Hashes of all that a workspace may not touch."""
        found = {
            str(path.relative_to(self.repository)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.repository.rglob("*"))
            if path.is_file() and ".git/" not in f"{path}" and ".agentic" not in path.parts
        }
        git = self.repository / ".git"
        found["index"] = hashlib.sha256((git / "index").read_bytes()).hexdigest()
        found["HEAD"] = (git / "HEAD").read_text()
        found["refs"] = self.git("for-each-ref")
        found["stash"] = self.git("stash", "list")
        found["worktrees"] = self.git("worktree", "list")
        return found

    def leftovers(self) -> list[str]:
        """What lies in the slots besides the lock and the parse cache."""
        slots = self.home.glob("*/*/*")
        return sorted(item.name for item in slots if item.name not in ("lock", "cache"))


def duckdb_output(folder: Path) -> dict[str, Any]:
    """A DuckDB file with the raw tables; its path is relative to the project, as users have it."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(folder / "shop.duckdb")) as session:
        for statement in RAW:
            session.execute(statement)
    return {"type": "duckdb", "path": str(folder / "shop.duckdb"), "schema": "dev", "threads": 2}


def duckdb_rows(folder: Path, *statements: str) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect(str(folder / "shop.duckdb")) as session:
        rows: list[tuple[Any, ...]] = []
        for statement in statements:
            rows = session.execute(statement).fetchall()
        return rows


CHILD = """
import sys
from pathlib import Path
from workspace_projects import Shop
shop = Shop.__new__(Shop)
shop.repository, shop.root, shop.profiles, shop.home = map(Path, sys.argv[1:5])
workspace = shop.open("killed")
workspace.build(["stg_orders", "customer_orders"], on_line=lambda _: print("line", flush=True))
"""
"""A process that builds in a workspace and says so; its arguments are the shop's folders."""


def environment() -> dict[str, str]:
    """For a child process that imports this file and agentic."""
    here = Path(__file__)
    return {**os.environ, "PYTHONPATH": f"{here.parent}:{here.parents[2]}"}
