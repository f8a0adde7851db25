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
_NEW = re.compile(r"The last build of (?P<reader>\S+) did not read (?P<read>\S+?)\.?(?:\n|$)")
_LOST = re.compile(r"It read what it reads no more: (?P<lost>[^\n]+)")
_LAYERS = (("base",), ("stg", "staging"), ("int", "intermediate"), ("dim", "fct", "marts", "mart"))
LIKE = 0.6


@rule(code="AR035", cls="circular_ref", order=8)
def circular_ref(case: Case) -> Steps[Diagnosis | None]:
    """Nodes read each other in a circle.

    What it does:
        Takes the circle that dbt names, and finds the `ref` that closed it: the one that the
        latest change wrote, or that the SQL of the last build did not have, else the one whose
        reader wants what only another node, not below it and with a like name, gives.

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
    edges = _edges(case, circle)
    for reader, read in edges:
        found = yield from _by_history(case, circle, reader, read)
        if found is not None:
            return found
    new = _new_edge(case)
    if new is not None:
        found = yield from _by_last_build(case, circle, *new)
        if found is not None:
            return found
    for reader, read in [new] if new else edges:
        found = yield from _by_columns(case, circle, reader, read)
        if found is not None:
            return found
    return _asked(case, circle, new)


def _asked(case: Case, circle: list[str], new: tuple[str, str] | None) -> Diagnosis:
    """The circle with what speaks against each of its refs; a person says which one goes."""
    edges = _edges(case, circle)
    against = [edge for edge in edges if _upwards(case, *edge)]
    guilty = new or (against[0] if len(against) == 1 else None)
    names = " -> ".join(uid.rsplit(".", 1)[-1] for uid in [*circle, circle[0]])
    draft = Draft(case, guilty[0] if guilty else circle[0])
    draft.fact(case.messages[0][:800], case.path(draft.node))
    for reader, read in edges:
        words = [f"{_short(case, reader)} reads {_short(case, read)}"]
        words += ["its last build did not"] if (reader, read) == new else []
        words += ["a layer above its own"] if (reader, read) in against else []
        draft.fact("; ".join(words), case.path(reader))
    return draft.escalate(
        f"Nodes read each other in a circle: {names}.",
        confidence=0.9,
        next_step=(
            f"Say what {_short(case, guilty[0])} should read in place of {_short(case, guilty[1])}."
            if guilty
            else f"Say which of them must not read the other: {names}."
        ),
    )


def _circle(case: Case) -> list[str]:
    for text in case.messages:
        hit = _CYCLE.search(text)
        if hit:
            way = [one.strip(" .'\"") for one in re.split(r"-+>", hit["way"])]
            return [uid for uid in dict.fromkeys(way) if case.node(uid) is not None]
    return []


def _edges(case: Case, circle: list[str]) -> list[tuple[str, str]]:
    """(reader, read) of each step of the circle; dbt names it in either direction."""
    pairs = [(one, circle[(at + 1) % len(circle)]) for at, one in enumerate(circle)]
    both = [edge for one, other in pairs for edge in ((one, other), (other, one))]
    known = [(a, b) for a, b in dict.fromkeys(both) if b in case.node(a).depends_on_nodes]
    return known or list(dict.fromkeys(both))


def _new_edge(case: Case) -> tuple[str, str] | None:
    """The one step that the last built SQL did not have, where the artifacts still told."""
    for text in case.messages:
        hit = _NEW.search(text)
        if hit and case.node(hit["reader"]) is not None and case.node(hit["read"]) is not None:
            return hit["reader"], hit["read"]
    return None


def _short(case: Case, unique_id: str) -> str:
    return str(case.node(unique_id).name)


def _upwards(case: Case, reader: str, read: str) -> bool:
    """The reader's layer, by folder and prefix, lies below the one that it reads."""
    one, other = _layer(case, reader), _layer(case, read)
    return one is not None and other is not None and one < other


def _layer(case: Case, unique_id: str) -> int | None:
    path = case.path(unique_id).lower()
    words = {*path.split("/")[:-1], _short(case, unique_id).lower().split("_", 1)[0]}
    found = [rank for rank, names in enumerate(_LAYERS) if words & set(names)]
    return found[0] if len(found) == 1 else None


def _by_last_build(
    case: Case, circle: list[str], reader: str, read: str
) -> Steps[Diagnosis | None]:
    """The last built SQL of the reader names what it read before: one node, which it lost."""
    hits = (_LOST.search(text) for text in case.messages)
    lost = next((hit["lost"].split(", ") for hit in hits if hit), [])
    text = yield from text_of(case.path(reader))
    if len(lost) != 1 or not text or case.vendored(reader) or not _reads(case, read, text):
        return None
    before = case.node(lost[0])
    if before is None or lost[0] in case.graph.descendants(reader):
        return None
    if lost[0].startswith("source."):
        call = f"source('{before.source_name}', '{before.name}')"
        after = re.sub(_REF % re.escape(_short(case, read)), call, text)
    else:
        after = rewrite.replace_ref(text, _short(case, read), before.name) or text
    fact = f"The last build of {_short(case, reader)} read {before.name} here."
    return _cut(case, circle, (reader, read), (text, after), fact)


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
