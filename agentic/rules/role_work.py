"""What the keyless ways of roles share: whose columns there are, and saying more of them in YAML.

One run changes as many nodes as `limits.nodes_changed` allows; the rest is named for the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import msgspec

from agentic.lineage import ColumnLineage, column_lineage
from agentic.records import ToolCall
from agentic.rules.asking import Shape, ask, shapes_of, text_of
from agentic.rules.case import Case, Steps
from agentic.rules.hunks import edit_change
from agentic.rules.routines import standing_task
from agentic.rules.yaml_added import Place, Said, added, new_file

ROOTS = ("source.", "seed.")
MADE = ("model.", "snapshot.")
NAMED = 12
"""Names that one sentence lists."""


@dataclass
class Wish:
    """What is to be said of one node's columns, and why."""

    node: str
    said: list[Said] = field(default_factory=list)
    why: str = ""


@dataclass
class Done:
    """What became of wishes: nodes by what happened to them."""

    written: list[Wish] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """For the next run: the limit was reached."""
    refused: dict[str, str] = field(default_factory=dict)
    """Node -> why its file could not be changed."""

    def rest(self) -> str:
        """What is left, in words; empty when nothing is."""
        parts = []
        if self.left:
            parts.append(f"Left for the next run (limits.nodes_changed): {listed(self.left)}.")
        if self.refused:
            told = "; ".join(f"{label(uid)}: {why}" for uid, why in sorted(self.refused.items()))
            parts.append(f"Not written: {told[:1500]}.")
        return " ".join(parts)


def own_nodes(case: Case, *kinds: str) -> list[str]:
    """The project's own nodes of these kinds in lineage order, parents first; packages left out."""
    known = [
        uid
        for uid, node in case.manifest.all.items()
        if uid.startswith(kinds) and node.package_name == case.project
    ]
    depth: dict[str, int] = {}
    for uid in known:
        depth[uid] = len(case.graph.ancestors(uid))
    return sorted(known, key=lambda uid: (depth[uid], uid))


def asked_about(case: Case, nodes: Iterable[str]) -> list[str]:
    """Those that the request names, if it names any: `stg_orders`, `shop.orders`, a unique_id."""
    every = list(nodes)
    if case.incident.request == standing_task(case.role):
        return every
    words = set(re.findall(r"[\w.]+", case.incident.request.lower()))
    named = [uid for uid in every if {uid.lower(), label(uid).lower()} & words]
    return named or every


def traced(case: Case, shapes: Mapping[str, Shape]) -> ColumnLineage:
    """Column lineage of the whole project, on the live columns of what enters it."""
    schemas = {
        uid: {column.name: column.type for column in shape.columns.values()}
        for uid, shape in shapes.items()
        if uid.startswith(ROOTS) and shape.exists
    }
    return column_lineage(case.manifest, schemas=schemas, dialect=case.dialect)


def live_shapes(nodes: Iterable[str]) -> Steps[dict[str, Shape]]:
    """The live shapes of the nodes that are there."""
    found = yield from shapes_of(list(nodes))
    return {uid: shape for uid, shape in found.items() if shape.exists}


def write(case: Case, wishes: Iterable[Wish]) -> Steps[Done]:
    """Propose what the wishes say, as far as the limit lets them."""
    done = Done()
    files: set[str] = set()
    for wish in wishes:
        if not wish.said:
            continue
        if len(done.written) >= case.nodes_changed:
            done.left.append(wish.node)
            continue
        why = yield from _written(case, wish, files)
        if why:
            done.refused[wish.node] = why
        else:
            done.written.append(wish)
    return done


