"""Tokens to answer 20 standing questions on a 1,000-model project, beside dumping its nodes.

    python benchmarks/tokens.py [--models 1000] [--dbt-mcp PYTHON]

Four characters are a token. Every answer of ours is checked against what the generator knows. The
dump is every node of the manifest, which is what an engine without tools is given. With the Python
of an environment that has dbt-mcp (also AGENTIC_DBT_MCP) its local tools are asked the same where
they can answer. Exit code 1 when an answer is wrong, when ours cost more than a twentieth of the
dump, or more than a third of dbt-mcp's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tokens_project import DASHBOARD, RAW_ROWS, Known, commit, write_project

from agentic.history import record_invocation
from agentic.lineage import Graph
from agentic.policy import World
from agentic.project import (
    Manifest,
    Metadata,
    NodeResult,
    Repo,
    RunResults,
    find_project,
    load_manifest,
    read_target,
)
from agentic.records import Incident, dumps
from agentic.store import open_store, utc_now
from agentic.tools import Bench, registry_function
from agentic.warehouse import open_connection

OF_DUMP, OF_DBT_MCP = 1 / 20, 1 / 3
Answer = dict[str, Any]


class Question(NamedTuple):
    """A standing question, our call, what the answer must hold, and dbt-mcp's calls."""

    words: str
    tool: str
    given: dict[str, Any]
    right: Callable[[Answer], bool]
    theirs: tuple[tuple[str, dict[str, Any]], ...] = ()


def main() -> int:
    """Ask everything and print a table. Returns the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("--models", type=int, default=1000)
    options.add_argument("--dbt-mcp", default=os.environ.get("AGENTIC_DBT_MCP", ""))
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="agentic-tokens-") as name:
        folder = Path(name).resolve()
        known = write_project(folder, given.models)
        bench = open_bench(folder)
        node = pick(known)
        change(folder, known, node)
        asked = questions(known, bench.manifest, node)
        ours = [registry_function(q.tool)(bench, **q.given) for q in asked]
        bench.connection().close()
        theirs = ask_dbt_mcp(given.dbt_mcp, folder, asked)
        dump = cost({"nodes": _nodes(folder)})
    return report(asked, ours, theirs, dump)


def report(asked: list[Question], ours: list[Answer], theirs: list[int | None], dump: int) -> int:
    """The table, then the three sums that count. Returns the exit code."""
    wrong = []
    print("| question | tool | tokens | dbt-mcp |\n|---|---|---|---|")
    for question, answer, other in zip(asked, ours, theirs, strict=True):
        if not question.right(answer):
            wrong.append(question.words)
        cell = "" if other is None else f"{other:,}"
        print(f"| {question.words} | `{question.tool}` | {cost(answer):,} | {cell} |")
    mine = sum(map(cost, ours))
    both = [(cost(a), b) for a, b in zip(ours, theirs, strict=True) if b is not None]
    share = mine / (dump * len(asked))
    print(f"\n{len(asked) - len(wrong)} of {len(asked)} answers right; {mine:,} tokens together.")
    print(f"Dumping the nodes costs {dump:,} tokens a question: ours are 1/{1 / share:,.0f} of it.")
    for words in wrong:
        print(f"WRONG: {words}")
    if not both:
        print("dbt-mcp was not asked: name the Python of an environment that has it (--dbt-mcp).")
        return int(bool(wrong) or share > OF_DUMP)
    left, right = sum(a for a, _ in both), sum(b for _, b in both)
    print(
        f"Of the {len(both)} that dbt-mcp's local tools can answer: {left:,} tokens against "
        f"{right:,}, 1/{right / left:.1f}; the other {len(asked) - len(both)} it cannot."
    )
    return int(bool(wrong) or share > OF_DUMP or left / right > OF_DBT_MCP)


def cost(value: object) -> int:
    """Tokens of a value as JSON."""
    return -(-len(dumps(value)) // 4)


def _nodes(folder: Path) -> dict[str, Any]:
    manifest = json.loads((folder / "target" / "manifest.json").read_text())
    return {**manifest["nodes"], **manifest["sources"], **manifest["exposures"]}


def open_bench(folder: Path) -> Bench:
    """The tools' bench over the project, with a past of three invocations."""
    project = find_project(folder, profiles_dir=folder)
    manifest = load_manifest(project.manifest_path)
    target = read_target(project)
    store = open_store(folder, project="shop", clock=utc_now)
    for day in (1, 2, 3):
        record_invocation(store, manifest, _results(manifest, day))
    connection = open_connection(target, project_root=folder)
    relations = {
        f"{one.schema}.{one.alias}": () for one in manifest.all.values() if one.relation_name
    }
    return Bench(
        project=project,
        manifest=manifest,
        graph=Graph(manifest),
        dialect="duckdb",
        incident=Incident("i", "run_error", "", "", "f"),
        connection=lambda: connection,
        repo=Repo.open(folder),
        world=World(relations=relations, default_schema="main", default_database="shop"),
        history=store,
    )


