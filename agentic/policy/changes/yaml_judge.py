"""Findings of the property files that a change touches, and of dbt_project.yml."""

from __future__ import annotations

from msgspec.structs import replace

from agentic.policy.changes.case import Case
from agentic.policy.changes.declared import compare_resource, settings_of
from agentic.policy.changes.fragments import fragment_fault, pieces
from agentic.policy.changes.jinja_judge import judge_template, strings
from agentic.policy.changes.kept_tests import compare_tests
from agentic.policy.changes.node_judge import name_of, source_relation
from agentic.policy.changes.project_file import compare_project
from agentic.policy.changes.resources import Resource, Test
from agentic.policy.changes.sql_gate import judge_relations
from agentic.policy.changes.tree import PROJECT_FILE
from agentic.policy.changes.yaml_load import Loaded, load, mapping
from agentic.records import Verdict


def judge_yaml(case: Case, path: str, text: str | None, old: str | None) -> Loaded | None:
    """What any YAML file may not be, and the Jinja in its strings; None when it cannot be read."""
    if text is None:
        return None
    now = load(text)
    was = load(old) if old is not None else None
    known = {problem.key for problem in was.problems} if was else set()
    for problem in now.problems:
        if problem.key not in known or now.broken:
            verdict: Verdict = "ask" if problem.repeats and not now.broken else "deny"
            case.add(path, problem.line, verdict, "YAML_UNSAFE", problem.reason)
    if now.broken:
        return None
    before = {one for _, one in strings(was.value)} if was is not None and not was.broken else set()
    for line, one in strings(now.value):
        if one not in before:
            judge_template(case, path, one, None, max(line - 1, 0))
    return now


def judge_project_file(case: Case) -> None:
    """dbt_project.yml as a whole."""
    if case.changed.get(PROJECT_FILE, "") is None:
        case.add(
            PROJECT_FILE,
            0,
            "deny",
            "PROJECT_CONFIG_CHANGE",
            "Without dbt_project.yml there is no project.",
        )
        return
    before = mapping(load(case.base.files.get(PROJECT_FILE, "")).value)
    after = mapping(load(case.after.files.get(PROJECT_FILE, "")).value)
    for remark in compare_project(before, after):
        case.add(PROJECT_FILE, remark.line, remark.verdict, remark.code, remark.reason)


def judge_resources(case: Case, paths: set[str]) -> None:
    """Declarations of the changed property files, taken together: what moves is not lost."""
    old, new = _by_key(case.base.resources_of(paths)), _by_key(case.after.resources_of(paths))
    removed = case.removed_nodes()
    for key in sorted({*old, *new}):
        was, now = old.get(key, []), new.get(key, [])
        twice = len(now) > 1 and now[0].kind != "source"  # a source may stand in many files
        if twice or (now and _elsewhere(case, key, paths)):
            case.add(
                now[0].path,
                now[-1].line,
                "deny",
                "YAML_UNSAFE",
                f"{key} is declared twice, so that dbt does not parse the project.",
            )
        if was and not now and key.partition(":")[2] in removed:
            continue
        for remark in compare_resource(
            _inheriting(case, was[0] if was else None),
            _inheriting(case, now[0] if now else None),
            case.rules.pii_tags,
        ):
            case.add((now or was)[0].path, remark.line, remark.verdict, remark.code, remark.reason)
    _used_sources(case, [key for key in old if key not in new] + _switched_off(case, new))
    _fragments(case, paths)
    _arguments(case, paths)
    _places(case, paths)


def _places(case: Case, paths: set[str]) -> None:
    """No source may be declared over, or moved to, what cannot be read."""
    sources = {one.name for one in case.after.resources_of(paths) if one.kind == "source"}
    for one in case.after.resources:
        if one.kind != "table" or one.name.partition(".")[0] not in sources:
            continue
        relation = source_relation(case.after, one.name)
        known = one.key in case.base.declared
        if known and relation == source_relation(case.base, one.name):
            continue
        if "{" in name_of(relation) and case.rules.read_deny:
            reason = f"Where {one.name} lies is only known to dbt, and read.deny names relations."
            case.add(one.path, one.line, "ask", "SOURCE_CHANGE", reason)
        for fault in judge_relations(
            [relation], frozenset([name_of(relation)]), case.rules.read_deny
        ):
            case.add(one.path, one.line, fault.verdict, fault.code, fault.reason)


def _inheriting(case: Case, one: Resource | None) -> Resource | None:
    """A source table with the freshness that it has from its source, as that was before."""
    if one is None or one.kind != "table":
        return one
    source = case.base.declared.get(f"source:{one.name.partition('.')[0]}")
    given = settings_of(source).get("freshness") if source is not None else None
    own = settings_of(one)
    if not isinstance(given, dict) or ("freshness" in own and not own["freshness"]):
        return one
    config = {key: value for key, value in one.config.items() if key != "freshness"}
    freshness = {**given, **(own.get("freshness") or {})}
    return replace(one, keys={**one.keys, "config": config, "freshness": freshness})


def _by_key(resources: list[Resource]) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {}
    for one in resources:
        found.setdefault(one.key, []).append(one)
    return found


def _elsewhere(case: Case, key: str, paths: set[str]) -> bool:
    """The same node is described in a file that the change leaves alone."""
    kind = key.partition(":")[0]
    return kind in ("model", "seed", "snapshot", "exposure", "unit_test", "table") and any(
        one.key == key and one.path not in paths for one in case.after.resources
    )


