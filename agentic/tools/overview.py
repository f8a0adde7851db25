"""Tools for finding one's way: what the project is, where things are, which node is meant."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath
from typing import Annotated, Any

from msgspec import Meta

from agentic.exceptions import AgenticError
from agentic.history import invocations
from agentic.project import Node, load_catalog
from agentic.tools.bench import Bench
from agentic.tools.compact import More, lean, moment, page
from agentic.tools.freshly import stale_files
from agentic.tools.registry import tool

_KINDS = "model source seed snapshot analysis exposure metric semantic_model saved_query function"
_WORD = re.compile(r"[A-Za-z0-9]+")
_TESTS = ("test.", "unit_test.", "operation.")


@tool(toolset="context", effect="read")
def system_map(bench: Bench) -> dict[str, Any]:
    """The project at a glance: layers with their folders, sources, what is tested, who owns what,
    the nodes that most depends on, packages, how old the artifacts are, and what may be stale."""
    manifest, own = bench.manifest, bench.project.name
    nodes = list(manifest.all.values())
    mine = [node for node in nodes if node.package_name in ("", own)]
    packages = Counter(n.package_name for n in nodes if n.package_name not in ("", own))
    return lean(
        {
            "project": own,
            "dbt": manifest.metadata.dbt_version,
            "warehouse": bench.dialect,
            "target": bench.project.target,
            "counts": dict(Counter(node.resource_type for node in nodes)),
            "layers": _layers(mine),
            "sources": _sources(bench),
            "tests_by_kind": _tests(nodes),
            "untested": _untested(bench, mine),
            "owners": dict(_owners(bench, mine).most_common(8)),
            "most_depended_on": _widest(bench),
            "packages": dict(packages.most_common(8)),
            "files": {
                "models": list(bench.project.model_paths),
                "macros": list(bench.project.macro_paths),
                "tests": list(bench.project.test_paths),
                "seeds": list(bench.project.seed_paths),
                "snapshots": list(bench.project.snapshot_paths),
            },
            "artifacts": _artifacts(bench),
        }
    )


def _layers(nodes: list[Node]) -> list[dict[str, Any]]:
    """Folders of models, with how many there are and how they are built."""
    folders: dict[str, Counter[str]] = {}
    for node in nodes:
        if node.resource_type not in ("model", "snapshot", "seed"):
            continue
        parts = PurePosixPath(node.original_file_path).parent.parts[:3]
        folders.setdefault("/".join(parts[:2]) or ".", Counter())[node.materialized or "other"] += 1
    return [{"folder": name, **dict(count)} for name, count in sorted(folders.items())][:30]


def _sources(bench: Bench) -> dict[str, int]:
    counts = Counter(one.source_name for one in bench.manifest.sources.values())
    return dict(counts.most_common(15))


def _tests(nodes: list[Node]) -> dict[str, int]:
    kinds = Counter(
        node.test_metadata.name if node.test_metadata else node.resource_type.replace("test", "sql")
        for node in nodes
        if node.resource_type == "test"
    )
    return dict(kinds.most_common(8))


def _untested(bench: Bench, nodes: list[Node]) -> int:
    kinds = ("model", "snapshot")
    return sum(n.resource_type in kinds and not bench.manifest.tests_of(n.unique_id) for n in nodes)


def _owners(bench: Bench, nodes: list[Node]) -> Counter[str]:
    found = (bench.manifest.owner_of(n.unique_id) for n in nodes if n.resource_type != "test")
    return Counter(owner for owner in found if owner)


def _widest(bench: Bench) -> dict[str, int]:
    """The nodes with most children that are no tests."""
    counts = {
        uid: sum(not child.startswith(_TESTS) for child in children)
        for uid, children in (bench.manifest.child_map or {}).items()
    }
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return {uid: count for uid, count in ranked[:5] if count > 1}


def _artifacts(bench: Bench) -> dict[str, Any]:
    stale = stale_files(bench)
    told: dict[str, Any] = {"manifest": moment(bench.manifest.metadata.generated_at)}
    try:
        catalog = load_catalog(bench.project.target_path / "catalog.json")
        told["catalog"] = moment(catalog.metadata.generated_at)
    except AgenticError as error:
        told["catalog"] = error.message
    known = invocations(bench.history, 1) if bench.history is not None else ()
    return {
        **told,
        **lean(
            {
                "last_build": moment(known[0].at) if known else None,
                "newer_than_manifest": stale[:8],
                "newer_total": len(stale) if len(stale) > 8 else None,
            }
        ),
    }


@tool(toolset="context", effect="read")
def catalog_search(
    bench: Bench,
    *,
    text: Annotated[str, Meta(description="words to look for", min_length=2)],
    kind: Annotated[str, Meta(description=f"only one of: {_KINDS}")] = "",
    more: More = "",
) -> dict[str, Any]:
    """Nodes whose name, columns, tags, owner or description hold the words, the best match first.

    Every word must be found; where no node has them all, those that have most of them come.
    """
    words = [word.lower() for word in _WORD.findall(text)] or [text.lower()]
    scored = []
    for uid, one in bench.manifest.all.items():
        if (kind and one.resource_type != kind) or (not kind and uid.startswith(_TESTS)):
            continue
        score, found, columns = _score(bench, one, words, text.lower().strip())
        if found:
            scored.append((found, score, uid, columns))
    best = len(words) if any(found == len(words) for found, *_ in scored) else 1
    ranked = sorted(
        (hit for hit in scored if hit[0] >= best), key=lambda hit: (-hit[0], -hit[1], hit[2])
    )
    rows = [_hit(bench, uid, columns) for _, _, uid, columns in ranked]
    named = bool(ranked) and bench.manifest.all[ranked[0][2]].name.lower() == text.lower().strip()
    # Who asks for a name that there is wants that node, and hears of the others.
    answer = page(rows, more, name="matches", tokens=80 if named and not more else 500)
    partly = {"note": "no node has every word"} if rows and best < len(words) else {}
    return {**answer, **partly}


def _score(bench: Bench, one: Node, words: list[str], whole: str) -> tuple[float, int, list[str]]:
    """Where each word was found, best place first; (score, words found, columns that matched)."""
    name = one.name.lower()
    parts = set(_WORD.findall(name))
    columns = [column.lower() for column in one.columns]
    described = f"{one.description or ''} {bench.manifest.owner_of(one.unique_id)}".lower()
    tags = " ".join(one.tags).lower()
    where = f"{one.unique_id} {one.original_file_path}".lower()
    score, found, matched = (50.0 if name == whole else 0.0), 0, []
    for word in words:
        places = (
            (10.0, word in parts),
            (6.0, word in name),
            (5.0, word in columns),
            (4.0, word in tags),
            (3.0, any(word in column for column in columns)),
            (2.0, word in described),
            (1.0, word in where),
        )
        points = next((value for value, hit in places if hit), 0.0)
        score, found = score + points, found + bool(points)
        matched += [column for column in columns if word in column and points <= 5.0]
    return score - len(name) / 1000, found, list(dict.fromkeys(matched))[:4]


def _hit(bench: Bench, unique_id: str, columns: list[str]) -> dict[str, Any]:
    one = bench.manifest.all[unique_id]
    return lean(
        {
            "node": unique_id,
            "path": one.original_file_path,
            "owner": bench.manifest.owner_of(unique_id),
            "columns": columns,
            "about": " ".join((one.description or "").split())[:100],
        }
    )
