"""Labels of expressions: what a value was made from, and what its use would tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from agentic.sql.tables import BARE, CLEAN, GROUPED, PII, PROBED, Columns
from agentic.sql.taint_branches import Branches
from agentic.sql.taint_columns import ColumnNames
from agentic.sql.taint_scope import Scope, listed_label, rowwise

_TEXT_TYPES = frozenset(
    {
        "CHAR", "VARCHAR", "NCHAR", "NVARCHAR", "TEXT", "BPCHAR", "NAME", "TINYTEXT", "MEDIUMTEXT",
        "LONGTEXT", "FIXEDSTRING", "LOWCARDINALITY", "NULLABLE", "UNKNOWN", "STRING",
    }
)  # fmt: skip
_QUIET_BYTES = frozenset({"postgres", "redshift"})
_COUNTERS: tuple[type, ...] = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.Hll)
_COUNTER_NAMES = frozenset(
    [
        "uniq", "uniqexact", "uniqcombined", "uniqcombined64", "uniqhll12", "uniqthetasketch",
        "count_big", "approx_count_distinct", "approx_count_distinct_ds_hll",
        "approximate_count_distinct", "ndv", "countif", "countdistinct", "count_distinct",
        "list_count", "hll", "approx_distinct", "approx_count",
    ]
)  # fmt: skip
_NUMBERS: tuple[type, ...] = (*_COUNTERS, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile)
_PROBES: tuple[type, ...] = (
    exp.Predicate,
    exp.StartsWith,
    exp.EndsWith,
    exp.Contains,
    exp.StrPosition,
    exp.RegexpLike,
    exp.RegexpILike,
    exp.RegexpInstr,
    exp.RegexpCount,
    exp.RegexpFullMatch,
    exp.MatchAgainst,
    exp.ArrayContains,
    exp.ArrayOverlaps,
    exp.Levenshtein,
    exp.EqualNull,
    exp.Search,
)
# Functions that give a result for every text.
_TOTAL: tuple[type, ...] = (
    exp.AggFunc, exp.Coalesce, exp.Concat, exp.ConcatWs, exp.Substring, exp.Left, exp.Right,
    exp.Length, exp.MD5, exp.MD5Digest, exp.SHA, exp.SHA2, exp.SHA1Digest, exp.SHA2Digest, exp.Hex,
    exp.LowerHex, exp.Replace, exp.RegexpReplace, exp.RegexpExtract, exp.RegexpSubstr, exp.Split,
    exp.SplitPart, exp.SubstringIndex, exp.Reverse, exp.Pad, exp.Initcap, exp.Array, exp.Struct,
    exp.Greatest, exp.Least, exp.StarMap, exp.JSONObject, exp.Explode, exp.Unnest, exp.Nullif,
    exp.StrPosition, exp.FarmFingerprint, exp.Ascii, exp.Typeof, exp.Transform, exp.ArraySize,
)  # fmt: skip
_TOTAL_NAMES = frozenset(
    """hash sha1 sha256 sha512 md5 md5_number md5_hex xxhash64 hashbytes to_json to_jsonb row
    row_to_json json_build_object jsonb_build_object to_utf8 checksum cityhash64 siphash64
    """.split()  # noqa: SIM905
)
_EQUALITIES: tuple[type, ...] = (
    exp.EQ,
    exp.NullSafeEQ,
    exp.NEQ,
    exp.NullSafeNEQ,
    exp.EqualNull,
)
_KEEPING: tuple[type, ...] = (exp.Lower, exp.Upper, exp.Trim, exp.Paren, exp.Distinct, exp.Collate)
_NOTHING: tuple[type, ...] = (
    exp.Identifier,
    exp.Literal,
    exp.DataType,
    exp.Null,
    exp.Boolean,
    exp.Placeholder,
    exp.JSONPath,
    exp.WindowSpec,
    exp.SessionParameter,
    exp.Pseudocolumn,
)


class Values(Branches, ColumnNames):
    """The half of the resolver that knows expressions. Mixed into `Resolver`."""

    dialect: str
    seen: set[int]
    refuse: Any
    query: Any
    source: Any

    def value(self, node: Any, scope: Scope) -> int:
        """The label of an expression."""
        handler = _HANDLERS.get(node.__class__)
        if handler is None:
            handler = _HANDLERS[node.__class__] = _choose(node.__class__)
        return handler(self, node, scope)

    def predicate(self, node: Any, scope: Scope) -> None:
        """An expression that chooses rows: no protected value may decide."""
        if self.value(node, scope) & PII:
            self.refuse("PII_PROBE", "it uses a protected value in a condition")

    def children(self, node: Any, scope: Scope) -> int:
        """All labels below a node; the value itself is no longer bare."""
        label = CLEAN
        for value in node.args.values():
            if value.__class__ is list:
                for one in value:
                    if isinstance(one, exp.Expr):
                        label |= self.value(one, scope)
            elif isinstance(value, exp.Expr):
                label |= self.value(value, scope)
        return label & ~BARE

    # -- operators and functions ---------------------------------------------------------------

    def keeping(self, node: Any, scope: Scope) -> int:
        """Wrappers that leave a value what it is."""
        label = CLEAN
        bare = BARE
        for value in node.args.values():
            for one in value if value.__class__ is list else [value]:
                if isinstance(one, exp.Expr):
                    own = self.value(one, scope)
                    bare &= own if own & PII else bare
                    label |= own
        return label if bare else label & ~BARE

    def cast(self, node: Any, scope: Scope) -> int:
        """A cast to text keeps the value; any other cast may print it in an error."""
        label = self.value(node.this, scope)
        kind = getattr(node.args.get("to"), "this", None)
        if str(getattr(kind, "name", kind)) in _TEXT_TYPES:
            return label
        # PostgreSQL's error about bytea does not quote the value.
        quiet = self.dialect in _QUIET_BYTES and str(getattr(kind, "name", kind)) == "VARBINARY"
        if not isinstance(node, exp.TryCast) and not quiet:
            self.may_fail(label)
        return label & ~BARE

    def may_fail(self, label: int) -> None:
        """An error's text holds the value, whether or not anything else uses the result."""
        if label & PII:
            self.refuse("PII_PROBE", "an error in it would print a protected value")

    def function(self, node: Any, scope: Scope) -> int:
        """A function of protected values must not be able to fail on one."""
        label = self.children(node, scope)
        if label & PII and not isinstance(node, _TOTAL):
            self.may_fail(label)
        return label

    def chain(self, node: Any, scope: Scope) -> int:
        """Operators; a long chain of them does not recurse."""
        label, first = CLEAN, node
        while isinstance(node, exp.Binary) and not isinstance(node, _PROBES):
            right = node.args.get("expression")
            if isinstance(right, exp.Expr):
                label |= self.value(right, scope)
            label |= self.beyond(node, scope)
            node = node.this
        if isinstance(node, exp.Expr):
            label |= self.value(node, scope)
        if not isinstance(first, exp.DPipe | exp.Connector | exp.Bracket):
            self.may_fail(label)
        return label & ~BARE

    def probe(self, node: Any, scope: Scope) -> int:
        """A comparison: its result tells something, unless both sides are protected and equal."""
        left, right = node.args.get("this"), node.args.get("expression")
        shown = isinstance(node.parent, exp.Select | exp.Alias)
        if isinstance(node, _EQUALITIES) and isinstance(right, exp.Expr):
            one, other = self.value(left, scope), self.value(right, scope)
            if one & other & BARE and not shown:
                return (one | other) & ~(BARE | PII | PROBED)
            label = one | other
        else:
            label = self.children(node, scope)
        if any(isinstance(side, exp.Literal) and not side.is_string for side in (left, right)):
            # The engine casts the value to a number.
            self.may_fail(label)
        return (label & ~BARE) | (PROBED if label & PII else CLEAN)

    def is_(self, node: Any, scope: Scope) -> int:
        """IS NULL tells only that a value is missing."""
        label = self.value(node.this, scope)
        if isinstance(node.expression, exp.Null) and (label & BARE or not label & PII):
            return label & ~(BARE | PII | PROBED)
        return (label & ~BARE) | (PROBED if label & PII else CLEAN)

    def in_(self, node: Any, scope: Scope) -> int:
        """IN a list compares; IN a query of protected values joins."""
        label = self.value(node.this, scope)
        query = node.args.get("query")
        if query is not None:
            inner = self.query(query, scope, scope.ctes)
            other = inner.pairs[0][1] if inner.pairs else inner.whole()
            if label & other & BARE:
                return CLEAN
            label |= other
        for key in ("expressions", "unnest", "field"):
            value = node.args.get(key)
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, exp.Expr):
                    label |= self.value(one, scope)
        return (label & ~BARE) | (PROBED if label & PII else CLEAN)

    def count(self, node: Any, scope: Scope) -> int:
        """Counting a protected value is fine; counting what was made from it is a question."""
        label = CLEAN
        for value in node.args.values():
            for one in value if value.__class__ is list else [value]:
                if isinstance(one, exp.Expr) and one.__class__ is not exp.Star:
                    label |= self.counted(one, scope)
        if isinstance(node, exp.CountIf) and isinstance(node.this, exp.Column):
            # What is counted is a condition: a text would be made a boolean, or fail as one.
            self.may_fail(self.value(node.this, scope))
        return label

    def anonymous(self, node: Any, scope: Scope) -> int:
        """A function known by name only."""
        name = str(node.name).lower()
        if name in _COUNTER_NAMES:
            return self.count(node, scope)
        label = self.children(node, scope)
        if name not in _TOTAL_NAMES:
            self.may_fail(label)
        return label

    def window(self, node: Any, scope: Scope) -> int:
        """A window: grouping by a protected value is fine for numbers, ordering by it is not."""
        label = self.value(node.this, scope)
        named = node.args.get("alias")
        parts = [node]
        if named is not None and str(named.name).lower() in scope.windows:
            parts.append(scope.windows[str(named.name).lower()])
        inner = node.this
        while isinstance(inner, exp.IgnoreNulls | exp.RespectNulls | exp.Filter):
            inner = inner.this
        for part in parts:
            for key in part.args.get("partition_by") or ():
                own = self.value(key, scope)
                if own & PII:
                    counts = isinstance(inner, _NUMBERS) and own & BARE
                    label |= CLEAN if counts else GROUPED if own & BARE else PII | PROBED
            if isinstance(part.args.get("order"), exp.Expr):
                ordered = self.children(part.args["order"], scope)
                label |= (ordered | PROBED) if ordered & PII else CLEAN
            if isinstance(part.args.get("spec"), exp.Expr):
                framed = self.children(part.args["spec"], scope)
                label |= (framed | PROBED) if framed & PII else CLEAN
        return label

    def scalar(self, node: Any, scope: Scope) -> int:
        """A subquery as a value."""
        output: Columns = self.query(node, scope, scope.ctes)
        if len(output.pairs) == 1 and output.rest is None:
            return output.pairs[0][1]
        return output.whole() & ~BARE

    def exists(self, node: Any, scope: Scope) -> int:
        """EXISTS (query) tells only that rows are there; its conditions are judged inside."""
        inner = node.this
        if isinstance(inner, exp.Query):
            self.query(inner, scope, scope.ctes)
            return CLEAN
        label = self.children(node, scope)
        return label | (PROBED if label & PII else CLEAN)

    def lambda_(self, node: Any, scope: Scope) -> int:
        """`x -> ...`: the parameters shadow columns; the list argument carries the label."""
        names = [str(one.name).lower() for one in node.expressions]
        inner = Scope(parent=scope, ctes=scope.ctes, bound=dict.fromkeys(names, CLEAN))
        return self.value(node.this, inner) & ~BARE if isinstance(node.this, exp.Expr) else CLEAN

    def comprehension(self, node: Any, scope: Scope) -> int:
        """DuckDB's `[f(x) for x in list if condition]`."""
        label = self.value(node.args["iterator"], scope)
        name = str(node.expression.name).lower()
        inner = Scope(parent=scope, ctes=scope.ctes, bound={name: label})
        label |= self.value(node.this, inner)
        if isinstance(node.args.get("condition"), exp.Expr):
            label |= self.value(node.args["condition"], inner)
        return label & ~BARE

    def alias(self, node: Any, scope: Scope) -> int:
        """A named value inside an expression is seen by the other clauses (ClickHouse)."""
        label = self.value(node.this, scope)
        name = str(node.alias).lower()
        if not isinstance(node.parent, exp.Select):
            scope.aliases[name] = scope.aliases.get(name, CLEAN) | label
        return label

    def dot(self, node: Any, scope: Scope) -> int:
        """`(row).field`, `value.method()`, `schema.function()`."""
        left, right = node.this, node.expression
        label = CLEAN
        if isinstance(left, exp.Expr) and not isinstance(left, exp.Identifier):
            label |= self.value(left, scope)
        elif isinstance(left, exp.Identifier) and isinstance(right, exp.Func):
            label |= listed_label(str(left.this).lower(), scope, deep=True) or CLEAN
        if isinstance(right, exp.Func):
            label |= self.value(right, scope)
        return label & ~BARE

    def whole_row(self, node: Any, scope: Scope) -> int:
        """A star inside a function: every column."""
        return rowwise(self.star(scope, node).whole())

    def table_name(self, node: Any, scope: Scope) -> int:
        """A relation named inside an expression: read as a whole."""
        nested = Scope(parent=scope, ctes=scope.ctes)
        self.source(node, nested)
        return self.star(nested, None).whole() & ~BARE

    def hint(self, node: Any, _scope: Scope) -> int:
        """Names in a hint are aliases; they read nothing."""
        for table in node.find_all(exp.Table):
            self.seen.add(id(table))
        return CLEAN

    def aggregates(self, node: Any) -> bool:
        """True when an expression computes anything but a count over groups."""
        for one in node.walk():
            named = isinstance(one, exp.Anonymous | exp.AnonymousAggFunc | exp.CombinedAggFunc)
            if named and str(one.name).lower() not in _COUNTER_NAMES:
                return True
            if isinstance(one, exp.AggFunc) and not isinstance(one, _COUNTERS) and not named:
                return True
        return False


