"""AR074 and AR079: code changed, a node's own or a macro's: other figures from the same input."""

from __future__ import annotations

from difflib import unified_diff

from agentic.rules.asking import FileChange
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.history import latest_change
from agentic.rules.registry import rule
from agentic.rules.regressions import WORDS, called, kind_of_change

_LINES = 40


@rule(code="AR074", cls="logic_changed", order=39)
def code_moved_figures(case: Case) -> Steps[Diagnosis | None]:
    """A node's code changed, every test is green, and its figures moved while its input's did not.

    What it does:
        Takes an anomaly of a node whose code is another than in the last green build, whose
        figures differ from those kept after it, and whose inputs hold what they held; shows the
        figures before and after, and the change in the history where there is one.

    Why:
        An inner join for a left join, or a `max` for a `sum`, breaks no test. The change may as
        well be meant: figures alone cannot tell, so it is asked, and once for each version.

    Example:
        `customers` holds 62 rows since its code changed; it held 100 from the same orders.

    Fix:
        Whoever changed it says whether it is meant. Nothing is edited before; a unit test on what
        is right makes the next such change red.
    """
    for signal in case.incident.signals:
        node = case.node(signal.node)
        if signal.kind != "anomaly" or signal.figures.get("change") != "code_changed" or not node:
            continue
        figures = signal.figures
        draft = Draft(case, signal.node, str(figures.get("column") or "") or None)
        draft.fact(
            f"Against {figures.get('basis')}: {figures.get('moved')}.",
            node.relation_name or "",
            [dict(figures)],
        )
        draft.fact("What it reads holds the same figures as then; every test is green.")
        path = case.path(signal.node)
        change = yield from latest_change(path)
        kind, when = "", "since that build"
        if change is not None:
            kind = kind_of_change(change.before or "", change.after or "", case.dialect)
            when = f"in {change.origin}" if change.origin != "uncommitted" else "not committed yet"
            draft.fact(f"The change of its file, {when}:\n{_difference(change)}", path)
        else:
            draft.fact("Its code changed since then; the history does not show how.", path)
        owner = case.owner(signal.node) or f"the author of {node.name}"
        what = f" Its {WORDS[kind]} changed." if kind in WORDS else ""
        found = draft.escalate(
            f"{signal.message}.{what}",
            confidence=0.7,
            next_step=(
                f"Ask {owner}: is it meant that {path} gives {figures.get('moved')}? If it is, "
                "nothing is to do: it is not asked again. If not, take the change back."
            ),
        )
        return called(found, kind)
    return None


@rule(code="AR079", cls="macro_regression", order=39)
def macro_moved_figures(case: Case) -> Steps[Diagnosis | None]:
    """The callers of a macro give other figures by the same code from the same input.

    What it does:
        Takes an anomaly of nodes whose own code is that of the last green build, whose figures
        moved while their input's did not, and which call one macro of the project; shows the
        figures before and after, and the change in the history where there is one.

    Why:
        A macro that divides by 1000 for 100 breaks no test, and every caller shows it. It may be
        meant: figures alone cannot tell, so it is asked, once.

    Example:
        Three staging nodes call `cents_to_dollars`; their amounts are a tenth of what they were.

    Fix:
        Whoever changed the macro says whether it is meant; else the macro alone is put right, not
        its callers. A variable or a setting of the environment that it reads may be what changed.
    """
    signals = [s for s in case.incident.signals if s.figures.get("change") == "macro_changed"]
    uid = str(signals[0].figures.get("macro")) if signals else ""
    macro = case.manifest.macros.get(uid)
    if macro is None:
        return None
    draft = Draft(case, uid)
    for signal in signals:
        place = case.node(signal.node)
        draft.fact(
            f"{place.name}, against {signal.figures.get('basis')}: {signal.figures.get('moved')}.",
            place.relation_name or "",
            [dict(signal.figures)],
        )
    draft.fact("Their code and what they read is as it was; every test is green.")
    path = macro.original_file_path
    change = yield from latest_change(path)
    if change is not None:
        draft.fact(f"The change of its file ({change.origin}):\n{_difference(change)}", path)
    else:
        draft.fact("The history does not show how the macro changed.", path)
    names = ", ".join(case.node(s.node).name for s in signals[:4])
    owner = case.owner(signals[0].node) or f"the author of {path}"
    return draft.escalate(
        f"{names} give other figures by the same code from the same input: all call {macro.name}.",
        confidence=0.8,
        next_step=(
            f"Ask {owner}: is it meant that {macro.name} in {path} computes something else? If it "
            "is, nothing is to do: it is not asked again. If not, repair the macro alone."
        ),
    )


def _difference(change: FileChange) -> str:
    lines = unified_diff(
        (change.before or "").splitlines(), (change.after or "").splitlines(), n=1, lineterm=""
    )
    return "\n".join(list(lines)[2 : _LINES + 2])
