"""Whose fault a red node is, when two faults are open and no second build can be made."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from agentic.checks import Companion, Subject
from agentic.checks.others import red_for_others
from agentic.lineage import Graph
from agentic.project import Manifest, Metadata, NodeResult, Project, RunResults
from agentic.records import Edit, Finding, Incident, Proposal, RootCause, Signal
from agentic.workspace import BuildOutcome

# a -> mine -> both, b -> theirs -> both, theirs -> apart
PARENTS = {"mine": [], "theirs": [], "both": ["mine", "theirs"], "apart": ["theirs"]}


def uid(name: str) -> str:
    return f"model.shop.{name}"


def manifest() -> Manifest:
    nodes = {
        uid(name): {
            "unique_id": uid(name),
            "name": name,
            "resource_type": "model",
            "package_name": "shop",
            "original_file_path": f"models/{name}.sql",
            "depends_on": {"nodes": [uid(one) for one in above], "macros": []},
        }
        for name, above in PARENTS.items()
    }
    parents = {uid(name): [uid(one) for one in above] for name, above in PARENTS.items()}
    children = {one: [c for c, above in parents.items() if one in above] for one in nodes}
    given = {"metadata": {}, "nodes": nodes, "parent_map": parents, "child_map": children}
    return msgspec.convert(given, Manifest)


def incident(name: str) -> Incident:
    signal = Signal(kind="run_error", node=uid(name), message="broken")
    return Incident("i", "run_error", uid(name), "broken", "f", (signal,))


def finding(name: str) -> Finding:
    return Finding(
        code="AR012",
        cls="src_column_renamed",
        root_cause=RootCause(node=uid(name), column=None, observed=None),
        confidence=0.9,
        summary="",
    )


def repair(name: str) -> Proposal:
    return Proposal(title="t", edits=(Edit(f"models/{name}.sql", "select 1", "select 2"),))


def found(tmp_path: Path, before: dict[str, str], red: list[str]) -> dict[str, str]:
    """The change repairs `mine`; `theirs` is another incident without a repair."""
    target = tmp_path / "target"
    target.mkdir()
    results = [{"unique_id": uid(name), "status": status} for name, status in before.items()]
    (target / "run_results.json").write_text(
        json.dumps(
            {
                "metadata": {
                    "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
                    "dbt_version": "1.11.0",
                    "generated_at": "2026-01-01T00:00:00Z",
                },
                "results": results,
                "args": {"which": "build"},
            }
        )
    )
    baseline = manifest()
    subject = Subject(
        proposal=repair("mine"),
        project=Project(
            root=tmp_path,
            name="shop",
            profile="shop",
            target_path=target,
            packages_path=tmp_path / "dbt_packages",
        ),
        manifest=baseline,
        graph=Graph(baseline),
        dialect="duckdb",
        incident=incident("mine"),
        finding=finding("mine"),
        companions=(Companion("run-2", incident("theirs"), finding("theirs")),),
    )
    built = BuildOutcome(
        variant="change",
        ok=False,
        exit_code=1,
        log="",
        manifest=baseline,
        run_results=RunResults(
            metadata=Metadata(),
            results=[NodeResult(unique_id=uid(name), status="error") for name in red],
        ),
        selected=(uid("mine"), uid("both")),
    )
    return red_for_others(subject, built)


RED = {"mine": "error", "theirs": "error", "both": "skipped", "apart": "skipped"}


def test_what_lies_below_the_other_fault_alone_is_the_others(tmp_path: Path) -> None:
    assert found(tmp_path, RED, ["theirs", "apart"]) == {
        uid("theirs"): "run-2",
        uid("apart"): "run-2",
    }


def test_what_lies_below_both_is_not_excused_without_a_build_that_shows_it(tmp_path: Path) -> None:
    assert found(tmp_path, RED, ["mine", "both"]) == {}


def test_what_was_green_before_is_never_the_others(tmp_path: Path) -> None:
    assert found(tmp_path, {**RED, "apart": "success"}, ["apart"]) == {}
