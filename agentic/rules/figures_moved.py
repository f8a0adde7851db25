"""AR074: a node's code changed, and it gives other figures from the same input."""

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


def _difference(change: FileChange) -> str:
    lines = unified_diff(
        (change.before or "").splitlines(), (change.after or "").splitlines(), n=1, lineterm=""
    )
    return "\n".join(list(lines)[2 : _LINES + 2])
