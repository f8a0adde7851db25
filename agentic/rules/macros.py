"""AR052, AR055, AR068: a macro that Jinja does not know: renamed, dropped, misspelt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from agentic.rules.asking import FileChange, ask, recent_changes, text_of
from agentic.rules.case import Case, Change, Diagnosis, Draft, Steps
from agentic.rules.hunks import edit_change, line_of
from agentic.rules.likeness import likeness, nearest
from agentic.rules.macro_calls import calls_of, with_list, with_name
from agentic.rules.registry import rule

_UNDEFINED = re.compile(r"'(?P<name>\w+)' is undefined")
_ATTRIBUTE = re.compile(r"'dict object' has no attribute '(?P<name>\w+)'")
_REPLACED = re.compile(
    r"`?(?P<package>\w+)\.(?P<old>\w+)`? (?:has been|was|is) "
    r"(?:replaced by|renamed to|superseded by)[\s\\]*`?(?P=package)\.(?P<new>\w+)`?"
)
_ARGUMENTS = re.compile(r"macro 'dbt_macro__(?:default__)?(?P<name>\w+)' takes n")
_BUILT_IN = ("ref", "source", "config", "var", "env_var", "this", "target", "is_incremental", "log")
LIKE = 0.55
_KEYS = (
    " Keys of null columns differ unless the variable surrogate_key_treat_nulls_as_empty_strings"
    " is set: compare the keys."
)


class Unknown(msgspec.Struct, frozen=True):
    """A macro's name that Jinja does not know, as a message tells it."""

    name: str
    package: str
    """Empty for a macro that is called without a package."""
    new: str
    """The name that the package itself gives; empty when it gives none."""
    text: str


@rule(code="AR052", cls="macro_renamed", order=3)
def macro_renamed(case: Case) -> Steps[Diagnosis | None]:
    """A macro that models call was renamed or removed.

    What it does:
        Takes the name that Jinja does not know, and finds the change that took the macro away;
        without a history, the one macro like it that nothing calls while several files call the
        lost name.

    Why:
        Many models show one fault; the macro is the one place to mend.

    Example:
        `'cents_to_dollars' is undefined` in three models after the macro was renamed.

    Fix:
        The macro gets its name back, or its file; its callers stay as they are.
    """
    for unknown in (yield from _unknown(case)):
        if unknown.package:
            continue
        name = unknown.name
        made = re.compile(rf"\{{%-?\s*macro\s+{re.escape(name)}\s*\(")
        for change in (yield from recent_changes()):
            before, after = change.before or "", change.after or ""
            if made.search(before) and not made.search(after):
                return (yield from _macro_back(case, change, unknown))
        found = yield from _uncalled(case, name)
        if found is not None:
            return found
    return None


@rule(code="AR055", cls="deprecated_package_macro", order=3)
def deprecated_package_macro(case: Case) -> Steps[Diagnosis | None]:
    """A package dropped or renamed a macro that the project still calls.

    What it does:
        Takes the macro's name from the message and looks in the installed package, then in dbt
        itself, for the macro that took its place: the one that the package names, the same name in
        dbt, `generate_` before the name, or the nearest name. Keys that were given one by one
        become a list where the new macro takes one.

    Why:
        The package is not the project's to edit, and an older version of it is no repair.

    Example:
        `dbt_utils.surrogate_key('a', 'b')`, which is
        `dbt_utils.generate_surrogate_key(['a', 'b'])` now.

    Fix:
        Every call in the project's own files calls the current macro, with the same keys.
    """
    for unknown in (yield from _unknown(case)):
        if not unknown.package:
            continue
        meant = unknown.new or _successor(case, unknown.package, unknown.name)
        if meant:
            return (yield from _moved(case, unknown, meant))
        draft = Draft(case, case.place, None, unknown.name)
        draft.fact(unknown.text[:800], case.path(case.place))
        what = f"{unknown.package}.{unknown.name}"
        return draft.escalate(
            f"{what} is no macro of the installed package.",
            confidence=0.9,
            next_step=f"Say what took the place of {what}; no installed macro is like it.",
        )
    return None


@rule(code="AR068", cls="macro_typo", order=4)
def macro_typo(case: Case) -> Steps[Diagnosis | None]:
    """A file misspells a macro of the project, or one of dbt's own words.

    What it does:
        Takes the name that Jinja does not know and the one near name among the project's macros,
        its generic tests and dbt's own functions.

    Why:
        One file is wrong, not the macro.

    Example:
        `{{ cent_to_dollars('amount') }}` while the macro is `cents_to_dollars`.

    Fix:
        The call is corrected where it stands.
    """
    for unknown in (yield from _unknown(case)):
        if unknown.package:
            continue
        name = unknown.name.removeprefix("test_")
        known = {m.name for m in case.manifest.macros.values()} | set(_BUILT_IN)
        tests = {one.removeprefix("test_") for one in known if one.startswith("test_")}
        meant = nearest(name, tests if unknown.name.startswith("test_") else known)
        if meant is None:
            continue
        return (yield from _rewritten(case, unknown, name, meant, "macro_typo"))
    return None


