"""`judge_change`: the verdict for a change of project files. Pure; whatever it cannot decide, it
denies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from agentic.exceptions import SqlError
from agentic.policy.changes.case import Case
from agentic.policy.changes.effective import judge_settings, touched_nodes
from agentic.policy.changes.jinja_judge import judge_effects, judge_macros, judge_template
from agentic.policy.changes.kept_tests import weaker_config
from agentic.policy.changes.macro_use import judge_macro_users
from agentic.policy.changes.node_judge import (
    QUERY_KINDS,
    judge_node,
    name_of,
    source_relation,
)
from agentic.policy.changes.nodes_sql import stem
from agentic.policy.changes.paths import Touched, judge_path, judge_rules, twin_in_case
from agentic.policy.changes.resources import as_json
from agentic.policy.changes.seeds import judge_seed
from agentic.policy.changes.settings import same
from agentic.policy.changes.shapes import (
    ChangeFinding,
    ChangeRules,
    ChangeVerdict,
    ProjectView,
    order,
)
from agentic.policy.changes.text import injections, invisible
from agentic.policy.changes.tree import PROJECT_FILE, inside
from agentic.policy.changes.yaml_judge import (
    judge_project_file,
    judge_resources,
    judge_tests,
    judge_yaml,
)
from agentic.policy.changes.yaml_load import load, mapping, sequence
from agentic.sql.shape_parse import normalized

MAX_FILE = 2_000_000
RULE_CODES = {"macro": "MACRO_CHANGE", "": "REPO_CONTROL_FILE"}


def judge_change(
    files: Mapping[str, str | None],
    before: Mapping[str, str | None],
    *,
    project: ProjectView,
    rules: ChangeRules,
) -> ChangeVerdict:
    """Judge `files` (path to new text, None: deleted) laid over `before` laid over the project.

    Never raises: an error while judging is itself a denial. Paths are relative to the dbt project.
    """
    try:
        case = Case(files, before, project, rules)
        _judge(case)
        findings = tuple(sorted(case.findings, key=order, reverse=True))
    except Exception as error:  # noqa: BLE001 - what cannot be judged is denied, never let through
        reason = f"The change could not be judged ({type(error).__name__}: {str(error)[:120]})."
        findings = (ChangeFinding(next(iter(files), ""), 0, "deny", "SQL_POLICY", reason),)
    if not findings or findings[0].verdict == "allow":
        return ChangeVerdict(
            "allow", "OK_CHANGE", "Nothing in the change needs a person.", findings
        )
    first = findings[0]
    return ChangeVerdict(first.verdict, first.code, first.reason, findings)


def _judge(case: Case) -> None:
    properties: set[str] = set()
    for path, text in case.changed.items():
        kind = case.after.kind(path) or case.base.kind(path)
        found = judge_path(path, text, kind)
        if found is not None:
            case.findings.append(found)
            continue
        twin = twin_in_case(path, case.base.files) if text is not None else ""
        if twin:
            case.add(path, 0, "deny", "PATH_ESCAPE", f"On many file systems this path is {twin}.")
            continue
        if text is not None and len(text) > MAX_FILE:
            case.add(path, 0, "deny", "RESOURCE_ABUSE", "The file is larger than two megabytes.")
            continue
        _rules(case, path, kind)
        _text(case, path, kind, text)
        _file(case, path, kind, text)
        if kind == "properties":
            properties.add(path)
    judge_settings(case, touched_nodes(case, properties))
    judge_resources(case, properties)
    judge_tests(case, properties)
    _deleted(case)
    _duplicates(case)
    judge_macro_users(case)


def _rules(case: Case, path: str, kind: str) -> None:
    code = RULE_CODES.get(kind, "CHANGE_ASKED")
    if any(inside(path, folder) for folder in case.after.places["macro"]):
        code = "MACRO_CHANGE"
    if path == PROJECT_FILE:
        code = "PROJECT_CONFIG_CHANGE"
    plain = not kind and path not in (PROJECT_FILE, "selectors.yml")
    what = "The file is no part of what dbt builds, and" if plain else "The change is free, but"
    ids = _nodes_of(case, path, kind)
    relations = {uid: name for uid in ids if (name := _relation_of(case, uid))}
    found = judge_rules(Touched(path, tuple(ids), relations), case.rules, code, what)
    if found is not None:
        case.findings.append(found)


def _nodes_of(case: Case, path: str, kind: str) -> list[str]:
    """unique_ids of the nodes that a file holds, or whose entry in it differs."""
    if kind == "properties":
        return _described(case, path)
    if path in case.project.unique_ids:
        return [case.project.unique_ids[path]]
    known = kind in ("model", "seed", "snapshot")
    return [f"{kind}.{case.after.name}.{stem(path)}"] if known else []


def _relation_of(case: Case, uid: str) -> str:
    """`schema.table` of a node, where it is known: from the manifest, or as a source says."""
    kind, _, rest = uid.partition(".")
    if kind == "source":
        table = rest.removeprefix(f"{case.base.name}.")
        return name_of(source_relation(case.base, table)) if "." in table else ""
    return case.project.relations.get(uid, "")


def _described(case: Case, path: str) -> list[str]:
    """unique_ids of the nodes whose entry in a property file differs."""
    before = {one.key: one for one in case.base.resources_of({path})}
    after = {one.key: one for one in case.after.resources_of({path})}
    names = []
    for key in {*before, *after}:
        if before.get(key) == after.get(key):
            continue
        kind, _, name = key.partition(":")
        if kind == "source":
            # What a source says of itself (its schema, say) holds for each of its tables.
            tables = sorted(k for k in {*before, *after} if k.startswith(f"table:{name}."))
            names += [f"source.{case.after.name}.{one.partition(':')[2]}" for one in tables]
            if tables:
                continue
        kind = "source" if kind == "table" else kind
        names.append(f"{kind}.{case.after.name}.{name}")
    return list(dict.fromkeys(names))


def _text(case: Case, path: str, kind: str, text: str | None) -> None:
    old = case.base.files.get(path) or ""
    known = {said.text for said in injections(old)}
    for said in injections(text or ""):
        if said.text not in known:
            case.add(
                path,
                said.line,
                "ask",
                "PROMPT_INJECTION_TEXT",
                f"The text speaks to an agent, a reviewer or a browser: {said.text!r}.",
            )
    seen = {name for _, name in invisible(old)}
    for line, name in invisible(text or ""):
        if name not in seen and not (
            name == "U+FEFF" and line == 1 and (text or "").startswith("\ufeff")
        ):
            code = (
                "YAML_UNSAFE"
                if PurePosixPath(path).suffix in (".yml", ".yaml")
                else "PROMPT_INJECTION_TEXT"
                if kind in ("docs", "")
                else "SQL_POLICY"
            )
            case.add(path, line, "deny", code, f"The text holds an invisible character ({name}).")


def _file(case: Case, path: str, kind: str, text: str | None) -> None:
    old = case.base.files.get(path)
    suffix = PurePosixPath(path).suffix.lower()
    if kind == "function":
        case.add(
            path,
            0,
            "deny",
            "CODE_DEFINITION",
            "A function is code in the warehouse; a person defines it.",
        )
    if suffix in (".yml", ".yaml"):
        judge_yaml(case, path, text, old)
        if path == PROJECT_FILE:
            judge_project_file(case)
        elif path == "selectors.yml":
            _selectors(case, path, text)
        elif text is None and old is not None and kind == "":
            case.add(path, 0, "ask", "REPO_CONTROL_FILE", "The file is deleted.")
    elif suffix == ".sql" or kind == "docs":
        _template(case, path, kind, text, old)
    elif kind in ("seed", "fixture"):
        judge_seed(case, path, kind, text, old)


def _selectors(case: Case, path: str, text: str | None) -> None:
    entries = sequence(mapping(load(text or "").value).get("selectors"))
    before = sequence(mapping(load(case.base.files.get(path, "")).value).get("selectors"))
    if any(mapping(one).get("default") not in (None, False) for one in [*entries, *before]):
        case.add(
            path, 0, "deny", "TEST_WEAKENED", "A default selector decides which tests run at all."
        )
        return
    named = {str(mapping(one).get("name")): mapping(one).get("definition") for one in entries}
    for one in before:
        name = str(mapping(one).get("name"))
        if not selects_no_less(mapping(one).get("definition"), named.get(name)):
            reason = f"The selector {name} may leave out tests that it ran before."
            case.add(path, 0, "deny", "TEST_WEAKENED", reason)
    case.add(path, 0, "ask", "PROJECT_CONFIG_CHANGE", "Selectors decide what jobs run.")


def selects_no_less(was: object, now: object) -> bool:
    """Is a selector's definition the same, or the same with more united to it?"""
    if same(was, now):
        return True
    old = was.get("union") if isinstance(was, dict) and set(was) == {"union"} else [was]
    new = now.get("union") if isinstance(now, dict) and set(now) == {"union"} else []
    kept = {as_json(one) for one in sequence(new)}
    added = kept - {as_json(one) for one in sequence(old)}
    return {as_json(one) for one in sequence(old)} <= kept and not any(
        word in one for one in added for word in ("exclude", "indirect_selection")
    )


