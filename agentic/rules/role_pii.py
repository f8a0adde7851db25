"""Personal data: columns that look like it, and every copy of them down the lineage."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from agentic.lineage import ColumnLineage, Edge
from agentic.rules.asking import Column, Shape, rows_of
from agentic.rules.case import Case, Steps
from agentic.rules.role_work import (
    MADE,
    ROOTS,
    Done,
    Wish,
    asked_about,
    counted,
    label,
    listed,
    live_shapes,
    not_looked_at,
    own_nodes,
    report,
    seen_at,
    traced,
    unlooked,
    write,
)
from agentic.rules.routines import routine
from agentic.rules.yaml_added import Said
from agentic.sql import quote

SURE = 0.7
"""From here on a column is tagged; below it is named for a person to look at."""
SHAPE_CALLS = 12
AT_ONCE = 20
"""Columns in one question about values."""
SHARE = 0.5
"""Of a column's filled values that must have a shape."""
_TEXT = re.compile(r"char|text|string|clob", re.IGNORECASE)
_NEVER = re.compile(
    r"(?:^(?:is|has|num|count|n)_|_(?:id|key|sk|at|on|count|cnt|type|status|flag|hash|sent|verified"
    r"|opt_?in|domain|length|valid|uuid|amount|total|fee|fees|rate|price|paid|share|cost)$|template|campaign|subject)"
)
_PEOPLE = re.compile(
    r"customer|user|employee|person|people|contact|patient|member|lead|subscriber|staff|author"
    r"|client|guest|driver|student|tenant|candidate|passenger|profile|account_holder"
)

# Category, how sure the name alone makes, whether only text may hold it, the name.
_NAMES: tuple[tuple[str, float, bool, re.Pattern[str]], ...] = (
    ("email", 0.85, True, re.compile(r"(?:^|_)e_?mail(?:_?addr(?:ess)?)?(?:_|$)")),
    ("phone", 0.85, False, re.compile(r"(?:^|_)(?:phone|mobile|msisdn|fax|telephone|cell)"
                                      r"(?:_?(?:number|no|nr))?(?:_|$)")),
    ("national_id", 0.9, False, re.compile(r"(?:^|_)(?:ssn|social_security(?:_number)?|passport"
                                           r"(?:_?(?:number|no))?|tax_?id|nif|national_?id"
                                           r"|driving_licen[cs]e)(?:_|$)")),
    ("payment", 0.9, False, re.compile(r"(?:^|_)(?:iban|card_?number|credit_card|pan|cvv"
                                       r"|bank_account(?:_?number)?)(?:_|$)")),
    ("birth_date", 0.9, False, re.compile(r"(?:^|_)(?:dob|date_of_birth|birth_?da(?:te|y))"
                                          r"(?:_|$)")),
    ("person_name", 0.85, True, re.compile(r"^(?:(?:customer|user|employee|contact|patient|member"
                                           r"|client|person|driver|guest)_)?(?:first|last|full"
                                           r"|middle|given|family|maiden)_?name$|surname")),
    ("person_name", 0.8, True, re.compile(r"^(?:customer|user|employee|contact|patient|member"
                                          r"|client|person|driver|guest|student)_name$")),
    ("address", 0.8, True, re.compile(r"(?:^|_)(?:street|address_?line|home_address|postal_address"
                                      r"|(?:billing|shipping|mailing)_address)(?:_|\d|$)")),
    ("ip_address", 0.85, True, re.compile(r"(?:^|_)ip(?:_?addr(?:ess)?)?$")),
    ("secret", 0.9, True, re.compile(r"(?:^|_)(?:password|passwd|pin_code|secret|api_key)(?:_|$)")),
)  # fmt: skip
_WEAK: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("person_name", re.compile(r"^name$")),
    ("address", re.compile(r"^(?:address|zip|zip_?code|post_?code|postal_code)$")),
)
# What values look like, without one of them being seen: LIKE and lengths alone.
_SHAPES: tuple[tuple[str, str], ...] = (
    ("email", "{c} like '%_@_%._%' and {c} not like '% %'"),
    ("national_id", "{c} like '___-__-____'"),
    ("phone", "{c} like '+%' and length({c}) between 9 and 20"),
)
_UNSAYING = re.compile(r"(?i)\b(?:md5|sha\d*|hash\w*|xxhash\w*|hex|count|length|len)\s*\(")
_KEPT = re.compile(
    r"(?i)\b(?:min|max|any_value|first|last|mode|string_agg|listagg|array_agg|list)\b"
)


class Suspect(msgspec.Struct, frozen=True):
    """A column that looks like personal data."""

    node: str
    column: str
    category: str
    confidence: float
    why: str


