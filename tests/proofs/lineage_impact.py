"""What the impact of a change says before dbt does, against a build that has all changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb

from agentic.lineage import Consequences, Graph, changes_of, column_lineage, consequences
from agentic.project import Manifest, load_manifest
from tests.proofs.registry import Outcome, proof
from tests.support import branches
from tests.support.branches import Change
from tests.support.tiny import clean_environment

Values = dict[tuple[str, str], str]
"""(node, column in lower case) -> type and values, as text."""
_QUIET = ("add", "comment", "alias")


@proof(
    "lineage_impact",
    "50 generated changes on independent branches of one project: which nodes cannot be built, "
    "which columns and rows change and that nothing else does, said before one real build.",
)
def fifty(folder: Path) -> Outcome:
    return predicted(folder, 50)


def predicted(folder: Path, count: int) -> Outcome:
    """Predict `count` changes, build them all at once, compare."""
    branches.write(folder, count)
    build(folder)
    manifest = load_manifest(folder / "target" / "manifest.json")
    before = values_of(folder, manifest)
    told = {change: told_of(change, manifest) for change in branches.changes(count)}

    branches.load(folder, count)
    for change in told:
        (folder / branches.staging(change.branch)).write_text(
            branches.staged(change.branch, change), encoding="utf-8"
        )
    statuses = build(folder)
    after = values_of(folder, manifest)
    broken = [
        f"branch {change.branch}, {change.kind} {change.column}: {line}"
        for change, found in told.items()
        for line in contradictions(change, found, manifest, (before, after), statuses)
    ]
    failed = sum(status == "error" for status in statuses.values())
    figures: dict[str, object] = {
        "changes": count,
        "breaking": sum(found.verdict == "breaking" for found in told.values()),
        "nodes that dbt could not build": failed,
        "foretold": sum(len(found.fails) for found in told.values()),
    }
    return Outcome(figures, broken)


def told_of(change: Change, manifest: Manifest) -> Consequences:
    """What agentic says of one change."""
    path = branches.staging(change.branch)
    raw = ("id", "grp", "amount", "price", "happened", "note")
    schemas = {uid: dict.fromkeys(raw, "") for uid in manifest.sources}
    graph = Graph(manifest)
    uid = f"model.branches.stg_{change.branch}"
    lineage = column_lineage(
        manifest, schemas=schemas, dialect="duckdb", only=[uid, *graph.descendants(uid)]
    )
    found = changes_of(
        {path: branches.staged(change.branch)},
        {path: branches.staged(change.branch, change)},
        manifest=manifest,
        lineage=lineage,
        dialect="duckdb",
    )
    return consequences(found, manifest=manifest, graph=graph, lineage=lineage, dialect="duckdb")


def contradictions(
    change: Change,
    found: Consequences,
    manifest: Manifest,
    values: tuple[Values, Values],
    statuses: dict[str, str],
) -> list[str]:
    """Where the build says something else."""
    before, after = values
    names = [f"model.branches.{name}_{change.branch}" for name in ("stg", "mid", "end")]
    failed = {uid for uid in names if statuses.get(uid) == "error"}
    built = [uid for uid in names if statuses.get(uid) == "success"]
    moved = {end for end in before if end[0] in built and after.get(end) != before[end]}
    own = {
        (names[0], one.column)
        for change_ in found.changes
        for one in change_.difference.columns
        if one.kind != "added"
    }
    claimed = own | {(one.node, one.column) for one in found.columns}
    claimed |= {end for end in before if end[0] in found.rows}
    lines = []
    quiet = change.kind in _QUIET
    if (found.verdict == "non_breaking") != quiet:
        lines.append(f"called {found.verdict}")
    if quiet and change.kind != "add" and any(one.change != "none" for one in found.changes):
        lines.append("called a change")
    may = set(found.contracts) if change.kind in ("retype", "expression") else set()
    if failed - may != set(found.fails) - may:
        lines.append(f"dbt could not build {sorted(failed)}, foretold {list(found.fails)}")
    if moved - claimed:
        lines.append(f"changed unforetold: {sorted(moved - claimed)}")
    sure = own | {
        (one.node, one.column)
        for one in found.columns
        if one.kind == "unchanged" and one.column == change.column and one.node in built
    }
    still = {end for end in sure - moved if end[0] in built}
    if still and change.kind != "filter":
        lines.append(f"foretold but the same: {sorted(still)}")
    if found.verdict == "breaking" and not (failed or moved):
        lines.append("called breaking, and nothing changed")
    return lines


def build(folder: Path) -> dict[str, str]:
    """`dbt build`; statuses by `unique_id`."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "build", "--profiles-dir", "."],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    file = folder / "target" / "run_results.json"
    assert file.is_file(), done.stdout[-2000:]
    results = json.loads(file.read_text(encoding="utf-8"))["results"]
    return {one["unique_id"]: one["status"] for one in results}


def values_of(folder: Path, manifest: Manifest) -> Values:
    """Every column of every node there is."""
    found: Values = {}
    with duckdb.connect(str(folder / "branches.duckdb"), read_only=True) as session:
        for uid, node in manifest.nodes.items():
            if node.resource_type != "model":
                continue
            try:
                kinds = session.execute(f"describe {node.relation_name}").fetchall()
                rows = session.execute(f"select * from {node.relation_name}").fetchall()
            except duckdb.Error:
                continue
            for at, (column, kind, *_) in enumerate(kinds):
                found[uid, column.lower()] = f"{kind} {sorted(repr(row[at]) for row in rows)}"
    return found