def _unknown(case: Case) -> Steps[list[Unknown]]:
    found = []
    for text in case.messages:
        if hit := _REPLACED.search(text):
            found.append(Unknown(hit["old"], hit["package"], hit["new"], text))
        elif hit := _ATTRIBUTE.search(text):
            package = yield from _package_of(case, hit["name"])
            if package:
                found.append(Unknown(hit["name"], package, "", text))
        elif (hit := _ARGUMENTS.search(text)) and (old := _dropped(case, hit["name"])) is not None:
            found.append(msgspec.structs.replace(old, text=text))
        elif hit := _UNDEFINED.search(text):
            package = _test_package(case, hit["name"])
            name = hit["name"].removeprefix(f"test_{package}_") if package else hit["name"]
            found.append(Unknown(name, package, "", text))
    return found


def _dropped(case: Case, name: str) -> Unknown | None:
    """A package's macro whose own text says that another took its place."""
    for macro in case.manifest.macros.values():
        if macro.package_name == case.project or macro.name not in (name, f"default__{name}"):
            continue
        said = _REPLACED.search(macro.macro_sql.replace("\\\n", " "))
        if said and said["old"] == name:
            return Unknown(said["old"], said["package"], said["new"], "")
    return None


def _package_of(case: Case, name: str) -> Steps[str]:
    """The package before a name in the failing file: the message does not tell it."""
    text = (yield from text_of(case.path(case.place))) or ""
    hit = re.search(rf"\b(\w+)\s*\.\s*{re.escape(name)}\s*\(", text)
    return hit[1] if hit else ""


def _test_package(case: Case, name: str) -> str:
    packages = {m.package_name for m in case.manifest.macros.values()}
    return next((one for one in packages if name.startswith(f"test_{one}_")), "")


def _successor(case: Case, package: str, name: str) -> str:
    """`package.macro` of what took a macro's place; empty when nothing is like it."""
    macros = case.manifest.macros.values()
    own = {m.name for m in macros if m.package_name == package}
    core = {m.name for m in macros if m.package_name == "dbt"}
    public = {one for one in own if "__" not in one}
    if name in core:
        return f"dbt.{name}"
    for one in (f"generate_{name}", f"get_{name}", name.removeprefix("get_")):
        if one in public and one != name:
            return one
    near = nearest(name, public)
    if near is None:
        ranked = sorted(((likeness(name, one), one) for one in public), reverse=True)[:2]
        clear = len(ranked) == 1 or (ranked and ranked[0][0] - ranked[1][0] >= 0.1)
        near = ranked[0][1] if ranked and ranked[0][0] >= 0.85 and clear else None
    return near or ""


def _moved(case: Case, unknown: Unknown, meant: str) -> Steps[Diagnosis | None]:
    return (yield from _rewritten(case, unknown, unknown.name, meant, "deprecated_package_macro"))


def _rewritten(
    case: Case, unknown: Unknown, name: str, meant: str, cls: str
) -> Steps[Diagnosis | None]:
    """Every call of the lost macro in the project's own files calls the one that is there."""
    draft = Draft(case, case.place, None, unknown.name)
    changes: list[Change] = []
    for path in (yield from _callers(case, name)):
        text = yield from text_of(path)
        after = _called(case, text or "", unknown.package, name, meant)
        change = edit_change(path, text or "", after, f"{meant} is the macro") if text else None
        if change is not None:
            changes.append(change)
            draft.fact(f"{name} is called here.", f"{path}:{line_of(text or '', name)}")
    if not changes:
        return None
    draft.fact(unknown.text[:800], case.path(case.place))
    old = f"{unknown.package}.{name}" if unknown.package else name
    new = meant if "." in meant or not unknown.package else f"{unknown.package}.{meant}"
    what = "does not exist any more" if unknown.package else "does not exist"
    finding = draft.finding(f"The macro {old} {what}; {new} does.", confidence=0.95)
    finding = msgspec.structs.replace(finding, cls=_typo_or(unknown, name, meant, cls))
    step = _KEYS if name == "surrogate_key" else ""
    return Diagnosis(
        finding,
        "fix",
        f"fix({case.path(case.place).rsplit('/', 1)[-1]}): call {new}, not {old}"[:120],
        f"{finding.summary} The calls keep their arguments.{step}",
        tuple(changes),
    )


def _typo_or(unknown: Unknown, name: str, meant: str, cls: str) -> str:
    """A letter off a package's macro is a slip of this file, not the package's change."""
    slip = unknown.package and not unknown.new and nearest(name, [meant.rpartition(".")[2]])
    return "macro_typo" if slip and not meant.startswith(("generate_", "dbt.")) else cls


