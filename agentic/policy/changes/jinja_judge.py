"""Findings of the templates that a change touches: what they call, and what that does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from agentic.policy.changes.builtins import is_builtin, retargets, stem
from agentic.policy.changes.case import Case
from agentic.policy.changes.macros import MacroText, macros_in
from agentic.policy.changes.sql_gate import judge_query
from agentic.policy.changes.template import JinjaError, parse
from agentic.policy.changes.tree import Tree
from agentic.policy.changes.walk import Call, Walker

CALL = re.compile(r"\s*(?:env_var|ref|var|source|doc)\s*\(.+\)\s*$", re.DOTALL)


def walked(text: str, tree: Tree) -> Walker:
    """Raises JinjaError."""
    return Walker(tree.macros, tree.name).walk(parse(text))


def judge_template(case: Case, path: str, text: str, old: str | None, line: int = 0) -> bool:
    """Findings of one template against what stood there before; False when it is no Jinja."""
    try:
        now = walked(text, case.after)
    except JinjaError as error:
        case.add(
            path, line + error.line, "deny", "SQL_POLICY", f"The template does not parse: {error}."
        )
        return False
    was: Walker | None = None
    if old is not None:
        try:
            was = walked(old, case.base)
        except JinjaError:
            was = None
    known = Counter((mark.code, mark.key) for mark in was.marks) if was else Counter()
    for mark in now.marks:
        if known[(mark.code, mark.key)] > 0:
            known[(mark.code, mark.key)] -= 1
        else:
            case.add(path, line + mark.line, mark.verdict, mark.code, mark.reason)
    _calls(case, path, now, was, line)
    return True


def _calls(case: Case, path: str, now: Walker, was: Walker | None, line: int) -> None:
    old = {(call.package, call.name) for call in was.calls} if was else set()
    for call in now.calls:
        if (call.package, call.name) in old and not _changed_macro(case, call):
            continue
        macros = case.after.macros
        callee = (
            macros.get(call.package, call.name)
            if call.package
            else macros.find(call.name, case.after.name)
        )
        if callee is not None:
            for deed in case.macro_judge.judge(callee):
                case.add(path, line + call.line, deed.verdict, deed.code, deed.reason)
        elif call.package and not macros.pure_by_name(call.package, call.name):
            _unknown_call(case, path, line + call.line, call)


def _unknown_call(case: Case, path: str, line: int, call: Call) -> None:
    if case.after.macros.installed(call.package):
        case.add(
            path,
            line,
            "deny",
            "SQL_POLICY",
            f"{call.package} has no macro {call.name}, so that the file does not compile.",
        )
    else:
        case.add(
            path,
            line,
            "deny",
            "JINJA_SIDE_EFFECT",
            f"{call.package} is not installed here, so that nobody can tell what {call.name}() "
            "does.",
        )


def _changed_macro(case: Case, call: Call) -> bool:
    package = call.package or case.after.name
    old, new = case.base.macros.get(package, call.name), case.after.macros.get(package, call.name)
    return new is not None and (old is None or repr(old.block) != repr(new.block))


def judge_effects(case: Case, path: str) -> None:
    """Queries that rendering a file would run through macros of the base: each must be a plain
    read."""
    variants = case.library.variants(path)
    before = case.base_library.variants(path)
    if variants is None:
        return
    known = {effect.text for one in before.all for effect in one.effects} if before else set()
    for effect in {effect for one in variants.all for effect in one.effects}:
        if effect.text in known:
            continue
        for fault in judge_query(effect.text, case.project.dialect):
            if fault.verdict == "deny":
                case.add(
                    path,
                    0,
                    "deny",
                    "JINJA_SIDE_EFFECT",
                    f"Compiling runs SQL that is no plain read: {fault.reason}",
                )


def strings(value: Any, line: int = 0) -> Iterator[tuple[int, str]]:
    """(line, text) of every string of a YAML value that holds Jinja."""
    if isinstance(value, str):
        if CALL.match(value):
            yield line, "{{ " + value + " }}"  # dbt evaluates such arguments of tests
        elif "{{" in value or "{%" in value or "{#" in value:
            yield line, value
    elif isinstance(value, dict):
        lines = getattr(value, "lines", {})
        for key, one in value.items():
            yield from strings(key, lines.get(key, line))
            yield from strings(one, lines.get(key, line))
    elif isinstance(value, list):
        lines = getattr(value, "lines", [])
        for number, one in enumerate(value):
            yield from strings(one, lines[number] if number < len(lines) else line)


def judge_macros(case: Case, path: str, text: str | None, old: str | None) -> None:
    """Macros and blocks that a file defines anew, changes or takes away."""
    project = case.after.name
    now = {(one.kind, one.name): one for one in macros_in(text or "", package=project, path=path)}
    was = {(one.kind, one.name): one for one in macros_in(old or "", package=project, path=path)}
    elsewhere = _other_blocks(case, path)
    for key, one in now.items():
        before = was.get(key) or elsewhere.get(key)
        if before is None and one.kind in ("macro", "test"):
            _judge_twin(case, path, one)
        if before is not None and before.text == one.text:
            continue
        _judge_block(case, path, one, before)
    for key, one in was.items():
        if key not in now and not _moved(case, key, path):
            _judge_gone(case, path, one)


def _judge_twin(case: Case, path: str, one: MacroText) -> None:
    """A name that another file of the project has already."""
    for other, text in case.after.of_kind("macro", "generic_test"):
        if other == path or one.name not in text:
            continue
        if any(
            (two.kind, two.name) == (one.kind, one.name)
            for two in macros_in(text, package="", path=other)
        ):
            code = "TEST_WEAKENED" if one.kind == "test" else "SQL_POLICY"
            case.add(path, one.line, "deny", code, f"{other} defines {one.name} already.")


def _other_blocks(case: Case, path: str) -> dict[tuple[str, str], MacroText]:
    """Blocks of files that the same change empties: a macro that moves is no new macro."""
    found = {}
    for other in case.changed:
        if other != path and other in case.base.files:
            for one in macros_in(case.base.files[other], package="", path=other):
                found[(one.kind, one.name)] = one
    return found


def _moved(case: Case, key: tuple[str, str], path: str) -> bool:
    return any(
        (one.kind, one.name) == key
        for other, text in case.changed.items()
        if other != path and text is not None
        for one in macros_in(text, package="", path=other)
    )


def _judge_block(case: Case, path: str, one: MacroText, before: MacroText | None) -> None:
    if one.kind == "materialization":
        case.add(
            path,
            one.line,
            "deny",
            "CUSTOM_MATERIALIZATION",
            f"The materialization {one.name} decides how every node that names it is built.",
        )
    elif one.kind == "test":
        if is_builtin(f"test_{one.name}"):
            case.add(
                path,
                one.line,
                "deny",
                "BUILTIN_OVERRIDE",
                f"The test {one.name} replaces dbt's own, for every node.",
            )
        elif before is not None:
            case.add(
                path,
                one.line,
                "deny",
                "TEST_WEAKENED",
                f"The existing test {one.name} is edited; an existing test stays as it is.",
            )
    elif one.kind == "macro":
        _judge_macro(case, path, one, before)


def _judge_macro(case: Case, path: str, one: MacroText, before: MacroText | None) -> None:
    if retargets(one.name):
        case.add(
            path,
            one.line,
            "deny",
            "RELATION_RETARGET",
            f"{one.name} decides where every relation is written.",
        )
    elif is_builtin(one.name):
        case.add(
            path,
            one.line,
            "deny",
            "BUILTIN_OVERRIDE",
            f"{one.name} is dbt's own; a macro of that name replaces it for every node.",
        )
    elif stem(one.name).startswith("test_") and before is None and _own_test(case, stem(one.name)):
        return
    elif one.name.startswith("test_") or stem(one.name).startswith("test_"):
        code = "TEST_WEAKENED" if before is not None else "BUILTIN_OVERRIDE"
        case.add(path, one.line, "deny", code, f"{one.name} is what a test runs.")
    elif stem(one.name) != one.name and _dispatched(case, one.name):
        case.add(
            path,
            one.line,
            "deny",
            "BUILTIN_OVERRIDE",
            f"{one.name} takes the place of a package's macro for every node.",
        )
    elif before is not None:
        case.add(
            path,
            one.line,
            "ask",
            "MACRO_CHANGE",
            f"The macro {one.name} changes for every node that calls it.",
        )


def _own_test(case: Case, name: str) -> bool:
    """Is it the body of a test that the project itself defines anew?"""
    wanted = ("test", name.removeprefix("test_"))
    return any(
        (one.kind, one.name) == wanted
        for path, text in case.changed.items()
        if text is not None
        for one in macros_in(text, package="", path=path)
    )


def _dispatched(case: Case, name: str) -> bool:
    plain = stem(name)
    return any(
        callee.package != case.after.name
        and stem(callee.name) == plain
        and stem(callee.name) != callee.name
        for callee in case.after.macros.all()
    )


def _judge_gone(case: Case, path: str, one: MacroText) -> None:
    if one.kind == "test":
        case.add(path, 0, "deny", "TEST_WEAKENED", f"The test {one.name} is gone.")
    elif one.kind == "snapshot":
        case.add(
            path,
            0,
            "deny",
            "SNAPSHOT_CHANGE",
            f"The snapshot {one.name} is gone, and its history with it.",
        )
    elif one.kind == "materialization":
        case.add(
            path, 0, "deny", "CUSTOM_MATERIALIZATION", f"The materialization {one.name} is gone."
        )
    elif one.kind == "macro" and is_builtin(one.name):
        code = "RELATION_RETARGET" if retargets(one.name) else "BUILTIN_OVERRIDE"
        case.add(path, 0, "deny", code, f"Without {one.name} dbt's own takes over for every node.")
    elif one.kind == "macro":
        user = _user_of(case, one.name)
        if user:
            case.add(
                path, 0, "deny", "SQL_POLICY", f"{user} still calls {one.name}(), which is gone."
            )
        else:
            case.add(path, 0, "ask", "MACRO_CHANGE", f"The macro {one.name} is gone.")


def _user_of(case: Case, name: str) -> str:
    call = re.compile(rf"(?<!\w){re.escape(name)}\s*\(")
    for path, text in case.after.of_kind(
        "model", "snapshot", "singular_test", "analysis", "macro", "generic_test"
    ):
        if call.search(text):
            return path
    return ""
