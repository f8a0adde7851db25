"""AR048: several nodes fail with one error, and all call one macro of the project."""

from __future__ import annotations

from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.history import latest_change
from agentic.rules.registry import rule

_FEWEST = 2


@rule(code="AR048", cls="macro_regression", order=81)
def macro_output(case: Case) -> Steps[Diagnosis | None]:
    """The SQL that a macro makes is refused by the warehouse wherever it is called.

    What it does:
        When no other rule explains an error that several models share, looks for the macro of the
        project that all of them call, and fewest of those that ran.

    Why:
        One macro is the cause, however many models show it; a repair of each of them is none.

    Example:
        Three staging models fail with `DECIMAL type width must be between 1 and 38`, and all call
        `cents_to_dollars`.

    Fix:
        Put the macro right, not its callers; a change of it in the history is taken back.
    """
    heads = [s for s in case.incident.signals if s.kind == "run_error"]
    nodes = list(dict.fromkeys(s.node for s in heads if s.node.startswith("model.")))
    if case.incident.kind != "run_error" or len(nodes) < _FEWEST:
        return None
    best = _shared(case, nodes)
    macro = case.manifest.macros.get(best)
    if macro is None:
        return None
    path = macro.original_file_path
    draft = Draft(case, best)
    for signal in heads[:4]:
        draft.fact(signal.message[:400], case.path(signal.node))
    draft.fact(f"All of them call {macro.name}.", path)
    change = yield from latest_change(path)
    if change is not None:
        draft.fact(f"{path} was changed last here: {change.origin}.", path)
    names = ", ".join(case.node(uid).name for uid in nodes[:4])
    owner = case.owner(nodes[0]) or f"the author of {path}"
    return draft.escalate(
        f"{names} fail with one error, and all call the macro {macro.name}.",
        confidence=0.6,
        next_step=f"Ask {owner} to repair {macro.name} in {path}; its callers stay as they are.",
    )


def _shared(case: Case, nodes: list[str]) -> str:
    """The macro of the project that all nodes call; of several the one that fewest others call."""
    called: dict[str, set[str]] = {}
    for uid, node in case.manifest.nodes.items():
        for macro in node.depends_on_macros if uid.startswith("model.") else ():
            known = case.manifest.macros.get(macro)
            if known is not None and known.package_name == case.project:
                called.setdefault(macro, set()).add(uid)
    everywhere = [macro for macro, callers in called.items() if set(nodes) <= callers]
    quiet = set(nodes) | set(case.incident.skipped)
    return min(sorted(everywhere), key=lambda one: len(called[one] - quiet), default="")
