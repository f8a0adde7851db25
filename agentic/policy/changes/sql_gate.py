"""Judges the SQL that a template becomes: one read of relations that the project knows, nothing
else."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from agentic.exceptions import SqlError
from agentic.policy.changes.values import OPAQUE, REF, SOURCE, THIS
from agentic.policy.sql.judge import judge_sql
from agentic.policy.world import World
from agentic.records import Verdict
from agentic.sql.shape_facts import Relation
from agentic.sql.shape_hazards import Hazard, hazards


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a query."""

    verdict: Verdict
    code: str
    reason: str


@lru_cache(maxsize=2048)
def judge_query(sql: str, dialect: str) -> tuple[Fault, ...]:
    """Faults of a compiled query, whatever it reads."""
    if not sql.strip():
        return ()  # a branch that prints nothing is no statement
    try:
        found = hazards(sql, dialect)
    except SqlError as error:
        if OPAQUE in sql:
            return (
                Fault(
                    "ask",
                    "SQL_POLICY",
                    f"What the SQL will be is only known to dbt ({error.message}).",
                ),
            )
        return (Fault("deny", "SQL_POLICY", f"The SQL does not parse: {error.message}."),)
    if found:
        return tuple(_fault(one) for one in found)
    return _by_sql_policy(sql, dialect)


# Names are judged by the project's own graph, personal data by lineage: these codes are not asked
# here.
_NOT_HERE = frozenset(
    [
        "UNKNOWN_TABLE",
        "UNKNOWN_COLUMN",
        "READ_DENIED",
        "CROSS_DATABASE",
        "PII_OUTPUT",
        "PII_PROBE",
        "PII_COPY",
        "AMBIGUOUS_IDENTIFIER",
        "PARSE_ERROR",
        "SYSTEM_CATALOG",
    ]
)
_OWN_CODE = {code: code for code in ("EXTERNAL_IO", "RESOURCE_ABUSE", "CODE_DEFINITION")}


def _by_sql_policy(sql: str, dialect: str) -> tuple[Fault, ...]:
    world = World(build_schemas=(REF, SOURCE, THIS), default_schema=REF)
    verdict = judge_sql(sql, dialect=dialect, role="reader", world=world)
    if verdict.verdict == "allow" or verdict.code in _NOT_HERE:
        return ()
    if "opaque" in verdict.reason:
        return ()  # a name that only dbt knows; what could hide in it is judged where it is made
    code = _OWN_CODE.get(verdict.code, "SQL_POLICY")
    return (Fault(verdict.verdict, code, f"{verdict.code}: {verdict.reason}"),)


def _fault(hazard: Hazard) -> Fault:
    code = {"file": "EXTERNAL_IO", "bound": "RESOURCE_ABUSE", "code": "CODE_DEFINITION"}.get(
        hazard.kind, "SQL_POLICY"
    )
    return Fault("deny", code, hazard.text)


def judge_relations(
    relations: Iterable[Relation], known: frozenset[str], denied: tuple[str, ...]
) -> list[Fault]:
    """Faults of the relations that a query names itself, without ref() or source()."""
    found = []
    for one in relations:
        if one.schema in (REF, SOURCE, THIS):
            continue
        text = ".".join(part for part in (one.schema, one.name) if part).lower()
        if any(fnmatchcase(text, pattern.removeprefix("relation:").lower()) for pattern in denied):
            found.append(Fault("deny", "READ_DENIED", f"{text} may not be read."))
        elif text not in known and OPAQUE not in text:
            found.append(
                Fault(
                    "deny",
                    "SQL_POLICY",
                    f"{text} is no relation of the project; declare a source or use ref().",
                )
            )
    return found
