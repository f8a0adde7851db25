"""Citations: what a report cites has to exist in this project or in this run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentic.history import invocations
from agentic.records import dumps
from agentic.tools.bench import Bench
from agentic.tools.paths import SKIPPED

KEY = "citations"
"""Under this key a report of any schema lists what it cites, each `{kind, ref}`."""
NODE_KEYS = frozenset({"node", "nodes", "depends_on", "impacted_assets"})
"""Of the standard schemas: these hold `unique_id`s."""
FAULTS = 8
NOT_A_QUERY = frozenset({"scratchpad", "submit_report", "diagnose"})
_LINE = re.compile(r"(?P<path>.+?):(?P<first>\d{1,7})(?:-(?P<last>\d{1,7}))?")
_WORD = re.compile(r"\w+")


def citation_faults(bench: Bench, report: object) -> list[str]:
    """What a report cites and is not there, a sentence each with its place."""
    found = [
        f"{place}: {why}"
        for place, kind, ref in cited(report)
        if (why := fault_of_citation(bench, kind, ref))
    ]
    if bench.output is None or bench.output.source == "standard":
        found += _unknown_nodes(bench, report)
    return found[:FAULTS]


def fault_of_citation(bench: Bench, kind: str, ref: str) -> str:
    """Why a citation does not hold; empty if it does."""
    check = _CHECKS.get(kind)
    return check(bench, ref) if check else f"{kind!r} is no kind of citation: {', '.join(_CHECKS)}"


def cited(value: object, place: str = "report") -> Iterator[tuple[str, str, str]]:
    """Every citation of a report: where it stands, its kind, and what it cites."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if key == KEY and isinstance(part, list):
                yield from _listed(part, f"{place}.{key}")
            else:
                yield from cited(part, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from cited(part, f"{place}[{number}]")


def _listed(items: list[Any], place: str) -> Iterator[tuple[str, str, str]]:
    for number, item in enumerate(items):
        if isinstance(item, Mapping):
            kind, ref = str(item.get("kind", "")), str(item.get("ref", ""))
        else:
            kind, ref = "", str(item)
        yield f"{place}[{number}]", kind, ref


def _unknown_nodes(bench: Bench, value: object, place: str = "report") -> Iterator[str]:
    """Nodes that a report of a standard schema names besides its citations."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            names = part if isinstance(part, list) else [part]
            if key in NODE_KEYS and all(isinstance(name, str) for name in names):
                yield from (
                    f"{place}.{key}: the project has no node {name!r}"
                    for name in names
                    if name and not is_node(bench, name)
                )
            elif key != KEY:
                yield from _unknown_nodes(bench, part, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _unknown_nodes(bench, part, f"{place}[{number}]")


def _file(bench: Bench, ref: str) -> str:
    found = _LINE.fullmatch(ref)
    path = found["path"] if found else ref
    texts = file_texts(bench, path)
    if not texts:
        return f"there is no file {path!r} in the project"
    line = int((found["last"] or found["first"]) if found else 1)
    longest = max(len(text.splitlines()) for text in texts)
    if found and not 1 <= line <= longest:
        return f"{path} has {longest} lines, and line {line} is cited"
    return ""


def file_texts(bench: Bench, path: str) -> list[str]:
    """A file's text as it is and as the proposal leaves it; empty when there is no such file."""
    edit = bench.edits.get(path)
    known = [text for text in (edit.before, edit.after) if text is not None] if edit else []
    if known:
        return known
    root = Path(bench.project.root).resolve()
    for start in (root, *_package_roots(bench)):
        real = (start / path).resolve()
        inside = real.is_relative_to(root) and not SKIPPED & set(real.relative_to(root).parts)
        if inside and real.is_file():
            return [real.read_text(encoding="utf-8", errors="replace")]
    return []


def _package_roots(bench: Bench) -> list[Path]:
    packages = Path(bench.project.packages_path)
    return sorted(packages.iterdir()) if packages.is_dir() else []


def _query(bench: Bench, ref: str) -> str:
    wanted = _flat(ref)
    for call in bench.made:
        if call.id == ref and call.name not in NOT_A_QUERY:
            return ""
        given = [call.input.get(key) for key in ("sql", "query")]
        if wanted and any(isinstance(sql, str) and _flat(sql) == wanted for sql in given):
            return ""
    return f"no query {ref[:120]!r} was run in this run: cite the id of the call that ran it"


def _flat(sql: str) -> str:
    return " ".join(sql.split()).rstrip("; ").lower()


def _node(bench: Bench, ref: str) -> str:
    if is_node(bench, ref):
        return ""
    uid, _, column = ref.rpartition(".")
    if not is_node(bench, uid):
        return f"the project has no node {ref!r}"
    if column.lower() not in _columns(bench, uid):
        return f"{uid} has no column {column!r}, and nothing that reads it names one"
    return ""


def is_node(bench: Bench, uid: str) -> bool:
    """A node of the project, a macro, a disabled node, or one that the proposal adds."""
    manifest = bench.manifest
    if uid in manifest.all or uid in manifest.macros or uid in (manifest.disabled or {}):
        return True
    kind, *parts = uid.split(".")
    if len(parts) < (3 if kind == "source" else 2):
        return False
    name = parts[-1]
    declared = re.compile(rf"\bname:\s*['\"]?{re.escape(name)}\b")
    return bool(name) and any(
        (edit.before is None and Path(path).stem == name) or declared.search(edit.after or "")
        for path, edit in bench.edits.items()
    )


def _columns(bench: Bench, uid: str) -> set[str]:
    """Words that may be columns of a node: declared ones, and those in its and its readers' code.

    A column that is gone is cited by the name that its readers still use.
    """
    found: set[str] = set()
    for one in (uid, *bench.graph.children(uid)) if uid in bench.graph else (uid,):
        node = bench.manifest.all.get(one)
        if node is None:
            continue
        code = f"{getattr(node, 'raw_code', '') or ''} {getattr(node, 'compiled_code', '') or ''}"
        found |= {word.lower() for word in _WORD.findall(code)}
        found |= {name.lower() for name in node.columns}
    for edit in bench.edits.values():
        found |= {word.lower() for word in _WORD.findall(edit.after or "")}
    seen = dumps([call.content for call in bench.made])
    return found | {word.lower() for word in _WORD.findall(seen)}


def _run(bench: Bench, ref: str) -> str:
    incident = bench.incident
    if ref in {bench.run_id, incident.invocation_id, incident.fingerprint} - {""}:
        return ""
    if bench.history is not None:
        if bench.history.result(ref) is not None:
            return ""
        if any(one.invocation_id == ref for one in invocations(bench.history, 1_000)):
            return ""
    return f"there is no run {ref!r}"


def _call(bench: Bench, ref: str) -> str:
    if any(call.id == ref for call in bench.made):
        return ""
    return f"no tool call of this run has the id {ref!r}"


_CHECKS = {"file": _file, "query": _query, "node": _node, "run": _run, "call": _call}
