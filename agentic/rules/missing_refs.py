"""AR030 to AR032: a `ref` or `source` names something that the project does not have."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agentic.rules.asking import FileChange, ask, recent_changes, text_of
from agentic.rules.case import Case, Change, Diagnosis, Draft, Steps
from agentic.rules.code_text import MissingName, missing_names
from agentic.rules.followers import followed
from agentic.rules.hunks import edit_change, line_of
from agentic.rules.likeness import likeness
from agentic.rules.meant_names import (
    fitting,
    known_names,
    last_known,
    meant_name,
    read_before,
)
from agentic.rules.registry import rule
from agentic.rules.switches import disabled_node, switched_on


@rule(code="AR030", cls="ref_typo", order=10)
def ref_typo(case: Case) -> Steps[Diagnosis | None]:
    """A `ref()` or `source()` is misspelt.

    What it does:
        Reads the name that dbt could not find and looks for the one existing name within two
        letters of it, or for the name that stood at the same place before the latest change.

    Why:
        One wrong letter stops the whole project from parsing, so that nothing is built or tested.

    Example:
        `{{ ref('stg_ordres') }}` where the project has `stg_orders`.

    Fix:
        The name is corrected where it is written; nothing else changes.
    """
    for gone in missing_names(case):
        if gone.disabled:
            continue
        text = yield from text_of(gone.path)
        if text is None:
            continue
        changes = yield from recent_changes()
        if _removed(gone, changes):
            continue
        if (found := _in_package(case, gone, text)) is not None:
            return found
        name = read_before(case, gone, text) or meant_name(case, gone, changes)
        if name is None and last_known(case, gone) is None:
            name = yield from fitting(case, gone, text)
        if name is not None:
            return _repaired(case, gone, text, name)
    return None


@rule(code="AR031", cls="model_removed", order=11)
def model_removed(case: Case) -> Steps[Diagnosis | None]:
    """A model that others read was removed or renamed.

    What it does:
        Finds that the missing name is one the project had: in the history, or in the last
        manifest. When the change renamed the file and kept its text, the readers follow it;
        when the file is gone, it is brought back.

    Why:
        Removing a model without its readers stops the whole project from parsing.

    Example:
        `int_payments.sql` was deleted in the last commit; two marts still read it.

    Fix:
        The file is restored as it was, or the readers take its new name.
    """
    for gone in missing_names(case):
        if gone.disabled or gone.kind != "node":
            continue
        changes = yield from recent_changes()
        removed = _removed(gone, changes)
        if removed is None or not removed.before:
            removed = yield from _of_manifest(case, gone)
        if removed is not None and removed.before:
            return (yield from _brought_back(case, gone, removed, changes))
    return None


@rule(code="AR032", cls="model_disabled", order=11)
def model_disabled(case: Case) -> Steps[Diagnosis | None]:
    """A model that others read was disabled.

    What it does:
        Finds that dbt calls the missing node disabled, and the words that disable it.

    Why:
        A disabled model has no relation; everything that reads it stops parsing.

    Example:
        `{{ config(enabled=false) }}` was added to `stg_payments`, which three models read.

    Fix:
        The switch is taken back where it is written out in the model's own file or properties, or
        where the history shows it; a condition (`enabled=var('x')`) is a person's to decide.
    """
    for gone in missing_names(case):
        if gone.disabled:
            return (yield from _enabled_again(case, gone))
    return None


@rule(code="AR033", cls="source_undeclared", order=12)
def source_undeclared(case: Case) -> Steps[Diagnosis | None]:
    """A model reads a source, or a model, that is declared nowhere.

    What it does:
        Finds a missing name with no existing name near it and no trace in the history.

    Why:
        Declaring a source says which table is read and who owns it: that cannot be guessed.

    Example:
        `{{ source('shop', 'refunds') }}` while no YAML file declares `refunds`.

    Fix:
        Declare it, or correct the name; a person knows which.
    """
    yield from ()
    for gone in missing_names(case):
        draft = _draft(case, gone)
        owner = case.owner(draft.node) or "its author"
        near = sorted(known_names(case, gone.kind), key=lambda n: -likeness(n, gone.name))[:3]
        what = "source" if gone.kind == "source" else "node"
        return draft.escalate(
            f"{gone.path or gone.node} reads {what} {gone.name}, which nothing declares.",
            confidence=0.9,
            next_step=f"Ask {owner}: declare {gone.name}, or read one of {', '.join(near)}?",
        )
    return None


def _in_package(case: Case, gone: MissingName, text: str) -> Diagnosis | None:
    """`ref('shpo', 'orders')`: the node is there, the package is called otherwise."""
    if not gone.package or gone.kind != "node":
        return None
    homes = {n.package_name for n in case.manifest.nodes.values() if n.name == gone.name}
    if gone.package in homes or len(homes) != 1:
        return None
    home = homes.pop()
    pattern = (
        rf"(ref\(\s*['\"]){re.escape(gone.package)}(?=['\"]\s*,\s*['\"]{re.escape(gone.name)})"
    )
    after = re.sub(pattern, rf"\g<1>{home}", text)
    return _corrected(case, gone, (text, after), (gone.package, home))


def _of_manifest(case: Case, gone: MissingName) -> Steps[FileChange | None]:
    """The missing model as the last manifest has it, when its file is gone."""
    node = last_known(case, gone)
    if node is None or not node.unique_id.startswith("model.") or not node.raw_code:
        return None
    path = node.original_file_path
    if (yield from text_of(path)) is not None or case.vendored(node.unique_id):
        return None
    return FileChange(path, f"{node.raw_code.rstrip()}\n", None, "since the last build")


def _moved_to(case: Case, removed: FileChange) -> Steps[str]:
    """The name of a file that holds the removed one's text now; empty when there is none."""
    lines = [line.strip() for line in (removed.before or "").splitlines()]
    told = max(lines, key=len, default="")
    if len(told) < 12:
        return ""
    result = yield from ask("search_code", pattern=told)
    if result.is_error or not isinstance(result.content, dict):
        return ""
    known = {n.original_file_path for n in case.manifest.nodes.values()}
    paths = {str(hit["path"]) for hit in result.content.get("matches", [])} - known
    for path in sorted(one for one in paths if one.endswith(".sql"))[:3]:
        if _same((yield from text_of(path)), removed.before):
            return path
    return ""


