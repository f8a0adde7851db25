"""Findings of the SQL nodes that a change touches: what they read, what they become, who reads
them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentic.policy.changes.case import Case
from agentic.policy.changes.masking import compare, dropped
from agentic.policy.changes.nodes_sql import MAX_FREE, Library, Variants, stem
from agentic.policy.changes.pii import leaks
from agentic.policy.changes.rendered import Rendered
from agentic.policy.changes.sql_gate import Fault, judge_query, judge_relations
from agentic.policy.changes.tree import Tree
from agentic.policy.changes.values import OPAQUE
from agentic.sql.shape_facts import Leaf, Relation, Shape

QUERY_KINDS = ("model", "snapshot", "singular_test", "analysis", "generic_test")


def judge_node(case: Case, path: str, kind: str) -> None:
    """One changed SQL file that dbt runs as a query."""
    now = case.library.variants(path)
    if now is None:
        return
    if now.fault:
        case.add(path, 0, "deny", "RESOURCE_ABUSE", f"{now.fault}.")
        return
    old_path = (
        case.before_path(path, stem(path))
        if kind in ("model", "snapshot")
        else (path if path in case.base.files else None)
    )
    was = case.base_library.variants(old_path) if old_path is not None else None
    judge_faults(case, path, now, was, case.library, _old_shape_reads(case, old_path))
    if kind in ("singular_test", "generic_test", "analysis"):
        return
    _references(case, path, now)
    _shapes(case, path, old_path)


def _old_shape_reads(case: Case, old_path: str | None) -> set[str]:
    if old_path is None:
        return set()
    found = set()
    for which in (0, 1):
        shape = case.base_library.shape(old_path, which)
        if shape is not None:
            found |= {
                fault.reason
                for fault in judge_relations(
                    shape.relations, case.known_relations, case.rules.read_deny
                )
            }
    return found


def judge_faults(
    case: Case, path: str, now: Variants, was: Variants | None, library: Library, known: set[str]
) -> None:
    """Faults of the rendered SQL that the base does not have."""
    old = set(known)
    dialect = case.project.dialect
    empty = not any(one.text.strip() for one in now.all)
    if empty and (was is None or any(one.text.strip() for one in was.all)):
        case.add(path, 0, "deny", "SQL_POLICY", "The file holds no SQL.")
    _reached(case, path, now, was)
    _hidden(case, path, now, was)
    if was is not None and not was.fault:
        old |= {fault.reason for one in was.all for fault in judge_query(one.text, dialect)}
    for fault in _query_faults(now, dialect):
        _fault(case, path, fault, old)
    for which in (0, 1):
        shape = library.shape(path, which)
        relations = shape.relations if shape is not None else ()
        for fault in judge_relations(relations, case.known_relations, case.rules.read_deny):
            _fault(case, path, fault, old)


def _query_faults(now: Variants, dialect: str) -> Iterator[Fault]:
    """Faults of every variant; one that only a package's macro made unreadable does not count."""
    readable = False
    for one in now.all:
        faults = judge_query(one.text, dialect)
        readable = readable or not any(map(unreadable, faults))
        yield from (fault for fault in faults if not (unreadable(fault) and one.outside))
    if not readable and all(one.outside for one in now.all):
        yield UNKNOWN


def _hidden(case: Case, path: str, now: Variants, was: Variants | None) -> None:
    """What cannot be followed: text through an unknown function, more open conditions than ways."""
    conditions = {key for one in now.all if not one.outside for key in one.asked}
    if len(conditions) > MAX_FREE + 4:
        reason = "More conditions are open than can all be looked at."
        case.add(path, 0, "ask", "SQL_POLICY", reason)
    before = {note for one in was.all for note in one.hidden} if was is not None else set()
    for note in sorted({note for one in now.all for note in one.hidden} - before):
        word = note.partition("(")[0] if len(note) < 60 else "a call"
        reason = f"Text goes through {word}, which is not followed here; write the SQL out."
        case.add(path, 0, "deny", "SQL_POLICY", reason)


def _reached(case: Case, path: str, now: Variants, was: Variants | None) -> None:
    before = {key for one in was.all for key in one.reached} if was is not None else set()
    for key in sorted({key for one in now.all for key in one.reached} - before):
        code = "SANDBOX_ESCAPE" if key.startswith("_") else "JINJA_SIDE_EFFECT"
        case.add(path, 0, "deny", code, f"{key} is looked up by a name that is made at run time.")


_OWN_FUNCTION = re.compile(r"UNKNOWN_FUNCTION: (?:Function )?([\w.]+) is not ")
UNKNOWN = Fault("ask", "SQL_POLICY", "What the package's macros make of this is only known to dbt.")


