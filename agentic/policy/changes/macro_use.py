"""Nodes that a change reaches through macros: their SQL is judged again, with the macros as they
are now."""

from __future__ import annotations

import re

from agentic.policy.changes.builtins import stem as plain_name
from agentic.policy.changes.case import Case
from agentic.policy.changes.macros import macros_in
from agentic.policy.changes.node_judge import judge_faults
from agentic.policy.changes.render import Renderer
from agentic.policy.changes.sql_gate import judge_query
from agentic.policy.changes.values import Opaque, TooMuch, text_of

STATEMENT = re.compile(
    r"^\s*(drop|delete|insert|update|truncate|alter|create|grant|revoke|merge|copy|call|attach|install|load|set|vacuum|export|execute|begin|commit)\b",
    re.IGNORECASE,
)
MAX_USERS = 400


def judge_macro_users(case: Case) -> None:
    """Every node that calls a changed macro, at any depth."""
    names = changed_macros(case)
    if not names:
        return
    for name in sorted(names):
        _statements(case, name)
    words = re.compile(r"\b(" + "|".join(map(re.escape, sorted(_callers(case, names)))) + r")\s*\(")
    users = 0
    for path, text in case.after.of_kind("model", "snapshot", "singular_test"):
        if path in case.changed or not words.search(text):
            continue
        users += 1
        if users > MAX_USERS:
            break
        now, was = case.library.variants(path), case.base_library.variants(path)
        if now is None:
            continue
        if now.fault:
            case.add(path, 0, "deny", "RESOURCE_ABUSE", f"{now.fault}.")
            continue
        judge_faults(case, path, now, was, case.library, set())


def changed_macros(case: Case) -> set[str]:
    found = set()
    for path, text in case.changed.items():
        kind = case.after.kind(path) or case.base.kind(path)
        if kind not in ("macro", "generic_test"):
            continue
        old = {
            one.name: one.text
            for one in macros_in(case.base.files.get(path, ""), package="", path=path)
        }
        new = {one.name: one.text for one in macros_in(text or "", package="", path=path)}
        found |= {name for name in {*old, *new} if old.get(name) != new.get(name)}
    return found


def _callers(case: Case, names: set[str]) -> set[str]:
    """The macros, and every macro that calls one of them."""
    reached = set(names)
    for _ in range(5):
        words = re.compile(r"\b(" + "|".join(map(re.escape, sorted(reached))) + r")\s*\(")
        more = set()
        for path, text in case.after.of_kind("macro"):
            if words.search(text):
                more |= {one.name for one in macros_in(text, package="", path=path)}
        if more <= reached:
            break
        reached |= more
    return reached


def _statements(case: Case, name: str) -> None:
    """A macro that prints a statement is a hook in waiting."""
    callee = case.after.macros.get(case.after.name, name)
    path = next((one for one, text in case.changed.items() if text and name in text), "")
    if callee is None:
        return
    renderer = Renderer(case.library.scope("this"), {}, True)
    try:
        text = text_of(
            renderer.expand(
                callee, [Opaque(f"argument {one.name}") for one in callee.block.args], {}, None
            )
        )
    except TooMuch as error:
        case.add(path, 0, "deny", "RESOURCE_ABUSE", f"{name}(): {error}.")
        return
    for part in text.split(";"):
        if STATEMENT.match(part):
            case.add(
                path,
                0,
                "deny",
                "SQL_POLICY",
                f"The macro {name} prints a statement, not an expression.",
            )
            return
    for fault in (
        judge_query(f"select {text.strip()}", case.project.dialect) if text.strip() else ()
    ):
        foreign = plain_name(name) != name and not name.startswith(
            (case.project.dialect, "default")
        )
        if (
            fault.verdict == "deny"
            and "parse" not in fault.reason
            and "statements" not in fault.reason
            and not (foreign and "UNKNOWN_FUNCTION" in fault.reason)
        ):
            case.add(path, 0, fault.verdict, fault.code, fault.reason)