def _written(case: Case, wish: Wish, files: set[str]) -> Steps[str]:
    """Why it could not be said; empty when it was proposed."""
    place, path = place_of(case, wish.node)
    text = yield from text_of(path)
    if text is None:
        if wish.node.startswith("source.") or case.node(wish.node).patch_path or path in files:
            return f"{path} cannot be read"
        call = {"path": path, "text": new_file(place, _spelled(case, wish, "")), "why": wish.why}
        result = yield ToolCall(id="", name="create_model", input=call)
    else:
        after = added(text, place, _spelled(case, wish, text))
        change = edit_change(path, text, after, wish.why) if after is not None else None
        if change is None:
            return f"{path} is not written in a way that can be added to safely"
        result = yield ToolCall(id="", name=change.name, input=change.input)
    files.add(path)
    if result.decision is not None:
        return result.decision.reason
    if not result.is_error:
        return ""
    told = result.content.get("error") if isinstance(result.content, dict) else result.content
    # What looks like an address is masked where a file is read, so that its lines cannot be named.
    return f"{str(told)[:150]} (a masked value beside it?)"


def _spelled(case: Case, wish: Wish, text: str) -> list[Said]:
    """Arguments of tests as the file writes them, else as this dbt wants them."""
    flat = re.search(r"\b(?:relationships|accepted_values):", text) is not None
    if "arguments:" not in text and (flat or _version(case) < (1, 11)):
        return wish.said
    return [
        msgspec.structs.replace(one, tests=tuple(_with_arguments(test) for test in one.tests))
        for one in wish.said
    ]


def _with_arguments(test: str) -> str:
    first, *rest = test.split("\n")
    return "\n".join([first, "  arguments:", *(f"  {line}" for line in rest)]) if rest else test


def place_of(case: Case, uid: str) -> tuple[Place, str]:
    """How a node is described, and in which file; a new one beside its code where there is none."""
    node: Any = case.node(uid)
    config = _version(case) >= (1, 10)
    if uid.startswith("source."):
        source = uid.split(".")[2]
        return Place("sources", node.name, source, under_config=config), node.original_file_path
    kind = f"{uid.split('.', 1)[0]}s"
    described = str(node.patch_path or "").partition("://")[2]
    beside = PurePosixPath(node.original_file_path).with_suffix(".yml").as_posix()
    return Place(kind, node.name, under_config=config), described or beside


def _version(case: Case) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", case.manifest.metadata.dbt_version or "")
    return (int(found[1]), int(found[2])) if found else (1, 0)


def label(uid: str) -> str:
    """A node, or a node's column, as people call it."""
    kind, _, *rest = uid.split(".")
    return ".".join(rest[:2] if kind == "test" else rest) or uid


def listed(uids: Iterable[str]) -> str:
    """Names in a sentence, and how many more there are."""
    names = [label(uid) if uid.count(".") > 1 else uid for uid in uids]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def unlooked(case: Case, nodes: Iterable[str], shapes: Mapping[str, Shape]) -> list[str]:
    """Those whose relation is not there or could not be asked; what never is one is left out."""
    return [
        uid
        for uid in nodes
        if uid not in shapes and getattr(case.node(uid), "materialized", "") != "ephemeral"
    ]


def not_looked_at(names: Iterable[str]) -> str:
    """What nothing is claimed of, in words; empty when all was looked at."""
    kept = list(dict.fromkeys(names))
    return f"Not looked at: {listed(kept)}." if kept else ""


def counted(count: int, what: str) -> str:
    """`1 node`, `3 nodes`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def report(
    *, decision: str, title: str, rationale: str, said: Mapping[str, Any] | None, step: str = ""
) -> Steps[None]:
    """The last call of a role's way; `said` is an object of the role's output schema."""
    given = {
        "decision": decision,
        "title": title[:120],
        "rationale": rationale[:4000],
        "next_step": step[:2000],
    }
    yield from ask("submit_report", **given, **({"report": dict(said)} if said else {}))


def seen_at(text: str, *nodes: str) -> dict[str, Any]:
    """One fact of a report, cited by the nodes or columns where it is seen."""
    cited = [{"kind": "node", "ref": one} for one in nodes[:10]]
    return {"text": text[:2000], "citations": cited}