def _template(case: Case, path: str, kind: str, text: str | None, old: str | None) -> None:
    if text is not None:
        source = old
        if source is None and kind in ("model", "snapshot"):
            moved = case.base.nodes.get(stem(path))
            source = case.base.files.get(moved) if moved else None
        if not judge_template(case, path, text, source):
            return
    if kind in ("macro", "generic_test", "snapshot", "model", "singular_test"):
        judge_macros(case, path, text, old)
    if text is None:
        _gone(case, path, kind, old)
        return
    if kind == "fixture":
        judge_seed(case, path, kind, text, old)
    kept = ("singular_test", "generic_test", "snapshot")
    edited = kind in kept and old is not None and not _same_code(case, path, kind)
    if kind in ("singular_test", "generic_test") and edited:
        case.add(
            path,
            0,
            "deny",
            "TEST_WEAKENED",
            "An existing test is edited; an existing test stays as it is.",
        )
    if kind == "snapshot" and edited:
        case.add(path, 0, "ask", "SNAPSHOT_CHANGE", "What an existing snapshot reads changes.")
    if kind in QUERY_KINDS and kind != "generic_test":
        judge_node(case, path, kind)
        judge_effects(case, path)


def _same_code(case: Case, path: str, kind: str) -> bool:
    """Equal but for comments and white space, as far as it renders."""
    now, was = case.library.variants(path), case.base_library.variants(path)
    if now is None or was is None or now.fault or was.fault:
        return False
    dialect = case.project.dialect
    try:
        alike = [
            normalized(one.text, dialect) == normalized(two.text, dialect)
            for one, two in ((now.first, was.first), (now.second, was.second))
        ]
    except SqlError:
        return False
    if kind in ("singular_test", "generic_test"):
        return all(alike) and not weaker_config(was.first.config, now.first.config)
    return all(alike) and now.first.config == was.first.config


