"""The generated project of `lineage_project` as files that dbt reads: tests, owners, an exposure, a
warehouse with its raw tables, and a remembered past, all known.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from lineage_project import MARTS, RAW, Project, generate

BIN = Path(sys.executable).parent
OWNERS = ("orders team", "finance team", "platform team")
RAW_ROWS = 40
DASHBOARD = "board"


class Known(NamedTuple):
    """What is true of the project, from its generator alone."""

    made: Project
    parents: dict[str, list[str]]
    children: dict[str, list[str]]
    owner: dict[str, str]
    tested: tuple[str, ...]
    """Nodes with two tests each."""
    shown: str
    """The node that the dashboard shows."""

    def above(self, uid: str) -> dict[str, int]:
        """Ancestors by distance."""
        return _reach(uid, self.parents)

    def below(self, uid: str) -> dict[str, int]:
        """Descendants by distance, tests and exposures left out."""
        return _reach(uid, self.children)


def write_project(folder: Path, count: int) -> Known:
    """Write the project with `count` models, and compile it."""
    made = generate(count)
    nodes, sources = made.manifest["nodes"], made.manifest["sources"]
    names = {node["relation_name"]: f"{{{{ ref('{node['name']}') }}}}" for node in nodes.values()}
    names |= {
        one["relation_name"]: f"{{{{ source('erp', '{one['name']}') }}}}"
        for one in sources.values()
    }
    owner: dict[str, str] = {}
    for number, (uid, node) in enumerate(nodes.items()):
        owner[uid] = OWNERS[number % len(OWNERS)]
        this = node["relation_name"]
        text = re.sub(
            r'"shop"\."\w+"\."\w+"',
            lambda found, this=this: "{{ this }}" if found[0] == this else names[found[0]],
            node["raw_code"],
        )
        _write(folder / "models" / _place(node["name"]), text + "\n")
    tested = tuple(uid for uid in nodes if "stg_" in uid)
    shown = list(nodes)[-1]
    _write(folder / "models" / "erp.yml", json.dumps(_sources(sources)))
    _write(folder / "models" / "nodes.yml", json.dumps(_models(nodes, owner, tested, made)))
    _write(folder / "models" / "board.yml", json.dumps(_exposure(nodes[shown]["name"])))
    _settings(folder)
    _raw_tables(folder, made)
    for command in (["git", "init", "-q"], ["git", "add", "-A"], [*_COMMIT, "start"]):
        subprocess.run(command, cwd=folder, check=True)
    subprocess.run([BIN / "dbt", "-q", "compile"], cwd=folder, check=True)
    parents: dict[str, list[str]] = made.manifest["parent_map"]
    children: dict[str, list[str]] = made.manifest["child_map"]
    return Known(made, parents, children, owner, tested, shown)


_COMMIT = ["git", "-c", "user.name=b", "-c", "user.email=b@example.com", "commit", "-q", "-m"]


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run([*_COMMIT, message], cwd=folder, check=True)


def _reach(uid: str, step: dict[str, list[str]]) -> dict[str, int]:
    found, waiting = {uid: 0}, deque([uid])
    while waiting:
        here = waiting.popleft()
        for other in step.get(here, []):
            if other not in found:
                found[other] = found[here] + 1
                waiting.append(other)
    found.pop(uid)
    return found


def _place(name: str) -> str:
    return f"staging/{name}.sql" if name.startswith("stg_") else f"marts/{name}.sql"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _settings(folder: Path) -> None:
    project = {
        "name": "shop",
        "version": "1.0",
        "config-version": 2,
        "profile": "shop",
        "models": {"shop": {"marts": {"+materialized": "table"}}},
        "flags": {"send_anonymous_usage_stats": False},
    }
    output = {"type": "duckdb", "path": "shop.duckdb", "schema": MARTS, "threads": 2}
    _write(folder / "dbt_project.yml", json.dumps(project))
    _write(
        folder / "profiles.yml",
        json.dumps({"shop": {"target": "dev", "outputs": {"dev": output}}}),
    )
    _write(folder / ".gitignore", "target/\nlogs/\n.agentic/\n*.duckdb\n.user.yml\n")


def _sources(sources: dict[str, Any]) -> dict[str, Any]:
    tables = [{"name": one["name"]} for one in sources.values()]
    return {"version": 2, "sources": [{"name": "erp", "schema": RAW, "tables": tables}]}


def _models(
    nodes: dict[str, Any], owner: dict[str, str], tested: tuple[str, ...], made: Project
) -> dict[str, Any]:
    models = []
    for uid, node in nodes.items():
        columns: list[dict[str, Any]] = [{"name": name} for name in made.truth[uid]]
        if uid in tested:
            columns[0] = {"name": columns[0]["name"], "data_tests": ["not_null", "unique"]}
        models.append(
            {
                "name": node["name"],
                "description": f"Rows of {node['name']}, one a record of its parents.",
                "config": {"meta": {"owner": owner[uid]}},
                "columns": columns,
            }
        )
    return {"version": 2, "models": models}


def _exposure(name: str) -> dict[str, Any]:
    board = {
        "name": DASHBOARD,
        "type": "dashboard",
        "owner": {"name": "board team", "email": "board@example.com"},
        "depends_on": [f"ref('{name}')"],
    }
    return {"version": 2, "exposures": [board]}


def _raw_tables(folder: Path, made: Project) -> None:
    with duckdb.connect(str(folder / "shop.duckdb")) as session:
        session.execute(f'create schema "{RAW}"')
        for uid, columns in made.schemas.items():
            items = ", ".join(
                f"case when i % 4 = 0 then null else '{name}' || i end as {name}"
                if name != "id"
                else "'k' || i as id"
                for name in columns
            )
            table = uid.rpartition(".")[2]
            session.execute(
                f'create table "{RAW}"."{table}" as select {items} from range({RAW_ROWS}) r(i)'
            )