@routine("governance", order=50)
def tag_personal_data(case: Case) -> Steps[None]:
    """Propose the tag `pii` for columns that look like personal data, and for their copies."""
    nodes = own_nodes(case, *ROOTS, *MADE)
    shapes = yield from live_shapes(nodes)
    lineage = traced(case, shapes)
    tagged = _tagged(case)
    suspects, unasked = yield from _suspects(case, shapes, tagged)
    spread = _copies(lineage, suspects)
    wishes, doubts = [], []
    asked = asked_about(case, nodes)
    for uid in asked:
        wish = Wish(uid, why="personal data is tagged where it is and where it is passed on")
        for one in sorted(spread.values(), key=lambda one: one.column):
            if one.node != uid or (uid, one.column.lower()) in tagged:
                continue
            if one.confidence < SURE:
                doubts.append(one)
                continue
            meta = (("pii_category", one.category),)
            wish.said.append(Said(one.column, tags=("pii",), meta=meta))
        wishes.append(wish)
    done = yield from write(case, wishes)
    # What is asked about may hold copies of what lies above it.
    looked = {*asked, *(above for uid in asked for above in case.graph.ancestors(uid))}
    unseen = unlooked(case, [uid for uid in nodes if uid in looked], shapes)
    unseen += [column for uid, column in unasked if uid in looked]
    yield from _told(spread, done, doubts, not_looked_at(unseen))


def _suspects(
    case: Case, shapes: dict[str, Shape], tagged: set[tuple[str, str]]
) -> Steps[tuple[dict[tuple[str, str], Suspect], list[tuple[str, str]]]]:
    """By name and type everywhere; by the shape of values where the rows enter the project.

    Also (node, `node.column`) of the texts there whose values could not be asked about.
    """
    found: dict[tuple[str, str], Suspect] = {}
    unasked: list[tuple[str, str]] = []
    asked = 0
    for uid, shape in shapes.items():
        for column in shape.columns.values():
            one = by_name(uid, column.name, column.type)
            if one is not None:
                found[(uid, column.name.lower())] = one
        if not uid.startswith(ROOTS):
            continue
        # What is tagged already may not be asked, and would spoil the question about the others.
        texts = [
            column
            for name, column in shape.columns.items()
            if (uid, name) not in tagged and _TEXT.search(column.type)
        ]
        for first in range(0, len(texts), AT_ONCE):
            part = texts[first : first + AT_ONCE]
            by_value = None
            if asked < SHAPE_CALLS:
                asked += 1
                by_value = yield from _by_value(case, uid, shape, part)
            if by_value is None:
                unasked += [(uid, f"{uid}.{column.name}") for column in part]
                continue
            for key, (category, share) in by_value.items():
                name = shape.columns[key[1]].name
                found[key] = _with_shape(found.get(key), uid, name, category, share)
    return found, unasked


def _with_shape(
    known: Suspect | None, uid: str, column: str, category: str, share: float
) -> Suspect:
    seen = f"{share:.0%} of its values have the shape of {category.replace('_', ' ')}"
    if known is None:
        return Suspect(uid, column, category, 0.75, seen)
    confidence = 0.97 if known.category == category else known.confidence
    return msgspec.structs.replace(known, confidence=confidence, why=f"{known.why}; {seen}")


def by_name(uid: str, column: str, kind: str) -> Suspect | None:
    """What a column's name and type say of it; None where they say nothing."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower()
    if _NEVER.search(name) or re.match(r"(?i)bool", kind):
        return None
    text = bool(_TEXT.search(kind)) or not kind
    for category, confidence, text_only, pattern in _NAMES:
        if pattern.search(name) and (text or not text_only):
            why = f"its name says {category.replace('_', ' ')}"
            return Suspect(uid, column, category, confidence, why)
    for category, pattern in _WEAK:
        if text and pattern.search(name):
            people = bool(_PEOPLE.search(label(uid).lower()))
            if not people and category == "person_name":
                continue  # products, stores and teams have names too
            why = f"`{column}` of {'people' if people else 'something that may be no person'}"
            return Suspect(uid, column, category, 0.75 if people else 0.3, why)
    return None


def _by_value(
    case: Case, uid: str, shape: Shape, texts: list[Column]
) -> Steps[dict[tuple[str, str], tuple[str, float]] | None]:
    """Columns whose values have a telling shape, with their share. Only counts are asked; None
    where they may not be."""
    parts = []
    for at, column in enumerate(texts):
        name = quote(column.name, case.dialect)
        parts.append(f"count({name}) as n{at}")
        for number, (_, test) in enumerate(_SHAPES):
            parts.append(
                f"sum(case when {test.format(c=name)} then 1 else 0 end) as s{at}_{number}"
            )
    sql = f"select {', '.join(parts)} from {shape.relation}"  # noqa: S608 -- names are quoted
    rows = yield from rows_of(sql, max_rows=1)
    if not rows:
        return None
    found: dict[tuple[str, str], tuple[str, float]] = {}
    for at, column in enumerate(texts):
        filled = int(rows[0].get(f"n{at}") or 0)
        for number, (category, _) in enumerate(_SHAPES):
            share = int(rows[0].get(f"s{at}_{number}") or 0) / filled if filled else 0.0
            if share >= SHARE:
                found[(uid, column.name.lower())] = (category, share)
    return found


def _copies(
    lineage: ColumnLineage, suspects: dict[tuple[str, str], Suspect]
) -> dict[tuple[str, str], Suspect]:
    """The suspects and what is made of them, as far as a value can still be told from it."""
    found = dict(suspects)
    waiting = [one for one in suspects.values() if one.confidence >= SURE]
    while waiting:
        one = waiting.pop(0)
        for edge in lineage.downstream(one.node, one.column):
            key = (edge.node, edge.column.lower())
            if (
                not edge.column
                or edge.column == "*"
                or not _still_tells(edge.kind, _made_by(lineage, edge, one))
            ):
                continue
            known = found.get(key)
            if known is not None and known.confidence >= SURE:
                continue
            why = f"made of {label(one.node)}.{one.column}"
            copy = Suspect(edge.node, edge.column, one.category, one.confidence, why)
            found[key] = copy
            waiting.append(copy)
    return found


def _made_by(lineage: ColumnLineage, edge: Edge, parent: Suspect) -> str:
    """The expression that makes a column of its parent's."""
    if edge.kind in ("unchanged", "renamed") or edge.expression:
        return edge.expression
    told = (
        up.expression
        for up in lineage.upstream(edge.node, edge.column)
        if up.node == parent.node and up.column.lower() == parent.column.lower()
    )
    return next((text for text in told if text), "")


