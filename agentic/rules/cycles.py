"""AR035: nodes that read each other in a circle."""

from __future__ import annotations

import re

from agentic.rules.asking import recent_changes, shapes_of, text_of
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.hunks import edit_change, line_of, undone
from agentic.rules.likeness import likeness
from agentic.rules.registry import rule
from agentic.sql import rewrite

_CYCLE = re.compile(r"[Ff]ound a cycle: (?P<way>[^\n]+)")
_REF = r"ref\(\s*(?:['\"][^'\"]+['\"]\s*,\s*)?['\"]%s['\"]\s*\)"
LIKE = 0.6


@rule(code="AR035", cls="circular_ref", order=8)
def circular_ref(case: Case) -> Steps[Diagnosis | None]:
    """Nodes read each other in a circle.

    What it does:
        Takes the circle that dbt names, and finds the `ref` that closed it: the one that the
        latest change wrote, else the one whose reader wants what only another node, not below it
        and with a like name, gives.

    Why:
        dbt has no order in which to build them, and builds nothing.

    Example:
        `stg_orders` reads `orders`, which reads `stg_orders`.

    Fix:
        That one `ref` names what it named before; the rest of the circle stays.
    """
    circle = _circle(case)
    if not circle:
        return None
    for at, child in enumerate(circle):
        parent = circle[(at + 1) % len(circle)]
        for reader, read in ((child, parent), (parent, child)):
            found = yield from _by_history(case, circle, reader, read)
            if found is not None:
                return found
    for at, child in enumerate(circle):
        parent = circle[(at + 1) % len(circle)]
        for reader, read in ((child, parent), (parent, child)):
            found = yield from _by_columns(case, circle, reader, read)
            if found is not None:
                return found
    names = " -> ".join(uid.rsplit(".", 1)[-1] for uid in [*circle, circle[0]])
    draft = Draft(case, circle[0])
    draft.fact(case.messages[0][:800], case.path(circle[0]))
    return draft.escalate(
        f"Nodes read each other in a circle: {names}.",
        confidence=0.9,
        next_step=f"Say which of them must not read the other: {names}.",
    )


def _circle(case: Case) -> list[str]:
    for text in case.messages:
        hit = _CYCLE.search(text)
        if hit:
            way = [one.strip(" .'\"") for one in re.split(r"-+>", hit["way"])]
            return [uid for uid in dict.fromkeys(way) if case.node(uid) is not None]
    return []


def _reads(case: Case, read: str, text: str) -> bool:
    return re.search(_REF % re.escape(case.node(read).name), text) is not None


def _by_history(case: Case, circle: list[str], reader: str, read: str) -> Steps[Diagnosis | None]:
    path = case.path(reader)
    text = yield from text_of(path)
    if not text or case.vendored(reader) or not _reads(case, read, text):
        return None
    for change in (yield from recent_changes()):
        if change.path != path or change.before is None or change.after != text:
            continue
        if _reads(case, read, change.before):
            return None
        for after in [*undone(change.before, text), change.before]:
            if not _reads(case, read, after):
                fact = f"The ref was written here ({change.origin})."
                return _cut(case, circle, (reader, read), (text, after), fact)
    return None


def _by_columns(case: Case, circle: list[str], reader: str, read: str) -> Steps[Diagnosis | None]:
    """Another node is what the reader wants: the columns that it reads, a like name, not below."""
    text = yield from text_of(case.path(reader))
    if not text or case.vendored(reader) or not _reads(case, read, text):
        return None
    name = case.node(read).name
    wanted = rewrite.columns_read(text, case.dialect).get(f"ref({name!r})", {})
    below = {*circle, *case.graph.descendants(reader)}
    options = [
        uid
        for uid, node in case.manifest.nodes.items()
        if uid.startswith(("model.", "seed.", "snapshot."))
        and uid not in below
        and node.package_name == case.project
        and likeness(node.name, name) >= LIKE
        and not re.search(_REF % re.escape(node.name), text)
    ]
    if wanted and options:
        shapes = yield from shapes_of(options)
        options = [u for u in options if u in shapes and set(wanted) <= set(shapes[u].columns)]
    if len(options) != 1:
        return None
    after = rewrite.replace_ref(text, name, case.node(options[0]).name)
    fact = f"{case.node(options[0]).name} has what is read, and is not below."
    return _cut(case, circle, (reader, read), (text, after or text), fact)


def _cut(
    case: Case,
    circle: list[str],
    edge: tuple[str, str],
    texts: tuple[str, str],
    fact: str,
) -> Diagnosis | None:
    reader, read = edge
    path, name, other = case.path(reader), case.node(reader).name, case.node(read).name
    change = edit_change(path, texts[0], texts[1], f"{name} must not read {other}")
    if change is None:
        return None
    draft = Draft(case, reader, None, other)
    draft.fact(case.messages[0][:800], path)
    draft.fact(fact, f"{path}:{line_of(texts[0], other)}")
    names = " -> ".join(uid.rsplit(".", 1)[-1] for uid in [*circle, circle[0]])
    finding = draft.finding(
        f"{name} reads {other}, which closes a circle: {names}.", confidence=0.94
    )
    return Diagnosis(
        finding,
        "fix",
        f"fix({name}): read what it read before {other}"[:120],
        f"{finding.summary} The one ref that closed it is corrected.",
        (change,),
    )
