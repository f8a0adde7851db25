"""Whose fault a red node is, when two faults are open and no second build can be made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agentic.checks import Companion, Subject
from agentic.checks.others import red_for_others
from agentic.lineage import Graph
from agentic.project import Manifest, Metadata, NodeResult, Project, RunResults
from agentic.records import (
    CompiledGuardrails,
    Edit,
    Finding,
    Incident,
    Proposal,
    RootCause,
    Rule,
    Signal,
)
from agentic.workspace import BuildOutcome, Workspace

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
    return Proposal(
        title="t", edits=(Edit(f"models/{name}.sql", "select 1 as a", "select 2 as a"),)
    )


class Second(Workspace):
    """A workspace in which both repairs together give the scripted statuses."""

    def __init__(self, statuses: dict[str, str]) -> None:
        self.statuses = statuses
        self.files: dict[str, str | None] = {}

    def write_files(self, files: Mapping[str, str | None]) -> None:
        self.files |= files

    def build(self, select: Sequence[str], **_: Any) -> BuildOutcome:
        assert sorted(self.files) == ["models/mine.sql", "models/theirs.sql"]
        rows = [
            NodeResult(unique_id=one, status=self.statuses[one.rsplit(".", 1)[-1]])
            for one in select
        ]
        return outcome(rows)

    def close(self) -> None:
        pass


def outcome(results: list[NodeResult], selected: tuple[str, ...] = ()) -> BuildOutcome:
    return BuildOutcome(
        variant="change",
        ok=False,
        exit_code=1,
        log="",
        manifest=manifest(),
        run_results=RunResults(metadata=Metadata(), results=results),
        selected=selected,
    )


def found(
    tmp_path: Path,
    before: dict[str, str],
    red: list[str],
    together: dict[str, str] | None = None,
) -> dict[str, str]:
    """The change repairs `mine`; another incident lies at `theirs`, whose repair is proposed too
    where `together` says what comes of both.
    """
    target = tmp_path / "target"
    target.mkdir()
    rows = [{"unique_id": uid(name), "status": status} for name, status in before.items()]
    (target / "run_results.json").write_text(
        json.dumps(
            {
                "metadata": {
                    "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
                    "dbt_version": "1.11.0",
                    "generated_at": "2026-01-01T00:00:00Z",
                },
                "results": rows,
                "args": {"which": "build"},
            }
        )
    )
    baseline = manifest()
    other = repair("theirs") if together is not None else None
    for name in PARENTS:
        file = tmp_path / f"models/{name}.sql"
        file.parent.mkdir(exist_ok=True)
        file.write_text("select 1 as a")
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
        guardrails=CompiledGuardrails(change_allow=(Rule("path:models", paths=("models",)),)),
        companions=(Companion("run-2", incident("theirs"), finding("theirs"), other),),
        second_workspace=(lambda: Second(together)) if together is not None else None,
    )
    results = [NodeResult(unique_id=uid(name), status="error") for name in red]
    built = outcome(results, (uid("mine"), uid("both")))
    return red_for_others(subject, built)


RED = {"mine": "error", "theirs": "error", "both": "skipped", "apart": "skipped"}


def test_what_lies_below_the_other_fault_alone_is_the_others(tmp_path: Path) -> None:
    assert found(tmp_path, RED, ["theirs", "apart"]) == {
        uid("theirs"): "run-2",
        uid("apart"): "run-2",
    }


def test_what_lies_below_both_is_not_excused_without_a_build_that_shows_it(tmp_path: Path) -> None:
    assert found(tmp_path, RED, ["mine", "both"]) == {}


def test_what_both_repairs_make_green_is_the_others(tmp_path: Path) -> None:
    assert found(tmp_path, RED, ["both"], {"both": "success"}) == {uid("both"): "run-2"}


def test_what_both_repairs_leave_red_is_this_ones_failure(tmp_path: Path) -> None:
    assert found(tmp_path, RED, ["both"], {"both": "error"}) == {}


def test_what_was_green_before_is_never_the_others(tmp_path: Path) -> None:
    assert found(tmp_path, {**RED, "apart": "success"}, ["apart"]) == {}