def _still_tells(kind: str, expression: str) -> bool:
    if kind in ("unchanged", "renamed"):
        return True
    if kind == "transformed":
        # A comparison is a flag; a hash or a length tells no value.
        flag = re.search(r"(?i)^\s*(?:not\b|case\b.*\b(?:true|1|0)\b)|[<>=]|\bis (?:not )?null\b|"
                         r"\blike\b|\bin \(", expression)  # fmt: skip
        return bool(expression) and not flag and not _UNSAYING.search(expression)
    return kind == "aggregated" and bool(_KEPT.search(expression))


def _tagged(case: Case) -> set[tuple[str, str]]:
    """Columns that are tagged already, or lie in a node that is tagged whole."""
    found = set()
    for uid, node in case.manifest.all.items():
        for column in getattr(node, "columns", {}).values():
            tags = {*column.tags, *(column.config.get("tags") or [])}
            if "pii" in tags or "pii" in getattr(node, "tags", ()) or column.meta.get("pii"):
                found.add((uid, column.name.lower()))
    return found


def _told(
    spread: dict[tuple[str, str], Suspect], done: Done, doubts: list[Suspect], unseen: str
) -> Steps[None]:
    doubt = "; ".join(f"{label(one.node)}.{one.column} ({one.why})" for one in doubts[:10])
    unsure = f"Not sure, so not tagged: {doubt}." if doubt else ""
    written = [
        spread[(wish.node, said.column.lower())] for wish in done.written for said in wish.said
    ]
    policy = _policy(written, doubts)
    if not written:
        left = doubts or done.refused or unseen
        where = " in what was looked at" if unseen else ""
        rest = " ".join(filter(None, (unsure, unseen, done.rest())))
        yield from report(
            decision="escalate" if left else "no_change",
            title=f"no personal data is left to tag{where}",
            rationale=f"Nothing more{where} looks like personal data. {rest}".strip(),
            said=policy if doubts else None,
            step="A person says of these columns whether they hold personal data."
            if doubts or unseen
            else "",
        )
        return
    first = done.written[0]
    count = f"{counted(len(written), 'column')} of {counted(len(done.written), 'node')}"
    yield from report(
        decision="fix",
        title=f"governance({label(first.node)}): tag {count} as pii",
        rationale=(
            f"{count} tagged: personal data by name, type and shape of values, or made of such "
            "columns. No value was read out. What is tagged cannot be read by agents until "
            f"`read.mask` names it. {' '.join(filter(None, (unsure, unseen, done.rest())))}"
        ).strip(),
        said=policy,
    )


def _policy(written: list[Suspect], doubts: list[Suspect]) -> dict[str, Any]:
    every = [*written, *doubts][:200]
    found = sorted({one.category for one in written})
    return {
        "summary": f"{counted(len(written), 'column')} to tag: {listed(found)}."
        if written
        else "Columns that a person has to judge.",
        "columns": [
            {
                "node": one.node,
                "column": one.column,
                "category": one.category,
                "measure": "tag" if one.confidence >= SURE else "none",
                "why": one.why,
                "confidence": one.confidence,
            }
            for one in every
        ],
        "rules": ['read: {mask: ["tag:pii"]}'] if written else [],
        "evidence": [
            seen_at(f"{one.column}: {one.why}.", f"{one.node}.{one.column}") for one in every[:30]
        ],
    }