def _repaired(case: Case, gone: MissingName, text: str, name: str) -> Diagnosis | None:
    return _corrected(case, gone, (text, _replaced(text, gone, name) or text), (gone.name, name))


def _corrected(
    case: Case, gone: MissingName, texts: tuple[str, str], names: tuple[str, str]
) -> Diagnosis | None:
    wrong, name = names
    change = edit_change(gone.path, texts[0], texts[1], f"{name} was meant")
    if change is None:
        return None
    draft = _draft(case, gone)
    draft.observed = wrong
    word = wrong.rpartition(".")[2]
    where = f"{gone.path}:{line_of(texts[0], word)}"
    draft.fact(f"{wrong} names nothing; {name} exists.", where)
    finding = draft.finding(
        f"{_short(gone)} reads {wrong}, which does not exist; {name} does.", confidence=0.96
    )
    return Diagnosis(
        finding=finding,
        decision="fix",
        title=f"fix({_short(gone)}): read {name}, not {wrong}",
        rationale=f"{wrong} is a misspelling of {name}, the only existing name near it.",
        changes=(change,),
    )


def _replaced(text: str, gone: MissingName, name: str) -> str | None:
    """The name corrected in every call that holds it, quotes kept."""
    if gone.kind == "source":
        old_group, _, old_table = gone.name.partition(".")
        group, _, table = name.partition(".")
        pattern = (
            rf"(source\(\s*['\"]){re.escape(old_group)}(['\"]\s*,\s*['\"]){re.escape(old_table)}"
            r"(['\"])"
        )
        after = re.sub(pattern, rf"\g<1>{group}\g<2>{table}\g<3>", text)
    else:
        pattern = rf"(ref\(\s*(?:['\"][^'\"]+['\"]\s*,\s*)?['\"]){re.escape(gone.name)}(['\"])"
        after = re.sub(pattern, rf"\g<1>{name}\g<2>", text)
    return after if after != text else None


