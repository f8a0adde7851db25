"""From a red run_results.json to a finding: own CPU and questions to the warehouse, on 700 models.

    python benchmarks/diagnosis.py [--models 700] [--rounds 3]

The project is generated with its artifacts as dbt leaves them, dbt itself does not run. The own CPU
is that of `agentic diagnose`, its start included (RUSAGE_SELF). Exit code 1 when it is more than
three seconds, asks the warehouse more than fifteen times, or finds another root cause.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from lineage_project import DATABASE, MARTS, RAW, generate
from run_cost import MEASURED

from agentic.evals.stage import keyless_environment

MOST_CPU_S = 3.0
MOST_QUERIES = 15
BROKEN, COLUMN, OBSERVED = 3, "amount", "amount_value"
# Tools that ask the warehouse.
ASKING = {"get_schema", "profile_column", "run_sql", "explain_query", "freshness", "dbt_show"}


def main() -> int:
    """Measure and print a table. Returns the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("--models", type=int, default=700)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="agentic-bench-") as folder:
        root = Path(folder) / "shop"
        downstream = make_red(root, given.models)
        found = min((diagnosed(root) for _ in range(given.rounds)), key=lambda one: one["own_s"])
    print("| models | failed and skipped | own CPU s | questions to the warehouse | finding |")
    print("|---|---|---|---|---|")
    print(
        f"| {given.models} | {downstream} | {found['own_s']:.2f} | {found['asked']} | "
        f"{found['code']} {found['node']}.{found['column']} |"
    )
    right = (found["node"], found["column"]) == (f"source.shop.erp.table_{BROKEN}", COLUMN)
    return 0 if right and found["own_s"] <= MOST_CPU_S and found["asked"] <= MOST_QUERIES else 1


def make_red(root: Path, count: int) -> int:
    """A project whose last build failed in one node. Returns how many nodes did not run."""
    made = generate(count)
    manifest = made.manifest
    for uid, node in manifest["nodes"].items():
        node["raw_code"] = raw_code(node["compiled_code"], [uid, *node["depends_on"]["nodes"]])
        write(root / node["original_file_path"], node["raw_code"])
    write(root / "models" / "erp.yml", sources(manifest["sources"].values()))
    write(root / "dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\n")
    profile = {"type": "duckdb", "path": f"{DATABASE}.duckdb", "schema": MARTS}
    outputs = {"target": "dev", "outputs": {"dev": profile}}
    write(root / "profiles.yml", json.dumps({"shop": outputs}))
    land(root / f"{DATABASE}.duckdb", made.schemas)
    for command in (["init", "-q"], ["add", "models", "dbt_project.yml", "profiles.yml"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
    subprocess.run(["git", *identity, "commit", "-qm", "start"], cwd=root, check=True)
    results = red(manifest)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    about = {"generated_at": now, "invocation_id": "b", "dbt_version": "1.11.16"}
    manifest["metadata"] |= about
    write(root / "target" / "manifest.json", json.dumps(manifest))
    version = "https://schemas.getdbt.com/dbt/run-results/v6.json"
    said = {
        "metadata": about | {"dbt_schema_version": version},
        "args": {"which": "build", "target": "dev"},
        "elapsed_time": 1.0,
        "results": results,
    }
    write(root / "target" / "run_results.json", json.dumps(said))
    return len(results)


def raw_code(sql: str, relations: Iterable[str]) -> str:
    """Compiled SQL as a person wrote it."""
    for uid in relations:
        name = uid.rpartition(".")[2]
        if uid.startswith("source."):
            marker = "{{ source('erp', '" + name + "') }}"
            sql = sql.replace(f'"{DATABASE}"."{RAW}"."{name}"', marker)
        else:
            sql = sql.replace(f'"{DATABASE}"."{MARTS}"."{name}"', "{{ ref('" + name + "') }}")
    return sql


def sources(found: Iterable[dict[str, Any]]) -> str:
    tables = "".join(f"      - name: {one['name']}\n" for one in found)
    return f"version: 2\nsources:\n  - name: erp\n    schema: {RAW}\n    tables:\n{tables}"


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def land(file: Path, schemas: dict[str, dict[str, str]]) -> None:
    """The raw tables, a hundred rows each, one of them with a column that has another name."""
    with duckdb.connect(str(file)) as session:
        session.execute(f"create schema {RAW}")
        for uid, columns in schemas.items():
            name = uid.rpartition(".")[2]
            listed = ", ".join(f"'{c} ' || i as {c}" for c in columns)
            session.execute(f"create table {RAW}.{name} as select {listed} from range(100) t(i)")
        session.execute(f"alter table {RAW}.table_{BROKEN} rename {COLUMN} to {OBSERVED}")


def red(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """dbt's results: one node failed, all below it were skipped."""
    first = f"model.shop.stg_{BROKEN}"
    message = (
        f"Runtime Error in model stg_{BROKEN} (models/stg_{BROKEN}.sql)\n"
        f'  Binder Error: Referenced column "{COLUMN}" not found in FROM clause!\n'
        f'  Candidate bindings: "{OBSERVED}"'
    )
    reached, queue = {first}, [first]
    while queue:
        for child in manifest["child_map"][queue.pop()]:
            if child not in reached:
                reached.add(child)
                queue.append(child)
    shape = {"timing": [], "thread_id": "Thread-1", "execution_time": 0.1, "adapter_response": {}}
    return [
        shape
        | {
            "unique_id": uid,
            "status": "error" if uid == first else "skipped",
            "message": message if uid == first else None,
            "failures": None,
            "compiled": True,
        }
        for uid in sorted(reached)
    ]


def diagnosed(root: Path) -> dict[str, Any]:
    """One `agentic diagnose` in a process of its own: what it cost and found."""
    numbers = root.with_name("numbers.json")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, numbers, "diagnose", "--output", "json"],
        cwd=root,
        env=keyless_environment() | {"DBT_PROFILES_DIR": str(root), "AGENTIC_ENGINE": "rules"},
        capture_output=True,
        text=True,
        check=False,
    )
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    if len(runs) != 1:
        raise SystemExit(f"{len(runs)} runs\n{done.stderr[-2000:]}")
    finding = runs[0]["finding"]
    folder = root / "target" / "agentic" / "runs" / runs[0]["run_id"]
    said = json.loads((folder / "transcript.json").read_text())["transcript"]
    asked = sum(one["kind"] == "tool" and one["name"] in ASKING for one in said)
    return {
        **json.loads(numbers.read_text()),
        "asked": asked,
        "code": finding["code"],
        "node": finding["root_cause"]["node"],
        "column": finding["root_cause"]["column"],
    }


if __name__ == "__main__":
    sys.exit(main())