def _called(case: Case, text: str, package: str, name: str, meant: str) -> str:
    listed = _takes_list(case, package, meant)
    for call in reversed(calls_of(text, name, package)):
        text = with_name(text, call, meant if "." in meant or not package else f"{package}.{meant}")
        text = with_list(text, call, text_moved=meant, package=package) if listed else text
    if package:
        return re.sub(
            rf"(?<![\w.]){package}\.{re.escape(name)}(?=\s*:)", f"{package}.{meant}", text
        )
    return re.sub(rf"(?<=- ){re.escape(name)}(?=\s*(?::|$))", meant, text, flags=re.MULTILINE)


def _takes_list(case: Case, package: str, meant: str) -> bool:
    """The macro has one argument that is a list by its name."""
    for macro in case.manifest.macros.values():
        if macro.name == meant and macro.package_name == package:
            hit = re.search(rf"macro\s+{re.escape(meant)}\s*\(\s*(\w+)\s*\)", macro.macro_sql or "")
            return bool(hit and re.search(r"list|fields|columns", hit[1]))
    return False


def _callers(case: Case, name: str) -> Steps[list[str]]:
    result = yield from ask("search_code", pattern=name)
    if result.is_error or not isinstance(result.content, dict):
        return [case.path(case.place)]
    hits: Sequence[dict[str, object]] = result.content.get("matches", [])
    known = [str(hit["path"]) for hit in hits]
    return sorted({p for p in known if p.endswith((".sql", ".yml", ".yaml"))})[:20]


def _idle_macro(case: Case, name: str) -> tuple[Any, list[Any]]:
    """(the macro or None, the nodes that call the lost name)."""
    own = [m for m in case.manifest.macros.values() if m.package_name == case.project]
    code = "\n".join(n.raw_code or "" for n in case.manifest.nodes.values())
    code += "\n".join(m.macro_sql or "" for m in own)
    calls = [n for n in case.manifest.nodes.values() if f"{name}(" in (n.raw_code or "")]
    idle = [
        m
        for m in own
        if "__" not in m.name and not re.search(rf"(?<!macro )\b{re.escape(m.name)}\s*\(", code)
    ]
    like = sorted(
        (m for m in idle if likeness(name, m.name) >= LIKE), key=lambda m: -likeness(name, m.name)
    )
    if not like or (len(calls) < 2 and nearest(name, {m.name for m in own}) is not None):
        return None, calls
    if len(like) > 1 and likeness(name, like[1].name) > likeness(name, like[0].name) - 0.15:
        return None, calls
    return like[0], calls


def _uncalled(case: Case, name: str) -> Steps[Diagnosis | None]:
    """Without a history: the one macro that nothing calls, where several files call the lost."""
    macro, calls = _idle_macro(case, name)
    if macro is None:
        return None
    text = yield from text_of(macro.original_file_path)
    after = re.sub(
        rf"(\{{%-?\s*macro\s+(?:\w+__)?){re.escape(macro.name)}(?=\s*\()",
        rf"\g<1>{name}",
        text or "",
    )
    after = re.sub(rf"(?<=dispatch\(['\"]){re.escape(macro.name)}(?=['\"])", name, after)
    change = edit_change(macro.original_file_path, text or "", after, f"{name} is still called")
    if change is None:
        return None
    draft = Draft(case, macro.unique_id, None, macro.name)
    draft.fact(
        f"{len(calls)} nodes call {name}; nothing calls {macro.name}.",
        case.path(calls[0].unique_id) if calls else "",
    )
    finding = draft.finding(f"The macro {name} is called {macro.name} now.", confidence=0.92)
    return Diagnosis(
        finding, "fix", f"fix({name}): the macro's name is back", finding.summary, (change,)
    )


def _macro_back(case: Case, change: FileChange, unknown: Unknown) -> Steps[Diagnosis | None]:
    name = unknown.name
    node = next((uid for uid, m in case.manifest.macros.items() if m.name == name), "")
    here = [u for u, m in case.manifest.macros.items() if m.original_file_path == change.path]
    draft = Draft(case, node or next(iter(sorted(here)), case.incident.node), None, name)
    draft.fact(unknown.text[:600], case.path(case.incident.node))
    draft.fact(f"{name} was taken away here ({change.origin}).", change.path)
    if change.before is None:
        return None
    if change.after is None:
        why = f"{name} is still called"
        back = Change("create_model", {"path": change.path, "text": change.before, "why": why})
        finding = draft.finding(f"The macro {name} was removed.", confidence=0.94)
        title = f"fix({name}): bring the macro back, it is still called"
        return Diagnosis(finding, "fix", title, finding.summary, (back,))
    now = yield from text_of(change.path)
    edit = edit_change(change.path, now or "", change.before, f"{name} is still called")
    if now != change.after or edit is None:
        return None
    finding = draft.finding(
        f"The macro {name} was renamed while it is still called.", confidence=0.95
    )
    return Diagnosis(
        finding, "fix", f"fix({name}): the macro's name is back", finding.summary, (edit,)
    )
