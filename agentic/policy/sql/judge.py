"""Judges one SQL statement: allow, ask or deny, with a code. What cannot be decided is denied."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

from agentic.policy.sql.gate import gate, spaces, uncommented, unusual_space
from agentic.policy.sql.limits import judge_cost
from agentic.policy.sql.nodes import CLASS_CODES
from agentic.policy.sql.roots import code_by_words
from agentic.policy.sql.shows import judge_show, unwrap_explain
from agentic.policy.sql.syntax import judge_facts
from agentic.policy.sql.verdict import SqlVerdict
from agentic.policy.sql.writes import judge_writes
from agentic.policy.world import Lens, World
from agentic.records import sentence_start
from agentic.sql.effects import DIALECTS, Statement, facts_of, read_statements
from agentic.sql.effects_writes import Effects, effects_of
from agentic.sql.tables import GROUPED, MASKED, PII, PROBED, SYSTEM, Refusal

Role = Literal["reader", "writer"]

READ_ROOTS = frozenset(
    {
        "Select",
        "Union",
        "Intersect",
        "Except",
        "Subquery",
        "Values",
        "Describe",
        "Summarize",
        "Pivot",
    }
)
WRITE_ROOTS = frozenset(
    {"Create", "Insert", "Delete", "Update", "Merge", "Drop", "TruncateTable", "Alter"}
)
# The gravest reason is the one that is told; what is not listed comes last.
_GRAVITY = (
    "PARSER_DIFFERENTIAL",
    "MULTI_STATEMENT",
    "LOCKING",
    "EXTERNAL_IO",
    "DYNAMIC_SQL",
    "SIDE_EFFECT_FUNCTION",
    "SESSION_STATE",
    "PRIVILEGE_CHANGE",
    "CODE_DEFINITION",
    "HIDDEN_WRITE",
    "CASCADE",
    "WRITE_PROTECTED",
    "WRITE_OUT_OF_SCOPE",
    "ROLE_READ_ONLY",
    "READ_DENIED",
    "CROSS_DATABASE",
    "SYSTEM_CATALOG",
    "DYNAMIC_IDENTIFIER",
    "RESOURCE_ABUSE",
    "PII_OUTPUT",
    "PII_PROBE",
    "UNKNOWN_FUNCTION",
    "UNSUPPORTED_STATEMENT",
    "UNKNOWN_TABLE",
    "UNKNOWN_COLUMN",
)
_RANK = {code: rank for rank, code in enumerate(_GRAVITY)}
_HELP = {
    "reader": "One read statement over relations of the project would be allowed.",
    "writer": "A read, or CREATE TABLE, CREATE VIEW or INSERT in a build schema, would be allowed.",
}
_REMEMBERED = 2048


def judge_sql(sql: str, *, dialect: str, role: Role, world: World) -> SqlVerdict:
    """Judge one statement.

    Args:
        sql: the text, as it would be sent; compiled, without Jinja.
        dialect: one of `agentic.sql.effects.DIALECTS`.
        role: `reader` reads; `writer` also builds in the world's build schemas.
        world: relations and rules.

    Never raises for any text: what goes wrong inside is a denial. The answer is remembered by
    content, so that judging the same statement again costs nothing.
    """
    cache: OrderedDict[tuple[str, str, str], SqlVerdict]
    cache = world.__dict__.setdefault("verdicts", OrderedDict())
    key = (sql, dialect, role)
    known = cache.get(key)
    if known is not None:
        return known
    verdict = _judge_safely(sql, dialect, role, world)
    cache[key] = verdict
    if len(cache) > _REMEMBERED:
        cache.popitem(last=False)
    return verdict


def _judge_safely(sql: str, dialect: str, role: Role, world: World) -> SqlVerdict:
    if dialect not in DIALECTS or role not in _HELP:
        return deny(
            "UNSUPPORTED_STATEMENT", f"there is no policy for {dialect!r} as {role!r}", role
        )
    try:
        return _judge(sql, dialect, role, world)
    except RecursionError:
        return deny("RESOURCE_ABUSE", "it is nested too deeply", role)
    # The boundary of the policy: a fault in here must never let a statement through, nor stop a
    # run; the denial names it.
    except Exception as error:  # noqa: BLE001
        return deny("PARSE_ERROR", f"it cannot be judged ({type(error).__name__}: {error})", role)


def deny(code: str, reason: str, role: str, effects: Effects | None = None) -> SqlVerdict:
    """A denial with what would be allowed instead."""
    reads = effects.reads if effects is not None else ()
    writes = written(effects) if effects is not None else ()
    text = f"{sentence_start(reason).rstrip('.')}. {_HELP.get(role, '')}".strip()
    return SqlVerdict("deny", code, text, reads, writes)


def written(effects: Effects) -> tuple[str, ...]:
    """Names of the relations that are written."""
    return tuple(dict.fromkeys(one.target.text.lower() for one in effects.writes))


def _judge(sql: str, dialect: str, role: Role, world: World) -> SqlVerdict:
    refusal = gate(sql, dialect)
    if refusal is not None:
        return deny(refusal.code, refusal.reason, role)
    lens = world.lens(dialect)
    odd = unusual_space(sql, dialect)
    text = spaces(sql, dialect) if odd is not None else sql
    explained = unwrap_explain(text, dialect)
    if explained is not None:
        return _explained(explained, lens, role, odd)
    shown = judge_show(text, lens)
    if shown is not None:
        verdict = shown if shown.verdict == "allow" else deny(shown.code, shown.reason, role)
        return verdict if odd is None else deny(odd.code, odd.reason, role)
    try:
        statements = _read(text, dialect)
    except ValueError as error:
        code, reason = code_by_words(text) or ("PARSE_ERROR", str(error))
        return deny(code, reason, role)
    if len(statements) != 1:
        told = code_by_words(text)
        if told is not None and told[0] == "CODE_DEFINITION":
            return deny(told[0], told[1], role)
        reason = "there is more than one statement" if statements else "there is no statement"
        return deny("MULTI_STATEMENT" if statements else "PARSE_ERROR", reason, role)
    if odd is not None:
        return deny(odd.code, odd.reason, role)
    return judge_statement(statements[0], text, lens, role)


def _read(text: str, dialect: str) -> list[Statement]:
    """Parse; sqlglot cannot read `ORDER /* x */ BY`, so that comments may have to go first."""
    try:
        return read_statements(text, dialect)
    except ValueError:
        plain = uncommented(text, dialect)
        if plain == text:
            raise
        return read_statements(plain, dialect)


def _explained(explained: tuple[str, str, bool], lens: Lens, role: Role, odd: object) -> SqlVerdict:
    """EXPLAIN of a read is a read; its body is judged as a reader's, whoever asks."""
    prefix, body, executes = explained
    inner = _judge(body, lens.dialect, "reader", lens.world)
    hidden = ("ROLE_READ_ONLY", "WRITE_PROTECTED", "WRITE_OUT_OF_SCOPE", "DESTRUCTIVE_IN_SCOPE")
    if inner.verdict != "allow":
        code = "HIDDEN_WRITE" if inner.code in hidden else inner.code
        return deny(code, f"inside EXPLAIN: {inner.reason}", role)
    if executes:
        return deny("UNSUPPORTED_STATEMENT", "EXPLAIN ANALYZE executes the statement", role)
    if odd is not None:
        return deny("AMBIGUOUS_IDENTIFIER", "an unusual space is in the code", role)
    return SqlVerdict(
        "allow", "OK_READ", "It plans a read.", inner.reads, (), f"{prefix} {inner.sql}"
    )


