"""AR057 to AR059: one model's SQL parses, and names or groups what the warehouse cannot bind."""

from __future__ import annotations

import re

import msgspec

from agentic.records import sentence_start
from agentic.rules.asking import recent_changes, shapes_of, text_of
from agentic.rules.binding_mends import grouped, meant, names_in, qualified, renamed, words_named
from agentic.rules.case import Case, Diagnosis, Draft, Steps
from agentic.rules.history import restored
from agentic.rules.hunks import edit_change, line_of
from agentic.rules.likeness import edit_distance, mentions
from agentic.rules.mends import Mend
from agentic.rules.registry import rule
from agentic.rules.trying import accepted, chosen

_COLUMN = (
    re.compile(r"Referenced column \"(?P<name>[^\"]+)\" not found"),
    re.compile(
        r"(?:Values list|Table) \"(?P<table>[^\"]+)\" does not have a column named "
        r"\"(?P<name>[^\"]+)\""
    ),
    re.compile(r"column \"?(?:(?P<table>\w+)\.)?(?P<name>\w+)\"? does not exist", re.IGNORECASE),
    re.compile(r"invalid identifier '(?:(?P<table>\w+)\.)?\"?(?P<name>\w+)\"?'", re.IGNORECASE),
    re.compile(r"Unrecognized name: (?:(?P<table>\w+)\.)?(?P<name>\w+)"),
)
_FUNCTION = (
    re.compile(r"Function with name (?P<name>\w+) does not exist"),
    re.compile(r"function (?:\w+\.)?(?P<name>\w+)\([^)]*\) does not exist", re.IGNORECASE),
    re.compile(r"(?:Unknown function|Function not found:?) (?P<name>\w+)", re.IGNORECASE),
)
_TABLE = (
    re.compile(r"Referenced table \"(?P<name>[^\"]+)\" not found"),
    re.compile(r"Table with name (?P<name>\w+) does not exist"),
    re.compile(r"missing FROM-clause entry for table \"(?P<name>[^\"]+)\""),
    re.compile(r"relation \"(?P<name>\w+)\" does not exist"),
)
_HINTS = re.compile(r"(?:Did you mean|Candidate \w+:|Perhaps you meant)(?P<rest>[^\n]*)")
_HINT = re.compile(r"[\"'](?:[\w]+\.)?(\w+)[\"']")
_GROUP = re.compile(r"column \"?(?:\w+\.)?(?P<name>\w+)\"? must appear in the GROUP BY", re.I)
_GROUPS = re.compile(
    r"not (?:a valid group by expression|in aggregate function)|neither grouped", re.I
)
_AMBIGUOUS = re.compile(
    r"[Aa]mbiguous (?:reference to )?column (?:name|reference)?\s*[\"']?(?P<name>\w+)"
    r"|column reference \"(?P<pg>\w+)\" is ambiguous|ambiguous column name '(?P<sf>\w+)'"
)
_USE = re.compile(r"[\"'](?P<alias>\w+)\.\w+[\"']")
_OTHER_NAMES = {
    "lowercase": "lower", "uppercase": "upper", "len": "length", "ifnull": "coalesce",
    "isnull": "coalesce", "nvl": "coalesce", "getdate": "current_timestamp", "average": "avg",
    "mean": "avg", "substr": "substring", "total": "sum", "ceiling": "ceil", "to_number": "cast",
}  # fmt: skip


class Misnamed(msgspec.Struct, frozen=True):
    """A name that the warehouse could not bind."""

    kind: str
    """column, function or table."""
    name: str
    table: str
    hints: tuple[str, ...]
    text: str


@rule(code="AR059", cls="name_typo", order=16)
def name_typo(case: Case) -> Steps[Diagnosis | None]:
    """A model misspells a column, a function, a CTE or an alias.

    What it does:
        Takes the name that the warehouse could not bind and the one near name that its parents, its
        own text or the warehouse's hint offer. A column's name that other nodes read, or that
        stood there before the latest change, is no misspelling: there the parent changed.

    Why:
        One wrong letter is one edit, and no reason to change the parent or the raw data.

    Example:
        `sum(orders.tax_pad)` while the parent has `tax_paid`; `minn(ordered_at)`.

    Fix:
        The name is corrected where it stands, when the warehouse's planner takes it.
    """
    found = _misnamed(case)
    uid, path = case.place, case.path(case.place)
    if found is None or case.vendored(uid) or not uid.startswith(("model.", "snapshot.", "test.")):
        return None
    code = yield from text_of(path)
    if not code or not path.endswith(".sql") or not words_named(code, found.name):
        return None
    known = yield from _known(case, uid, code, found)
    right = meant(found.name, known, found.hints)
    if found.kind == "function":
        right = right or _OTHER_NAMES.get(found.name.lower())
    if right is None:
        return None
    if found.kind == "column" and not (yield from _typed_here(case, path, found.name, right)):
        return None
    after = renamed(code, found.name, right, table=found.table)
    if (yield from accepted(case, uid, code, after)) is False:
        return None
    change = edit_change(path, code, after, f"{right} was meant")
    if change is None:
        return None
    name = case.node(uid).name
    draft = Draft(case, uid, right if found.kind == "column" else None, found.name)
    draft.fact(found.text[:800], f"{path}:{line_of(code, found.name)}")
    draft.fact(f"{found.name} is no {found.kind} here; {right} is, and nothing else calls it so.")
    return Diagnosis(
        finding=draft.finding(
            f"{name} says {found.name}, which is no {found.kind}; {right} is.", confidence=0.94
        ),
        decision="fix",
        title=f"fix({name}): write {right} for {found.name}",
        rationale=f"{found.name} is a misspelling of {right}; nothing else changes.",
        changes=(change,),
    )


