"""Drives the rules over a real project: real dbt, real warehouse, real tools, no runtime."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from agentic.evals.faults import inject
from agentic.evals.injection import Injected
from agentic.evals.stage import Stage, copy_example
from agentic.exceptions import AgenticError
from agentic.lineage import Graph
from agentic.policy import World
from agentic.project import DbtOutcome, Repo, find_dbt, find_project, read_target, run_dbt
from agentic.records import ToolCall, ToolResult, dump, dumps, loads
from agentic.rules import Case, diagnose_and_fix
from agentic.tools import Bench, registry_function
from agentic.triggers import examine
from agentic.warehouse import Connection, open_connection


def answer(bench: Bench, call: ToolCall) -> ToolResult:
    """A tool's result as the boundary would give it, without guardrails."""
    try:
        content = registry_function(call.name)(bench, **call.input)
    except AgenticError as error:
        return ToolResult(call.id, {"error": error.message}, is_error=True)
    return ToolResult(call.id, loads(dumps(dump(content)), object))


def diagnosed(stage: Stage) -> list[Bench]:
    """The benches of every open incident after the rules are done; the earliest first."""
    project = find_project(stage.root, profiles_dir=stage.root, target=stage.target)
    found = examine(project, dbt=find_dbt(), graph_of=Graph)
    assert found.manifest is not None
    target = read_target(project)
    relations = {
        f"{node.schema}.{node.alias}": ()
        for uid, node in found.manifest.all.items()
        if uid.startswith(("source.", "seed.", "model.", "snapshot.")) and node.schema
    }
    world = World(
        relations=relations,
        default_schema=target.schema,
        default_database=target.database or "",
    )
    benches = []
    for incident in found.incidents:
        opened: list[Connection] = []

        def connection(opened: list[Connection] = opened) -> Connection:
            if not opened:
                opened.append(open_connection(target, project_root=project.root))
            return opened[0]

        bench = Bench(
            project=project,
            manifest=found.manifest,
            graph=Graph(found.manifest),
            dialect=target.relation_dialect,
            incident=incident,
            connection=connection,
            repo=Repo.open(project.root),
            world=world,
        )
        try:
            _drive(bench)
        finally:
            for one in opened:
                one.close()
        benches.append(bench)
    return benches


def _drive(bench: Bench, *, limit: int = 14) -> None:
    case = Case(bench.incident, bench.manifest, bench.graph, bench.dialect, bench.project.name)
    steps = diagnose_and_fix(case)
    call = next(steps)
    for _ in range(limit + 1):
        try:
            call = steps.send(answer(bench, call))
        except StopIteration:
            return
    raise AssertionError(f"more than {limit} tool calls")


def apply(stage: Stage, bench: Bench) -> None:
    """Write a proposal into the stage's tree, as a merge would."""
    for edit in bench.edits.values():
        file = stage.root / edit.path
        if edit.after is None:
            file.unlink()
        else:
            file.write_bytes(edit.after.encode())


def example(root: Path, *, target: str = "prod") -> Stage:
    """The daily sales example, committed, not loaded yet."""
    stage = copy_example("daily_sales", root, target=target)
    stage.commit("start")
    return stage


def dbt(stage: Stage, *args: str) -> DbtOutcome:
    """The user's dbt in the stage, with this process's environment (the server's address)."""
    given = [*args, "--profiles-dir", str(stage.root), "--target", stage.target]
    return run_dbt(find_dbt(), given, cwd=stage.root, env=dict(os.environ))


def load(stage: Stage, *args: str) -> None:
    subprocess.run(
        [sys.executable, "load.py", *args], cwd=stage.root, check=True, capture_output=True
    )


def broken(stage: Stage, fault: str, *, seed: int = 0) -> Injected:
    """Inject a fault and run what notices it."""
    injected = inject(fault, stage.root, profiles_dir=stage.root, target=stage.target, seed=seed)
    outcome = dbt(stage, *injected.command)
    assert outcome.exit_code, f"{fault} broke nothing"
    return injected


def right(bench: Bench, injected: Injected) -> bool:
    """Root cause, class and decision as the injection says."""
    report = bench.report
    if report is None:
        return False
    cause: Any = report.finding.root_cause
    return (
        report.finding.cls == injected.cls
        and cause.node == injected.node
        and report.decision == injected.expected_decision
        and (cause.column or "").lower() == (injected.column or cause.column or "").lower()
    )


def said(benches: list[Bench]) -> str:
    """What the rules said, for a failing assertion."""
    return "\n".join(f"{dump(b.report)}" for b in benches)


def postgres_environment(monkeypatch: Any, server: Any) -> str:
    """Point the example's target `pg` at a server; the URL for its loader."""
    for name, value in {
        "HOST": server.host,
        "PORT": str(server.port),
        "USER": server.user,
        "PASSWORD": server.password,
        "DATABASE": server.dbname,
    }.items():
        monkeypatch.setenv(f"DAILY_SALES_PG_{name}", value)
    os.environ.setdefault("PGCONNECT_TIMEOUT", "10")
    return (
        f"postgresql://{server.user}:{server.password}@{server.host}:{server.port}/{server.dbname}"
    )