def _gone(case: Case, path: str, kind: str, old: str | None) -> None:
    if old is None or kind not in ("singular_test", "generic_test", "snapshot"):
        return
    moved = [
        other
        for other, text in case.changed.items()
        if text is not None
        and case.after.kind(other) == kind
        and stem(other) == stem(path)
        and text.split() == old.split()
    ]
    if moved or (kind == "singular_test" and _only_of_removed(case, path)):
        return
    if kind == "snapshot":
        case.add(
            path,
            0,
            "deny",
            "SNAPSHOT_CHANGE",
            "A snapshot holds history that no build brings back.",
        )
    else:
        case.add(path, 0, "deny", "TEST_WEAKENED", "An existing test is deleted.")


def _only_of_removed(case: Case, path: str) -> bool:
    """A test that reads nothing but nodes that the same change deletes has nothing left to test."""
    variants = case.base_library.variants(path)
    if variants is None or variants.fault:
        return False
    refs = {name for one in variants.all for name in one.refs}
    read = refs | {name for one in variants.all for name in one.sources}
    return bool(refs) and read <= set(case.removed_nodes())


def _deleted(case: Case) -> None:
    """Nodes that are gone: a person decides, and never while something reads them."""
    for name, path in case.removed_nodes().items():
        kind = case.base.kind(path)
        if kind == "snapshot":
            case.add(
                path,
                0,
                "deny",
                "SNAPSHOT_CHANGE",
                f"The snapshot {name} is gone, and its history with it.",
            )
            continue
        children = [child for child, other in case.after.nodes.items() if _reads(case, other, name)]
        if children:
            case.add(
                path,
                0,
                "deny",
                "RESOURCE_DELETED",
                f"{name} is gone, and {children[0]} still reads it.",
            )
        else:
            case.add(path, 0, "ask", "RESOURCE_DELETED", f"{name} is gone.")


def _reads(case: Case, path: str, name: str) -> bool:
    text = case.after.files.get(path, "")
    if name not in text or not path.endswith(".sql"):
        return False
    variants = case.library.variants(path)
    return variants is not None and any(
        name == one.split("~")[-1].split(".v")[0] or name == one
        for rendered in variants.all
        for one in rendered.refs
    )


def _duplicates(case: Case) -> None:
    """Two files of one name: dbt does not parse the project."""
    for path in case.changed:
        if case.after.kind(path) not in ("model", "seed") or path not in case.after.files:
            continue
        twins = [
            other
            for other, _ in case.after.of_kind("model", "seed", "python")
            if other != path and stem(other).casefold() == stem(path).casefold()
        ]
        if twins:
            case.add(
                path,
                0,
                "deny",
                "SQL_POLICY",
                f"{twins[0]} has the same name, so that the project does not parse.",
            )