def _removed(gone: MissingName, changes: Iterable[FileChange]) -> FileChange | None:
    """The change that took the missing model's file away."""
    for change in changes:
        stem = change.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        if change.after is None and change.before is not None and stem == gone.name:
            return change
    return None


def _brought_back(
    case: Case, gone: MissingName, removed: FileChange, changes: Iterable[FileChange]
) -> Steps[Diagnosis]:
    draft = _draft(case, gone)
    draft.node = _node_at(case, removed.path) or draft.node
    draft.fact(f"{removed.path} was removed ({removed.origin}).", removed.path)
    new = [c for c in changes if c.before is None and c.after and _same(c.after, removed.before)]
    place = new[0].path if len(new) == 1 else (yield from _moved_to(case, removed))
    if place:
        name = place.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        draft.observed = name
        moved = yield from followed(gone.path, gone.name, name)
        if moved:
            finding = draft.finding(f"{gone.name} was renamed to {name}.", confidence=0.95)
            title = f"fix({_short(gone)}): read {name}, the new name of {gone.name}"
            return Diagnosis(finding, "fix", title, finding.summary, moved)
    change_back = _create(removed)
    finding = draft.finding(
        f"{gone.name} was removed while {_short(gone)} still reads it.",
        confidence=0.94,
        next_step=f"If {gone.name} is meant to go, move its readers first.",
    )
    title = f"fix({gone.name}): bring it back, {_short(gone)} reads it"
    return Diagnosis(finding, "fix", title, finding.summary, change_back)


def _create(removed: FileChange) -> tuple[Change, ...]:
    why = "it is still read"
    return (Change("create_model", {"path": removed.path, "text": removed.before, "why": why}),)


def _same(one: str | None, other: str | None) -> bool:
    return " ".join((one or "").split()) == " ".join((other or "").split())


def _node_at(case: Case, path: str) -> str:
    here = [u for u, n in case.manifest.nodes.items() if n.original_file_path == path]
    return next((uid for uid in sorted(here) if uid.startswith("model.")), "")


def _enabled_again(case: Case, gone: MissingName) -> Steps[Diagnosis]:
    draft = _draft(case, gone)
    off = disabled_node(case, gone.name)
    draft.node, path = (off or draft.node), case.disabled_path(gone.name)
    path = path or case.path(off)
    title = f"fix({gone.name}): enable it again, {_short(gone)} reads it"
    for file, now, after in (yield from switched_on(case, off, path)):
        back = edit_change(file, now, after, f"{gone.name} is still read")
        if back is not None:
            draft.fact("It is disabled here.", f"{file}:{line_of(now, 'enabled')}")
            finding = draft.finding(
                f"{gone.name} is disabled while {_short(gone)} reads it.",
                confidence=0.93,
                next_step=(
                    f"Build once with `--no-partial-parse`: dbt keeps tests off that were disabled "
                    f"with {gone.name}. If it is meant to go, move its readers first."
                ),
            )
            return Diagnosis(finding, "fix", title, finding.summary, (back,))
    switch = re.compile(r"enabled", re.IGNORECASE)
    for change in (yield from recent_changes()):
        if not change.before or not change.after or change.before == change.after:
            continue
        if len(switch.findall(change.after)) > len(switch.findall(change.before)):
            now = (yield from text_of(change.path)) or ""
            back = edit_change(change.path, now, change.before, f"{gone.name} is still read")
            if now == change.after and back is not None:
                line = line_of(now, "enabled")
                draft.fact(f"It was disabled here ({change.origin}).", f"{change.path}:{line}")
                finding = draft.finding(
                    f"{gone.name} was disabled while {_short(gone)} reads it.", confidence=0.95
                )
                return Diagnosis(finding, "fix", title, finding.summary, (back,))
    return draft.escalate(
        f"{gone.name} is disabled while {_short(gone)} reads it.",
        confidence=0.92,
        next_step=f"Enable {path or gone.name} again, or take it out of its readers.",
    )


def _draft(case: Case, gone: MissingName) -> Draft:
    node = gone.node or _node_at(case, gone.path)
    draft = Draft(case, node, None, gone.name)
    draft.fact(gone.message, gone.path)
    return draft


def _short(gone: MissingName) -> str:
    return gone.node.rsplit(".", 1)[-1] or gone.path