def judge_statement(statement: Statement, text: str, lens: Lens, role: Role) -> SqlVerdict:
    """Judge one parsed statement."""
    reading = statement.root in READ_ROOTS
    if not reading and statement.root not in WRITE_ROOTS:
        code, reason = code_by_words(text) or _odd_root(statement)
        return deny(code, reason, role)
    facts = facts_of(statement)
    told = code_by_words(text) if not reading else None
    if told is not None and told[0] not in ("SYSTEM_CATALOG", "UNSUPPORTED_STATEMENT"):
        return deny(told[0], told[1], role)
    refusals = list(judge_facts(facts, lens.dialect))
    effects = effects_of(statement, lens, facts.tables)
    refusals.extend(effects.findings)
    if effects.unseen > 0:
        refusals.append(
            Refusal("UNSUPPORTED_STATEMENT", "a relation stands where none is expected")
        )
    cost = judge_cost(statement, facts.classes, frozenset(call.name for call in facts.calls))
    if cost is not None:
        refusals.append(cost)
    refusals.extend(_shown(effects))
    decided = judge_writes(statement, facts, effects, lens, role)
    refusals.extend(decided.refusals)
    if refusals:
        worst = min(refusals, key=lambda one: _RANK.get(one.code, len(_RANK)))
        return deny(worst.code, worst.reason, role, effects)
    masked = _masked(effects)
    try:
        generated = statement.text()
    except ValueError as error:
        return deny("PARSE_ERROR", str(error), role, effects)
    return SqlVerdict(
        decided.verdict,
        decided.code,
        decided.reason,
        effects.reads,
        written(effects),
        generated,
        masked,
    )


def _odd_root(statement: Statement) -> tuple[str, str]:
    if statement.root in CLASS_CODES:
        return CLASS_CODES[statement.root], "only one plain statement at a time is judged"
    if statement.root in ("Alias", "Column", "Literal", "Anonymous", "Paren", "Cast"):
        return "PARSE_ERROR", "this is not a statement"
    return "UNSUPPORTED_STATEMENT", f"{statement.root} is not on the list of statements"


def _shown(effects: Effects) -> list[Refusal]:
    label = effects.shown.rest or 0
    for _, one in effects.shown.pairs:
        label |= one
    found = []
    if label & PII:
        plain = [n for n, one in effects.shown.pairs if one & PII and not one & PROBED]
        code = "PII_PROBE" if label & PROBED and not plain else "PII_OUTPUT"
        what = f"column {plain[0]}" if plain and plain[0] else "a column"
        found.append(Refusal(code, f"{what} of its output is made from a protected value"))
    if label & GROUPED:
        found.append(Refusal("PII_PROBE", "it shows one figure for each protected value"))
    if label & SYSTEM:
        found.append(Refusal("SYSTEM_CATALOG", "its output holds definitions or settings"))
    return found


def _masked(effects: Effects) -> tuple[str, ...]:
    names = [name or "*" for name, label in effects.shown.pairs if label & MASKED]
    if (effects.shown.rest or 0) & MASKED:
        names.append("*")
    return tuple(dict.fromkeys(names))