def unreadable(fault: Fault) -> bool:
    """The text does not parse, or what it will be is not known."""
    return "does not parse" in fault.reason or "only known to dbt" in fault.reason


def _fault(case: Case, path: str, fault: Fault, old: set[str]) -> None:
    if fault.reason in old:
        return
    function = _OWN_FUNCTION.search(fault.reason)
    if function is not None and case.calls_already(function.group(1)):
        reason = f"{function.group(1)}() is a function of this warehouse's own; the base calls it."
        case.add(path, 0, "ask", "SQL_POLICY", reason)
    else:
        case.add(path, 0, fault.verdict, fault.code, fault.reason)


def _references(case: Case, path: str, now: Variants) -> None:
    """Every ref() and source() must be there, else the project does not parse."""
    for one in now.all:
        for name in one.refs:
            if not known_reference(case, name):
                _unknown_reference(case, path, name)
        for name in one.sources:
            if (
                name not in case.after.sources
                and case.after.sources is not None
                and not _package_source(case, name)
            ):
                case.add(
                    path,
                    0,
                    "deny",
                    "SQL_POLICY",
                    f"source('{name.replace('~', ', ')}') is not declared.",
                )
            elif _denied_source(case, name):
                case.add(
                    path,
                    0,
                    "deny",
                    "READ_DENIED",
                    f"source {name.replace('~', '.')} may not be read.",
                )
        for name in one.variables:
            if name not in {had for two in _before(case, path) for had in two.variables}:
                case.add(
                    path,
                    0,
                    "deny",
                    "SQL_POLICY",
                    f"var('{name}') has no value, so that the file does not compile.",
                )
    if _circular(case, path):
        case.add(path, 0, "deny", "SQL_POLICY", "The node would depend on itself.")


def _unknown_reference(case: Case, path: str, name: str) -> None:
    reason = f"ref('{name}') names no node of the project."
    plain = name.rsplit("~", maxsplit=1)[-1]
    if plain in case.dangling and path in case.base.files:
        return  # the base reads it too: it is not the change's to answer for
    if plain in case.dangling or case.after.packages_missing:
        case.add(path, 0, "ask", "SQL_POLICY", f"{reason} A package that is not here may have it.")
    else:
        case.add(path, 0, "deny", "SQL_POLICY", reason)


def _before(case: Case, path: str) -> tuple[Rendered, ...]:
    was = case.base_library.variants(path)
    return was.all if was is not None else ()


def known_reference(case: Case, name: str) -> bool:
    plain = name.rsplit("~", maxsplit=1)[-1]
    base = plain.split(".v")[0]
    return (
        plain in case.after.nodes
        or base in case.after.nodes
        or plain.replace(".v", "_v") in case.after.nodes
        or f"model:{base}" in case.after.declared
        or base in case.after.package_nodes
        or ("~" in name and not case.after.package_files)
    )


def _package_source(case: Case, name: str) -> bool:
    return any(
        name.split("~", maxsplit=1)[0] in text
        for texts in case.after.package_files.values()
        for path, text in texts.items()
        if path.endswith((".yml", ".yaml"))
    )


def source_relation(tree: Tree, name: str) -> Relation:
    """Where a declared source table (`shop.orders`) lies, as far as it is written out."""
    source_name, _, table = name.partition(".")
    source = tree.declared.get(f"source:{source_name}")
    entry = tree.declared.get(f"table:{name}")
    schema = (source.keys.get("schema") if source is not None else None) or source_name
    identifier = (entry.keys.get("identifier") if entry is not None else None) or table
    return Relation("", str(schema), str(identifier))


def name_of(relation: Relation) -> str:
    return f"{relation.schema}.{relation.name}".lower()


def _denied_source(case: Case, name: str) -> bool:
    relation = source_relation(case.after, name.replace("~", ".", 1))
    faults = judge_relations([relation], frozenset([name_of(relation)]), case.rules.read_deny)
    return any(one.code == "READ_DENIED" for one in faults)


def _circular(case: Case, path: str) -> bool:
    start = stem(path)
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        node_path = case.after.nodes.get(name)
        variants = (
            case.library.variants(node_path) if node_path and node_path.endswith(".sql") else None
        )
        for one in variants.all if variants else ():
            for other in one.refs:
                plain = other.split("~")[-1].split(".v")[0]
                if plain == start:
                    return True
                if plain not in seen:
                    seen.add(plain)
                    waiting.append(plain)
    return False


def _shapes(case: Case, path: str, old_path: str | None) -> None:
    for which in (0, 1):
        after = case.library.shape(path, which)
        if after is None:
            continue
        base = case.base_library.shape(old_path, which) if old_path is not None else None
        for column in leaks(stem(path), base, after, case.personal):
            reason = f"Column {column} carries personal data and is not marked as such."
            case.add(path, 0, "deny", "PII_POLICY_CHANGE", reason)
        if base is not None:
            _differences(case, path, base, after)
        elif old_path is not None and case.base.files.get(old_path):
            _unreadable(case, path, old_path, which)


