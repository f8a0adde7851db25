"""Which functions may be called: pure ones, by engine in `calls/`. Unknown ones are denied."""

from __future__ import annotations

import re
from functools import cache

from agentic.policy.sql.word_lists import function_names, sections
from agentic.sql.effects import Call
from agentic.sql.tables import Refusal

_SAME_ENGINE = {"spark": "databricks"}
_COMBINATORS = re.compile(
    r"(simplestate|state|merge|mergestate|if|array|map|ornull|ordefault|distinct|foreach|resample"
    r"|argmin|argmax)$"
)
# What may stand before a dot: BigQuery's own families, and PostgreSQL's own schema.
_PREFIXES = {
    "bigquery": frozenset({"safe", "net", "hll_count", "kll_quantiles"}),
    "postgres": frozenset({"pg_catalog"}),
    "redshift": frozenset({"pg_catalog"}),
}
# Engines where `value.f()` is `f(value)`.
_CHAINING = frozenset({"duckdb"})

_DENIED: dict[str, str] = {
    name: code for code, names in sections("denied_functions").items() for name in names
}


@cache
def allowed(dialect: str) -> frozenset[str]:
    """Names of the functions that a dialect's statements may call, lower case."""
    return function_names("common") | function_names(_SAME_ENGINE.get(dialect, dialect))


def judge_call(call: Call, dialect: str) -> Refusal | None:
    """None when the call is of a listed function; else why not."""
    name = call.name
    denied = _DENIED.get(name)
    if denied is not None and not (name in allowed(dialect) and _overruled(name, dialect)):
        return Refusal(denied, f"function {name} does more than compute")
    if call.prefix:
        return _prefixed(call, dialect)
    if _known(name, dialect):
        return None
    if name.startswith("system$"):
        return Refusal("SIDE_EFFECT_FUNCTION", f"function {name} acts on the account")
    return Refusal("UNKNOWN_FUNCTION", f"function {name} is not on the list for {dialect}")


def _prefixed(call: Call, dialect: str) -> Refusal | None:
    if call.prefix in _PREFIXES.get(dialect, ()) and (
        _known(call.name, dialect) or f"{call.prefix}.{call.name}" in allowed(dialect)
    ):
        return None
    if dialect in _CHAINING and _known(call.name, dialect):
        return None
    model = call.prefix in ("ml", "ai", "cortex", "bqml") or "cortex" in call.prefix
    code = "SIDE_EFFECT_FUNCTION" if model else "UNKNOWN_FUNCTION"
    if call.prefix == "system" and call.name == "query":
        code = "DYNAMIC_SQL"
    return Refusal(code, f"{call.prefix}.{call.name} is not one of the engine's own functions")


def _overruled(name: str, dialect: str) -> bool:
    # The same name is a pure function in these engines.
    return (name, dialect) in {
        ("merge", "bigquery"),
        ("glob", "sqlite"),
        ("complete", "duckdb"),
        ("merge", "trino"),
    }


def _known(name: str, dialect: str) -> bool:
    names = allowed(dialect)
    if name in names:
        return True
    if dialect != "clickhouse":
        return False
    while True:
        shorter = _COMBINATORS.sub("", name)
        if shorter == name or not shorter:
            return False
        if shorter in names:
            return True
        name = shorter