@rule(code="AR058", cls="ambiguous_column", order=17)
def ambiguous_column(case: Case) -> Steps[Diagnosis | None]:
    """A model reads a column that two of the joined relations have.

    What it does:
        Finds the bare name in the query that joins, and says it with the alias of the relation
        that the query starts from; the warehouse's planner has to take it.

    Why:
        The join's left side keeps every row's key; the right side's may be null.

    Example:
        `select customer_id ... from customers left join orders using ...`.

    Fix:
        `customers.customer_id`, in that query alone.
    """
    for text in case.messages:
        hit = _AMBIGUOUS.search(text)
        if hit is None:
            continue
        column = next(one for one in hit.groups() if one)
        aliases = [one["alias"] for one in _USE.finditer(text)]
        draft = Draft(case, case.place, column, column)
        made = _Qualified(column, tuple(aliases))
        return (yield from _mended(case, draft, text, made))
    return None


@rule(code="AR057", cls="missing_group_by", order=17)
def missing_group_by(case: Case) -> Steps[Diagnosis | None]:
    """A model sums rows up, and does not group by what it selects beside.

    What it does:
        Finds the query that aggregates, and adds the `group by` that it lacks, or the column.

    Why:
        The select list says what the rows are: the grouping follows from it.

    Example:
        `select order_id, sum(amount) from payments`.

    Fix:
        `group by order_id` at the end of that query, when the warehouse's planner takes it.
    """
    for text in case.messages:
        hit = _GROUP.search(text)
        if hit is None and not _GROUPS.search(text):
            continue
        column = hit["name"] if hit else ""
        draft = Draft(case, case.place, column or None, None)
        return (yield from _mended(case, draft, text, _Grouped(column)))
    return None


class _Qualified(msgspec.Struct, frozen=True):
    column: str
    aliases: tuple[str, ...]

    def __call__(self, code: str, dialect: str) -> list[Mend]:
        return qualified(code, dialect, self.column, self.aliases)


class _Grouped(msgspec.Struct, frozen=True):
    column: str

    def __call__(self, code: str, dialect: str) -> list[Mend]:
        return grouped(code, dialect, self.column)


def _mended(
    case: Case, draft: Draft, text: str, made: _Qualified | _Grouped
) -> Steps[Diagnosis | None]:
    uid, path = case.place, case.path(case.place)
    if case.node(uid) is None or not path.endswith(".sql"):
        return None
    name = case.node(uid).name
    draft.fact(text[:800], path)
    first = next((line.strip() for line in text.splitlines()[1:] if line.strip()), text)
    summary = f"{name} cannot be bound: {first[:200]}"
    code = None if case.vendored(uid) else (yield from text_of(path))
    best = (yield from chosen(case, uid, code, made(code, case.dialect))) if code else None
    change = edit_change(path, code or "", best.text, best.why) if best is not None else None
    if best is None or change is None:
        return (yield from restored(case, draft, summary, "the query that worked"))
    return Diagnosis(
        finding=draft.finding(summary, confidence=0.93),
        decision="fix",
        title=f"fix({name}): {best.why}"[:120],
        rationale=f"{summary} {sentence_start(best.why)}; nothing else changes.",
        changes=(change,),
    )


def _misnamed(case: Case) -> Misnamed | None:
    for text in case.messages:
        hints = tuple(
            name for part in _HINTS.finditer(text) for name in _HINT.findall(part["rest"])
        )
        for kind, patterns in (("column", _COLUMN), ("function", _FUNCTION), ("table", _TABLE)):
            for pattern in patterns:
                if hit := pattern.search(text):
                    table = hit.groupdict().get("table") or ""
                    return Misnamed(kind, hit["name"], table, hints, text)
    return None


def _known(case: Case, uid: str, code: str, found: Misnamed) -> Steps[set[str]]:
    """Names that may have been meant: for a column what the parents have, else the text's own."""
    if found.kind != "column":
        return names_in(code) if found.kind == "table" else set()
    parents = [u for u in case.graph.parents(uid) if not u.startswith("test.")]
    shapes = yield from shapes_of(parents)
    live = {c.name for shape in shapes.values() for c in shape.columns.values()}
    return live | {name for name in names_in(code) if f"as {name}".lower() in code.lower()}


def _typed_here(case: Case, path: str, wrong: str, right: str) -> Steps[bool]:
    """Was the name misspelt in this file, or did the parent rename its column?"""
    others = [n for n in case.manifest.nodes.values() if n.original_file_path != path]
    sql = [n.raw_code or "" for n in others if not n.unique_id.startswith("test.")]
    declared = [
        name for n in case.manifest.all.values() for name in (getattr(n, "columns", None) or {})
    ]
    if any(mentions(text, wrong) for text in sql) or wrong.lower() in map(str.lower, declared):
        return False
    changes = yield from recent_changes()
    for change in changes:
        if change.path == path and change.before is not None:
            return not mentions(change.before, wrong)
    if changes and not any(change.path == path for change in changes):
        return False
    # No history: letters alone are a slip of the hand, words and figures are a new name.
    plain = wrong.count("_") == right.count("_") and wrong.isidentifier()
    return plain and edit_distance(wrong, right) <= 2 and len(wrong) >= 4