def _differences(case: Case, path: str, base: Shape, after: Shape) -> None:
    def exists(relation: str, column: str) -> bool | None:
        return _exists(case, relation, column)

    for one in compare(base, after, exists):
        case.add(path, 0, one.verdict, one.code, one.reason)
    for column in _lost(base, after):
        if any(OPAQUE in one.name for one in after.outputs):
            reason = f"The output column {column} may be gone: dbt alone knows all names here."
            case.add(path, 0, "ask", "CONTRACT_CHANGE", reason)
        elif not _given_back(case, path, base, after, column):
            _dropped(case, path, stem(path), column)


def _given_back(case: Case, path: str, base: Shape, after: Shape, column: str) -> bool:
    """Does the column only take back the name that the node's declaration or readers expect?"""
    old, name = base.output(column), stem(path)
    entry = case.base.declared.get(f"model:{name}")
    declared = {one.lower() for one in entry.columns} if entry is not None else set()
    if old is None or column.lower() in declared:
        return False
    if next(readers(case, name, column, set()), None) is not None:
        return False
    return any(
        base.output(new.name) is None
        and (new.text, new.leaves) == (old.text, old.leaves)
        and (new.name.lower() in declared or _missed(case, name, new.name.lower()))
        for new in after.outputs
    )


def _missed(case: Case, name: str, column: str) -> bool:
    """Does a node of the base read a column of this one that it does not give?"""
    for child, path in case.base.nodes.items():
        if name not in case.base.files.get(path, "") or child == name:
            continue
        shape = case.base_library.shape(path, 1)
        if shape is not None and column in shape.unresolved:
            return True
    return False


def _unreadable(case: Case, path: str, old_path: str, which: int) -> None:
    """The old text could not be read: nothing can be compared. Mending what did not parse is
    free."""
    was = case.base_library.variants(old_path)
    text = (was.first, was.second)[which].text if was is not None and not was.fault else ""
    if was is not None and not judge_query(text, case.project.dialect):
        case.add(
            path,
            0,
            "ask",
            "SYMPTOM_MASKING",
            "The node before the change cannot be compared with the one after.",
        )


def _lost(base: Shape, after: Shape) -> list[str]:
    lost = dropped(base, after)
    gone = [key for key in base.open_stars if key not in after.open_stars]
    if gone and not after.open_stars and not lost:
        return ["*"]
    return lost + [
        f"{one.rpartition('-')[2]}"
        for one in after.open_stars
        if "-" in one and one not in base.open_stars and one.rpartition("-")[0] in base.open_stars
    ]


def _exists(case: Case, relation: str, column: str) -> bool | None:
    """Is an upstream column there after the change? An empty column asks for the relation
    itself."""
    place, _, name = relation.partition(":")
    if not column:
        if place == "ref":
            return known_reference(case, name)
        return name in case.after.sources if place == "source" else None
    known = case.library.columns(
        {"ref": "agentic_ref", "source": "agentic_source"}.get(place, place), name
    )
    return None if known is None else column in {one.lower() for one in known}


def _dropped(case: Case, path: str, name: str, column: str) -> None:
    if column == "*":
        case.add(
            path,
            0,
            "ask",
            "CONTRACT_CHANGE",
            "The node no longer passes all columns on, and which are gone is not known.",
        )
        return
    reader = next(readers(case, name, column, set()), None)
    if reader is not None:
        case.add(
            path,
            0,
            "deny",
            "CONTRACT_CHANGE",
            f"The output column {column} is gone, and {reader} still reads it.",
        )
    else:
        case.add(
            path, 0, "ask", "CONTRACT_CHANGE", f"The output column {column} is gone or renamed."
        )


def readers(case: Case, name: str, column: str, seen: set[str]) -> Iterator[str]:
    """Nodes after the change that read a column of a node, straight or through a star."""
    key = f"ref:{name}"
    if name in seen:
        return
    seen.add(name)
    for child, path in case.after.nodes.items():
        text = case.after.files.get(path, "")
        if name not in text or child == name or case.after.kind(path) not in ("model", "snapshot"):
            continue
        shape = case.library.shape(path, 1)
        if shape is None:
            continue
        before = case.base_library.shape(path, 1) if path in case.base.files else None
        if (
            column in shape.unresolved and (before is None or column not in before.unresolved)
        ) or any(leaf == Leaf(key, column) for leaf in shape.reads):
            yield child
        elif any(one.split("-")[0] == key for one in shape.open_stars) or (
            before is not None
            and before.output(column) is not None
            and shape.output(column) is None
        ):
            yield from readers(case, child, column, seen)