def _results(manifest: Manifest, day: int) -> RunResults:
    """Node number n takes n / 100 seconds; on the third day the last one fails."""
    models = [uid for uid in manifest.nodes if uid.startswith("model.")]
    models.sort(key=_number)
    results = [
        NodeResult(
            unique_id=uid,
            status="error" if day == 3 and uid == models[-1] else "success",
            message="Binder Error: no column x" if day == 3 and uid == models[-1] else "OK",
            execution_time=number / 100,
        )
        for number, uid in enumerate(models)
    ]
    head = Metadata(generated_at=f"2026-01-0{day}T06:00:00Z", invocation_id=f"{day}" * 32)
    return RunResults(metadata=head, results=results, args={"which": "build"})


def _number(uid: str) -> int:
    return int(uid.rpartition("_")[2])


def pick(known: Known) -> str:
    """A node in the middle: some ancestors, some descendants, and a column of another's."""
    nodes = list(known.made.truth)
    middle = [*nodes[len(nodes) // 2 :], *nodes]
    for fewest in (20, 5):
        for uid in middle:
            sizes = len(known.above(uid)), len(known.below(uid))
            if fewest <= sizes[0] <= 80 and 2 <= sizes[1] <= 80 and _renamed(known, uid):
                return uid
    raise SystemExit("the generator made no such node")


def _renamed(known: Known, uid: str) -> str:
    """A column that is one parent's column, whatever it is called there."""
    found = (
        column
        for column, origins in known.made.truth[uid].items()
        if [kind for *_, kind in origins] in (["renamed"], ["unchanged"])
    )
    return next(found, "")


def change(folder: Path, known: Known, node: str) -> None:
    """Commit a change to the node's nearest parent that is a model."""
    parent = next(uid for uid in known.above(node) if uid.startswith("model."))
    (file,) = (folder / "models").rglob(f"{parent.rpartition('.')[2]}.sql")
    file.write_text(file.read_text() + "-- looked over\n")
    commit(folder, "look over")


def questions(known: Known, manifest: Manifest, node: str) -> list[Question]:
    """The twenty, about the project and about one node."""
    name = node.rpartition(".")[2]
    return [*_about_project(known, manifest), *_about_node(known, node, name)]


def _about_project(known: Known, manifest: Manifest) -> list[Question]:
    models = sum(uid.startswith("model.") for uid in manifest.nodes)
    table, columns = next(iter(known.made.schemas.items()))
    table_name = table.rpartition(".")[2]
    used = min(known.made.schemas, key=lambda uid: abs(len(known.below(uid)) - 60))
    hub = max(known.made.truth, key=lambda uid: (len(known.children[uid]), uid))
    most = max(len(children) for children in known.children.values())
    rare = next(c for cs in reversed(known.made.truth.values()) for c in cs if c[-1].isdigit())
    holders = {uid for uid, columns in known.made.truth.items() if rare in columns}
    last = max(known.made.truth, key=_number)
    select = "select column_name, data_type from information_schema.columns where table_name = "
    filled = f"select count(*), count(amount), count(distinct amount) from raw.{table_name}"
    return [
        Question(
            "What is this project?",
            "system_map",
            {},
            lambda a: (
                a["counts"]["model"] == models and a["sources"]["erp"] == len(known.made.schemas)
            ),
            (("list", {}),),
        ),
        Question(
            "Which nodes does most depend on?",
            "system_map",
            {},
            lambda a: max(a["most_depended_on"].values()) == most and hub in a["most_depended_on"],
        ),
        Question(
            f"Where is column {rare}?",
            "catalog_search",
            {"text": rare},
            lambda a: holders <= {m["node"] for m in a["matches"]} or a["total"] >= len(holders),
        ),
        Question(
            f"Which columns does {table_name} have now?",
            "get_schema",
            {"node": table},
            lambda a: list(a["columns"]) == list(columns),
            (("show", {"sql_query": f"{select}'{table_name}'", "limit": 50}),),
        ),
        Question(
            f"How many nulls has {table_name}.amount?",
            "profile_column",
            {"node": table, "columns": ["amount"]},
            lambda a: a["rows"] == RAW_ROWS and a["columns"]["amount"]["nulls"] == RAW_ROWS // 4,
            (("show", {"sql_query": filled}),),
        ),
        Question(
            f"What is built from {used.rpartition('.')[2]}, how far away?",
            "lineage_downstream",
            {"node": used, "kind": "model"},
            lambda a: a["total"] == len(known.below(used)) and _same(a, known.below(used)),
            (("get_lineage_dev", {"unique_id": used, "types": ["model"], "depth": 0}),),
        ),
        Question(
            "Which invocations failed, and where?",
            "run_history",
            {},
            lambda a: a["invocations"][0]["failed"] == [last] and a["invocations"][1]["green"],
        ),
        Question(
            "Which nodes are slowest?",
            "query_metrics",
            {},
            lambda a: a["nodes"][0]["node"] == last,
        ),
    ]


def _about_node(known: Known, node: str, name: str) -> list[Question]:
    above = known.above(node)
    column = _renamed(known, node)
    ((origin, source_column, _kind),) = known.made.truth[node][column]
    roots = sorted(uid for uid in above if uid.startswith("source."))
    parent = next(uid for uid in above if uid.startswith("model."))
    guarded = known.tested[0]
    reaches = known.above(known.shown)
    details = ("get_node_details_dev", {"node_id": name})
    near = {"unique_id": node, "depth": 1}
    everything = {"unique_id": node, "depth": 0}
    return [
        Question(
            f"Where is {name}?",
            "catalog_search",
            {"text": name, "kind": "model"},
            lambda a: (
                a["matches"][0]["node"] == node and a["matches"][0]["path"].endswith(f"{name}.sql")
            ),
            (details,),
        ),
        Question(
            f"What is {name}, without its code?",
            "get_node",
            {"node": node, "code": False},
            lambda a: (
                a["parents"] == sorted(known.parents[node])
                and list(a["declared_columns"]) == list(known.made.truth[node])
            ),
            (details,),
        ),
        Question(
            f"Who owns {name}?",
            "catalog_search",
            {"text": name, "kind": "model"},
            lambda a: a["matches"][0]["owner"] == known.owner[node],
            (details,),
        ),
        Question(
            f"What does {name} read directly?",
            "lineage_upstream",
            {"node": node, "depth": 1},
            lambda a: sorted(a["nodes"]["1"]) == sorted(known.parents[node]),
            (("get_lineage_dev", near),),
        ),
        Question(
            f"What is above {name}, how far away?",
            "lineage_upstream",
            {"node": node},
            lambda a: _same(a, above),
            (("get_lineage_dev", everything),),
        ),
        Question(
            f"Which raw tables feed {name}?",
            "lineage_upstream",
            {"node": node, "kind": "source"},
            lambda a: sorted(u for us in a["nodes"].values() for u in us) == roots,
            (("list", {"node_selection": f"+{name}", "resource_type": ["source"]}),),
        ),
        Question(
            f"Which tests guard {guarded.rpartition('.')[2]}?",
            "lineage_downstream",
            {"node": guarded, "kind": "test", "depth": 1},
            lambda a: a["total"] == 2,
            (
                (
                    "list",
                    {"node_selection": guarded.rpartition(".")[2], "resource_type": ["test"]},
                ),
            ),
        ),
        Question(
            f"Where does {name}.{column} come from?",
            "column_lineage",
            {"node": node, "column": column},
            lambda a: (
                [
                    (e["node"], e["column"])
                    for e in a["upstream"]
                    if e["kind"] not in ("filter", "join")
                ]
                == [(origin, source_column)]
            ),
        ),
        Question(
            f"What breaks when {name}.{column} goes?",
            "impact",
            {"node": node, "column": column},
            lambda a: _same_columns(a, known, node, column),
        ),
        Question(
            f"Does a dashboard show {parent.rpartition('.')[2]}?",
            "impact",
            {"node": parent},
            lambda a: bool(a["exposures"]) == (parent in reaches or parent == known.shown),
            (
                (
                    "get_lineage_dev",
                    {"unique_id": parent, "types": ["exposure", "model"], "depth": 0},
                ),
            ),
        ),
        Question(
            f"What changed lately above {name}?",
            "recent_changes",
            {"node": node},
            lambda a: [c["of"] for c in a["changes"]] == [parent],
        ),
        Question(
            "Which dashboards are there?",
            "catalog_search",
            {"text": DASHBOARD, "kind": "exposure"},
            lambda a: [m["node"] for m in a["matches"]] == [f"exposure.shop.{DASHBOARD}"],
            (("list", {"resource_type": ["exposure"]}),),
        ),
    ]


def _same_columns(answer: Answer, known: Known, node: str, column: str) -> bool:
    """The columns made of a column, by following the generator's origins; all, or the first."""
    truth, before = {(node, column)}, 0
    while len(truth) > before:
        before = len(truth)
        truth |= {
            (uid, name)
            for uid, columns in known.made.truth.items()
            for name, origins in columns.items()
            if any((origin, source) in truth for origin, source, _ in origins)
        }
    told = {(one["node"], one["column"]) for one in answer["columns"]}
    return told <= truth - {(node, column)} and answer["total"] == len(truth) - 1


def _same(answer: Answer, truth: dict[str, int]) -> bool:
    """The nodes of a lineage answer by distance; where it was cut, what it has is right."""
    told = {uid: int(far) for far, uids in answer["nodes"].items() for uid in uids}
    right = all(truth.get(uid) == far for uid, far in told.items() if uid in truth)
    return right and len(told) == min(answer["total"], int(answer.get("more", 10**9)))


_ASK = """
import json, sys
from dbt_mcp.config.config import DbtCliConfig
from dbt_mcp.dbt_cli.tools import create_dbt_cli_tool_definitions
from dbt_mcp.dbt_cli.binary_type import BinaryType
project, dbt, asked = json.load(sys.stdin)
config = DbtCliConfig(project, dbt, 600, BinaryType.DBT_CORE, project)
tools = {t.name or t.fn.__name__: t.fn for t in create_dbt_cli_tool_definitions(config)}
tools["list"] = tools.get("list") or tools["ls"]
import inspect
answers = []
for calls in asked:
    said = []
    for name, given in calls:
        defaults = {
            key: getattr(p.default, "default", p.default)
            for key, p in inspect.signature(tools[name]).parameters.items()
        }
        said.append(tools[name](**{**defaults, **given}))
    answers.append(said)
json.dump(answers, sys.stdout)
"""


def ask_dbt_mcp(python: str, folder: Path, asked: list[Question]) -> list[int | None]:
    """Tokens of dbt-mcp's answers; None where it cannot answer or is not here."""
    if not python:
        return [None] * len(asked)
    dbt = str(Path(sys.executable).parent / "dbt")
    given = json.dumps([str(folder), dbt, [question.theirs for question in asked]])
    done = subprocess.run(
        [python, "-c", _ASK], input=given, capture_output=True, text=True, check=False, timeout=1800
    )
    if done.returncode:
        raise SystemExit(f"dbt-mcp failed:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout[done.stdout.index("[[") :])
    return [cost(answer) if answer else None for answer in found]


if __name__ == "__main__":
    sys.exit(main())