Handler = Callable[[Any, Any, Scope], int]
_EXACT: dict[type, Handler] = {
    exp.Column: Values.column,
    exp.PositionalColumn: Values.positional,
    exp.Parameter: Values.parameter,
    exp.Star: Values.whole_row,
    exp.Var: Values.word,
    **dict.fromkeys((exp.Columns, exp.Apply), Values.chosen),
    exp.Alias: Values.alias,
    exp.Dot: Values.dot,
    exp.Is: Values.is_,
    exp.In: Values.in_,
    exp.Case: Values.case,
    exp.If: Values.if_,
    exp.Nvl2: Values.if_,
    exp.Coalesce: Values.coalesce,
    exp.Nullif: Values.nullif,
    exp.Window: Values.window,
    exp.Subquery: Values.scalar,
    exp.Exists: Values.exists,
    exp.Lambda: Values.lambda_,
    exp.Comprehension: Values.comprehension,
    exp.PropertyEQ: Values.field,
    exp.Kwarg: Values.field,
    exp.Table: Values.table_name,
    exp.Hint: Values.hint,
    exp.Anonymous: Values.anonymous,
    exp.AnonymousAggFunc: Values.anonymous,
    exp.Any: Values.keeping,
    exp.All: Values.keeping,
}


def _choose(cls: type) -> Handler:
    """The handler of a class met for the first time."""
    exact = _EXACT.get(cls)
    if exact is not None:
        return exact
    for kinds, handler in (
        (_NOTHING, lambda *_: CLEAN),
        (_COUNTERS, Values.count),
        (exp.Cast, Values.cast),
        (_KEEPING, Values.keeping),
        (exp.Query, Values.scalar),
        (_PROBES, Values.probe),
        (exp.Binary, Values.chain),
        (exp.Func, Values.function),
    ):
        if issubclass(cls, kinds):
            return handler
    return Values.children


_HANDLERS: dict[type, Handler] = {}
