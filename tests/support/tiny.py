"""A tiny dbt project on DuckDB in a git repository: real, and built in seconds."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.support import warm

FILES = {
    "dbt_project.yml": """\
name: tiny
version: "1.0"
config-version: 2
profile: tiny
model-paths: [models]
flags:
  send_anonymous_usage_stats: false
models:
  tiny:
    marts:
      +materialized: table
""",
    "models/sources.yml": """\
version: 2
sources:
  - name: raw
    schema: raw
    config: {meta: {owner: shop-data}}
    tables:
      - name: orders
""",
    "models/staging/stg_orders.sql": """\
select
    id as order_id,
    amount,
    ordered_at
from {{ source('raw', 'orders') }}
""",
    "models/staging/staging.yml": """\
version: 2
models:
  - name: stg_orders
    columns:
      - name: order_id
        data_tests: [unique, not_null]
      - name: amount
        data_tests: [not_null]
""",
    "models/marts/daily.sql": """\
select
    ordered_at,
    count(*) as orders,
    sum(amount) as revenue
from {{ ref('stg_orders') }}
group by ordered_at
""",
    "models/marts/marts.yml": """\
version: 2
models:
  - name: daily
    config: {meta: {owner: finance}}
    columns:
      - name: ordered_at
        data_tests: [unique, not_null]
""",
    ".gitignore": "target/\nlogs/\ndbt_packages/\n*.duckdb\n*.duckdb.wal\n.user.yml\n",
}

RAW = """
create schema raw;
create table raw.orders as
select
    i as id,
    (i * 7 % 50 + 1)::decimal(10, 2) as amount,
    date '2026-01-01' + (i % 5)::int as ordered_at
from range(1, 51) r(i);
"""


@dataclass
class Tiny:
    """The project, its database and its repository."""

    repo: Path
    root: Path
    database: Path
    profiles: Path

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements in the database; the rows of the last one."""
        with duckdb.connect(str(self.database)) as session:
            rows: list[tuple[Any, ...]] = []
            for statement in statements:
                rows = session.execute(statement).fetchall()
            return rows

    def dbt(self, *args: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Run dbt as a user would, in the project's folder."""
        given = [*args, "--profiles-dir", str(self.profiles)]
        done = warm.dbt(given, cwd=self.root, env=clean_environment())
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def agentic(
        self, *args: str, env: Mapping[str, str] | None = None, prelude: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run agentic in a process of its own; `prelude` is Python to run before it starts."""
        script = f"{prelude}\nfrom agentic.cli.entry import main\nmain()"
        return subprocess.run(
            [sys.executable, "-c", script, *args, "--profiles-dir", str(self.profiles)],
            cwd=self.root,
            env=clean_environment() | dict(env or {}),
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *args: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """`agentic run --output json ARGS`: its one object."""
        done = self.agentic("run", "--output", "json", *args, env=env)
        lines = done.stdout.splitlines()
        assert len(lines) == 1, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        found: dict[str, Any] = json.loads(lines[0])
        return found

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.repo, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()

    def fingerprint(self) -> dict[str, str]:
        """Hashes of everything that a run may not touch: tree, index, refs, stash, database,
        dbt's artifacts."""
        found = {
            str(file.relative_to(self.repo)): digest(file)
            for file in sorted(self.repo.rglob("*"))
            if file.is_file() and not _ours(file.relative_to(self.repo))
        }
        found["refs"] = "\n".join(
            line
            for line in self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
            if not line.startswith("refs/heads/agentic/")
        )
        found["HEAD"] = (self.repo / ".git" / "HEAD").read_text()
        found["index"] = self.git("ls-files", "--stage")
        found["stash"] = self.git("stash", "list")
        found["worktrees"] = self.git("worktree", "list")
        found["database"] = digest(self.database)
        return found


def _ours(path: Path) -> bool:
    """What agentic may write in a checkout, and git's own object files."""
    parts = path.parts
    return (
        ".git" in parts
        or ".agentic" in parts
        or ("target" in parts and "agentic" in parts)
        or path.name == "agentic.log"
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def clean_environment() -> dict[str, str]:
    """The environment without keys, and without what the caller's dbt or agentic were told."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "DBT_", "AGENTIC_", "OPENLINEAGE_"))
    }


def make_tiny(folder: Path, *, subfolder: str = "", files: Mapping[str, str] | None = None) -> Tiny:
    """A committed project with its raw data landed; not built yet."""
    repo = folder / "repo"
    root = repo / subfolder if subfolder else repo
    database = folder / "tiny.duckdb"
    profiles = folder / "profiles"
    tiny = Tiny(repo, root, database, profiles)
    for path, text in (FILES | dict(files or {})).items():
        tiny.write(path, text)
    write_profile(tiny)
    tiny.sql(*(part for part in RAW.split(";") if part.strip()))
    subprocess.run(["git", "init", "-q", "-b", "main", str(repo)], check=True)
    tiny.git("config", "user.name", "Tess Ter")
    tiny.git("config", "user.email", "tess@example.com")
    tiny.git("add", "-A")
    tiny.git("commit", "-q", "-m", "start")
    return tiny


def copy_tiny(one: Tiny, folder: Path) -> Tiny:
    """A copy elsewhere, as it stands: database, artifacts, repository. Cheaper than two builds."""
    shutil.copytree(one.repo.parent, folder, symlinks=True, dirs_exist_ok=True)
    inside = one.root.relative_to(one.repo)
    copied = Tiny(
        folder / "repo", folder / "repo" / inside, folder / "tiny.duckdb", folder / "profiles"
    )
    copied.git("status", "--porcelain")  # refreshes the index, whose times moved with the copy
    write_profile(copied)
    return copied


def write_profile(tiny: Tiny) -> None:
    tiny.profiles.mkdir(exist_ok=True)
    (tiny.profiles / "profiles.yml").write_text(
        f"tiny:\n  target: dev\n  outputs:\n"
        f"    dev: {{type: duckdb, path: '{tiny.database}', schema: main, threads: 2}}\n"
    )


def rename_source_column(tiny: Tiny) -> None:
    """The fault of most tests: the vendor renames raw.orders.amount."""
    tiny.sql("alter table raw.orders rename column amount to amount_usd")
