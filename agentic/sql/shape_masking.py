"""What, put around a column, can hide a bad value: everything but a cast, trimming, letter case,
rounding, a parse of a text, and a change of unit."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

# Functions that write the same value in another way. What is not listed here can hide one.
_FAITHFUL = """
CAST CONVERT UPPER LOWER LCASE UCASE INITCAP TRIM LTRIM RTRIM BTRIM ROUND TO_CHAR TO_VARCHAR
STRPTIME STRFTIME STR_TO_TIME STR_TO_DATE STR_TO_UNIX TIME_TO_STR TS_OR_DS_TO_DATE DATE
TO_DATE TO_TIMESTAMP TO_TIMESTAMP_NTZ TO_TIMESTAMP_TZ TO_TIMESTAMP_LTZ TO_NUMBER TO_DECIMAL
TO_NUMERIC TO_BOOLEAN TO_DOUBLE PARSE_DATE PARSE_DATETIME PARSE_TIMESTAMP PARSE_TIME DATETIME
TIMESTAMP TIMESTAMP_FROM_PARTS UNIX_TO_TIME UNIX_SECONDS UNIX_MILLIS EPOCH_MS MAKE_TIMESTAMP
FROM_UNIXTIME FROM_ISO8601_TIMESTAMP TS_OR_DS_TO_TIMESTAMP TIMESTAMP_SECONDS TIMESTAMP_MILLIS
CONVERT_TIMEZONE FROM_UTC_TIMESTAMP TO_UTC_TIMESTAMP AT_TIME_ZONE PARSE_JSON JSON_EXTRACT
JSON_EXTRACT_SCALAR JSON_VALUE JSONB_EXTRACT JSONB_EXTRACT_SCALAR STRUCT_EXTRACT GET_PATH
"""
FAITHFUL = frozenset(_FAITHFUL.split())


def function_name(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.this).upper()
    if isinstance(node, exp.Case):
        return "CASE"
    return node.sql_name().upper() if isinstance(node, exp.Func) else ""


def masking(tree: exp.Expr) -> Iterator[str]:
    """Everything in an expression that can hide a value, by name."""
    for node in tree.find_all(exp.Func, exp.Anonymous):
        name = function_name(node)
        if isinstance(node, exp.TryCast):
            yield "TRY_CAST"
        elif isinstance(node, exp.Connector) or (
            isinstance(node, exp.If) and isinstance(node.parent, exp.Case)
        ):
            continue
        elif isinstance(node, exp.AggFunc):
            yield f"AGG {name}"
        elif name not in FAITHFUL and _reads(node):
            yield name
    yield from _arithmetic(tree)
    yield from ("A COMPARISON" for one in tree.find_all(exp.Predicate) if _reads(one))


def _reads(node: exp.Expr) -> bool:
    """Does it take a column? Noise made of nothing hides what it is mixed with."""
    return node.find(exp.Column) is not None or isinstance(node, exp.Rand | exp.Uuid)


_FREE = (exp.Paren, exp.Dot, exp.Connector, exp.Predicate, exp.Func)
_NAMES = {"Neg": "A SIGN", "DPipe": "A CONCATENATION", "Add": "AN OFFSET", "Sub": "AN OFFSET"}


def _arithmetic(tree: exp.Expr) -> Iterator[str]:
    """Every operator but a change of unit: a sign that is turned, an offset, a factor of
    nothing."""
    for node in tree.find_all(exp.Binary, exp.Unary):
        if isinstance(node, _FREE) or not node.find(exp.Column):
            continue
        if not isinstance(node, exp.Mul | exp.Div):
            yield _NAMES.get(type(node).__name__, type(node).__name__.upper())
        elif _shared(node) or any(_not_positive(side) for side in (node.left, node.right)):
            yield "A FACTOR"


def _not_positive(side: exp.Expr) -> bool:
    inner = side.unnest()
    if isinstance(inner, exp.Neg):
        return True
    if not isinstance(inner, exp.Literal) or inner.is_string:
        return False
    try:
        return float(inner.this) <= 0
    except ValueError:
        return True


def _shared(node: exp.Expr) -> bool:
    assert isinstance(node, exp.Binary)
    left = {one.sql() for one in node.left.find_all(exp.Column)}
    return bool(left & {one.sql() for one in node.right.find_all(exp.Column)})