def _switched_off(case: Case, new: dict[str, list[Resource]]) -> list[str]:
    """Source tables that are off now, by themselves or with their source."""
    off = {key for key, entries in new.items() if settings_of(entries[0]).get("enabled") is False}
    names = {key.partition(":")[2] for key in off if key.startswith("source:")}
    return [
        one.key
        for one in case.after.resources
        if one.kind == "table" and (one.key in off or one.name.partition(".")[0] in names)
    ]


def _used_sources(case: Case, gone: list[str]) -> None:
    """A source that is gone must not be read any more."""
    tables = {
        key.partition(":")[2].replace(".", "~", 1) for key in gone if key.startswith("table:")
    }
    if not tables:
        return
    for path, text in case.after.of_kind("model", "snapshot"):
        if "source" not in text:
            continue
        variants = case.library.variants(path)
        used = (
            {name for one in variants.all for name in one.sources} & tables if variants else set()
        )
        if used:
            case.add(
                path,
                0,
                "deny",
                "RESOURCE_DELETED",
                f"{sorted(used)[0].replace('~', '.')} is gone, and this file still reads it.",
            )


def _arguments(case: Case, paths: set[str]) -> None:
    """Arguments of new tests end up in SQL: none may end a statement."""
    before = {one.arguments for two in case.base.resources_of(paths) for one in two.tests}
    for resource in case.after.resources_of(paths):
        for test in resource.tests:
            risky = ";" in test.arguments and (
                "'" in test.arguments or not test.kind.endswith("accepted_values")
            )
            if risky and test.arguments not in before:
                reason = f"An argument of {test.kind} holds a second statement."
                case.add(test.path, test.line, "deny", "SQL_POLICY", reason)


def judge_tests(case: Case, paths: set[str]) -> None:
    """Generic tests of the changed property files."""
    removed = {
        f"{kind}:{name}" for name in case.removed_nodes() for kind in ("model", "seed", "snapshot")
    }
    before = [_owned(case, test) for one in case.base.resources_of(paths) for test in one.tests]
    after = [_owned(case, test) for one in case.after.resources_of(paths) for test in one.tests]
    for found in compare_tests(
        before,
        after,
        gone=lambda owner: owner in removed,
        emits=lambda owner, column: emits(case, owner, column),
        moves=lambda owner, old, new: moves(case, owner, old, new),
    ):
        case.add(found.path, found.line, found.verdict, "TEST_WEAKENED", found.reason)
    _placed_tests(case, before, after)


def _owned(case: Case, test: Test) -> Test:
    """A test by the kind of node that it really tests: dbt takes a seed listed under `models:`."""
    kind, _, name = test.owner.partition(":")
    path = case.base.nodes.get(name) if kind in ("model", "seed", "snapshot") else None
    real = case.base.kind(path) if path is not None else ""
    known = real in ("model", "seed", "snapshot") and real != kind
    return replace(test, owner=f"{real}:{name}") if known else test


def _placed_tests(case: Case, before: list[Test], after: list[Test]) -> None:
    known = {
        (test.owner, test.column, test.kind, str(test.config.get(key)))
        for test in before
        for key in ("schema", "database", "alias")
    }
    for test in after:
        for key in ("schema", "database", "alias"):
            if (
                key in test.config
                and (test.owner, test.column, test.kind, str(test.config[key])) not in known
            ):
                case.add(
                    test.path,
                    test.line,
                    "deny",
                    "RELATION_RETARGET",
                    f"The failures of {test.kind} would be written elsewhere ({key}).",
                )


def emits(case: Case, owner: str, column: str) -> bool | None:
    """Does a node give a column, before the change? None where its columns are not known."""
    kind, _, name = owner.partition(":")
    if kind == "table":
        known = case.base_library.columns("agentic_source", name.replace(".", "~", 1))
    else:
        known = case.base_library.columns("agentic_ref", name) or case.project.emitted.get(name)
    return None if known is None else column.lower() in {one.lower() for one in known}


def moves(case: Case, owner: str, old: str, new: str) -> bool:
    """Does the change rename a column, in a source's declaration or in a node's own SQL?"""
    kind, _, name = owner.partition(":")
    if kind == "table":
        was, now = case.base.declared.get(owner), case.after.declared.get(owner)
        if was is None or now is None:
            return False
        before, after = ({one.lower() for one in two.columns} for two in (was, now))
        return old in before - after and new in after - before
    was_path, now_path = case.base.nodes.get(name), case.after.nodes.get(name)
    base = case.base_library.shape(was_path, 1) if was_path else None
    shape = case.library.shape(now_path, 1) if now_path else None
    if base is None or shape is None or base.output(new) or shape.output(old):
        return False
    left, right = base.output(old), shape.output(new)
    return left is not None and right is not None and left.text == right.text


def _fragments(case: Case, paths: set[str]) -> None:
    """SQL in YAML: each piece must be one expression."""
    for path in sorted(paths):
        text = case.after.files.get(path)
        if text is None:
            continue
        before = {piece for _, _, piece in pieces(load(case.base.files.get(path, "")).value)}
        for line, key, piece in pieces(load(text).value):
            if piece in before:
                continue
            reason = fragment_fault(piece, key, case.project.dialect)
            if reason:
                case.add(
                    path, line, "deny", reason[0], f"{key} is no plain SQL expression: {reason[1]}"
                )
