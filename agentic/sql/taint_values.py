"""Labels of expressions: what a value was made from, and what its use would tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from sqlglot import exp

from agentic.sql.tables import BARE, CLEAN, GROUPED, PII, PROBED, SYSTEM, Columns


class Source(msgspec.Struct):
    """One item of FROM under the name by which columns reach it."""

    alias: str
    columns: Columns
    path: str = ""
    """The relation's name as written, for `schema.table.column`."""
    silent: bool = False
    """Not part of a star (semi and anti joins)."""


class Scope(msgspec.Struct):
    """The names in sight at one place of a statement."""

    parent: Scope | None = None
    ctes: dict[str, Columns] = {}
    sources: list[Source] = []
    aliases: dict[str, int] = {}
    """Output names of this SELECT, seen by its other clauses."""
    bound: dict[str, int] = {}
    """Parameters of lambdas."""
    windows: dict[str, Any] = {}
    before: Scope | None = None
    """The FROM clause that this part of a join stands in, for lateral names."""

    def outer(self) -> Scope | None:
        """What a subquery in FROM sees: the enclosing query's names, not its own siblings."""
        return self.parent

    def lateral(self) -> Scope:
        """What a LATERAL item sees: the items before it too."""
        return Scope(parent=self, ctes=self.ctes)

    def find(self, alias: str) -> Source | None:
        """The source of that name, nearest first."""
        scope: Scope | None = self
        while scope is not None:
            for source in scope.sources:
                if source.alias == alias and alias:
                    return source
            if scope.before is not None:
                found = scope.before.find(alias)
                if found is not None:
                    return found
            scope = scope.parent
        return None

    def labels(self, name: str, start: int, stop: int | None) -> int:
        """All labels that a name may have in some of the sources."""
        label = CLEAN
        for source in self.sources[start:stop]:
            label |= source.columns.label(name) or CLEAN
        return label


# Names without parentheses that are functions or parts of dates, not columns.
_BARE_WORDS = frozenset(
    """sysdate systimestamp sysdatetime user current_user session_user system_user current_role
    current_catalog current_schema current_database current_warehouse current_date current_time
    current_timestamp localtime localtimestamp utc_timestamp utc_date utc_time getdate level
    connect_by_root rownum rowid rowcount
    year years yyyy yy quarter quarters qq month months mm week weeks wk ww day days dd dayofyear
    doy dow dayofweek hour hours hh minute minutes mi n second seconds ss s millisecond
    milliseconds ms microsecond microseconds mcs us nanosecond nanoseconds ns isoweek iso_week
    isoyear isodow epoch decade century millennium timezone_hour timezone_minute date time
    weekday dy day_of_week day_of_year epoch_second default max keys values unbounded
    """.split()
)
_PSEUDO_COLUMNS = frozenset(
    """rowid _rowid_ oid ctid xmin xmax cmin cmax tableoid _partitiontime _partitiondate
    _table_suffix _file_name _part _partition_id _part_index _part_offset _sample_factor _table
    _shard_num rownum _metadata metadata$filename metadata$action metadata$isupdate metadata$row_id
    $path $file_size $file_modified_time $partition $action filename file_row_number
    """.split()
)
_TEXT_TYPES = frozenset(
    {
        "CHAR", "VARCHAR", "NCHAR", "NVARCHAR", "TEXT", "BPCHAR", "NAME", "TINYTEXT", "MEDIUMTEXT",
        "LONGTEXT", "FIXEDSTRING", "LOWCARDINALITY", "NULLABLE", "UNKNOWN", "STRING",
    }
)  # fmt: skip
_COUNTERS: tuple[type, ...] = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.Hll)
_COUNTER_NAMES = frozenset(
    """uniq uniqexact uniqcombined uniqcombined64 uniqhll12 uniqthetasketch count_big
    approx_count_distinct approx_count_distinct_ds_hll approximate_count_distinct ndv countif
    countdistinct count_distinct list_count hll approx_distinct approx_count
    """.split()
)
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
    exp.Var,
    exp.DataType,
    exp.Null,
    exp.Boolean,
    exp.Placeholder,
    exp.JSONPath,
    exp.WindowSpec,
    exp.SessionParameter,
    exp.Pseudocolumn,
)


def ordered_labels(label: int, *, grouped: bool = False) -> int:
    """The label of a figure computed for each protected value."""
    return label | GROUPED if grouped else label


class Values:
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

    # -- projections ---------------------------------------------------------------------------

    def projections(self, expressions: list[Any], scope: Scope) -> Columns:
        """The output of a SELECT list."""
        pairs: list[tuple[str, int]] = []
        rest: int | None = None
        for one in expressions:
            star = self.starred(one, scope)
            if star is not None:
                pairs.extend(star.pairs)
                if star.rest is not None:
                    rest = (rest or CLEAN) | star.rest
                continue
            name, label = str(one.alias_or_name).lower(), self.value(one, scope)
            if isinstance(one, exp.Aliases):
                pairs.extend((str(alias.name).lower(), label) for alias in one.expressions)
                continue
            if isinstance(one, exp.Alias):
                scope.aliases[name] = scope.aliases.get(name, CLEAN) | label
            pairs.append((name, label))
        return Columns(pairs, rest)

    def starred(self, node: Any, scope: Scope) -> Columns | None:
        """`*`, `t.*`, `COLUMNS(...)`: many columns from one expression; None for anything else."""
        if isinstance(node, exp.Star):
            return self.star(scope, node)
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            source = scope.find(str(node.table).lower())
            if source is not None:
                nested = Scope(parent=scope, sources=[Source(source.alias, source.columns)])
                return self.star(nested, node.this)
            return Columns([], self.qualified(node, scope) & ~BARE)
        if isinstance(node, exp.Columns | exp.Apply):
            inner = node.this
            if isinstance(inner, exp.Expr) and not isinstance(inner, exp.Star | exp.Literal):
                self.children(node, scope)
            return Columns([], self.star(scope, None).whole() & ~BARE)
        return None

    def star(self, scope: Scope, star: Any) -> Columns:
        """Every column in FROM, less those excluded, with those replaced."""
        pairs: list[tuple[str, int]] = []
        rest: int | None = None
        for source in scope.sources:
            if source.silent:
                continue
            pairs.extend(source.columns.pairs)
            if source.columns.rest is not None:
                rest = (rest or CLEAN) | source.columns.rest | source.columns.unlisted
        if star is None:
            return Columns(pairs, rest)
        dropped = {str(one.name).lower() for one in star.args.get("except_") or ()}
        pairs = [(name, label) for name, label in pairs if name not in dropped]
        for one in star.args.get("replace") or ():
            label, name = self.value(one, scope), str(one.alias).lower()
            pairs = [(own, label if own == name else old) for own, old in pairs]
        for one in star.args.get("rename") or ():
            old, new = str(one.this.name).lower(), str(one.alias).lower()
            pairs = [(new if own == old else own, label) for own, label in pairs]
        return Columns(pairs, rest)

    # -- columns -------------------------------------------------------------------------------

    def column(self, node: Any, scope: Scope) -> int:
        """The label of a column reference."""
        this = node.this
        if this.__class__ is exp.Star:
            found = self.starred(node, scope)
            return _rowwise(found.whole() if found else CLEAN)
        if not isinstance(this, exp.Identifier):
            return self.positional(node, scope)
        if node.args.get("table") is None:
            label = self.unqualified(str(this.this).lower(), scope)
        else:
            label = self.qualified(node, scope)
        if label & SYSTEM:
            self.refuse("SYSTEM_CATALOG", f"column {this.this} holds definitions or settings")
        return label

    def unqualified(self, name: str, scope: Scope | None) -> int:
        """A column by its name alone, nearest scope first."""
        first, possible = scope, None
        while scope is not None:
            label = _listed(name, scope)
            if label is not None:
                return label | (possible or CLEAN)
            for source in (*scope.sources, *(scope.before.sources if scope.before else ())):
                if source.columns.rest is not None:
                    possible = (possible or CLEAN) | (source.columns.label(name) or CLEAN)
            scope = scope.parent
        if possible is not None:
            return possible
        if name in ("nextval", "currval"):
            self.refuse("SIDE_EFFECT_FUNCTION", "a sequence moves when it is read")
        elif name not in _BARE_WORDS and name not in _PSEUDO_COLUMNS and first is not None:
            self.refuse("UNKNOWN_COLUMN", f"no relation in sight has a column {name}")
        return CLEAN

    def qualified(self, node: Any, scope: Scope) -> int:
        """`t.c`, `schema.t.c`, and fields of nested values that look the same."""
        parts = [str(part.name).lower() for part in node.parts]
        column = parts[-1]
        source = scope.find(parts[-2])
        if source is not None:
            if column == "*":
                return _rowwise(source.columns.whole())
            label = source.columns.label(column)
            if label is not None:
                return label
            if column in _PSEUDO_COLUMNS:
                return CLEAN
        for index, part in enumerate(parts[:-1]):
            owner = scope.find(part)
            if owner is not None and index < len(parts) - 2:
                label = owner.columns.label(parts[index + 1])
                if label is not None:
                    return label & ~BARE
        label = _listed(parts[0], scope, deep=True)
        if label is not None:
            return label & ~BARE
        if column in ("nextval", "currval"):
            self.refuse("SIDE_EFFECT_FUNCTION", "a sequence moves when it is read")
        else:
            self.refuse("UNKNOWN_COLUMN", f"no relation in sight has {'.'.join(parts)}")
        return CLEAN

    def positional(self, node: Any, scope: Scope) -> int:
        """`$2`, `t.$2`, `#2`: a column by its place."""
        literal = node.this.this if isinstance(node.this, exp.Parameter) else node.this
        sources = scope.sources
        if isinstance(node, exp.Column) and node.args.get("table") is not None:
            found = scope.find(str(node.table).lower())
            sources = [found] if found else []
        pairs = [pair for source in sources for pair in source.columns.pairs]
        text = str(getattr(literal, "this", literal))
        if text.isdigit() and 0 < int(text) <= len(pairs) and len(sources) == 1:
            return pairs[int(text) - 1][1]
        label = CLEAN
        for source in sources:
            label |= source.columns.whole()
        return label & ~BARE

    def parameter(self, node: Any, scope: Scope) -> int:
        """`$1` is a column's place in Snowflake; elsewhere a value bound from outside."""
        if self.dialect == "snowflake" and isinstance(node.this, exp.Literal):
            return self.positional(exp.Column(this=node), scope)
        return CLEAN

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
        return label if str(getattr(kind, "name", kind)) in _TEXT_TYPES else label & ~BARE

    def chain(self, node: Any, scope: Scope) -> int:
        """Operators; a long chain of them does not recurse."""
        label = CLEAN
        while isinstance(node, exp.Binary) and not isinstance(node, _PROBES):
            right = node.args.get("expression")
            if isinstance(right, exp.Expr):
                label |= self.value(right, scope)
            node = node.this
        if isinstance(node, exp.Expr):
            label |= self.value(node, scope)
        return label & ~BARE

    def probe(self, node: Any, scope: Scope) -> int:
        """A comparison: its result tells something, unless both sides are protected and equal."""
        left, right = node.args.get("this"), node.args.get("expression")
        if isinstance(node, _EQUALITIES) and isinstance(right, exp.Expr):
            one, other = self.value(left, scope), self.value(right, scope)
            if one & other & BARE:
                return (one | other) & ~(BARE | PII | PROBED)
            label = one | other
        else:
            label = self.children(node, scope)
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
        return label

    def counted(self, node: Any, scope: Scope) -> int:
        """One argument of a count."""
        if isinstance(node, exp.Distinct | exp.Tuple):
            label = CLEAN
            for one in node.expressions:
                if one.__class__ is not exp.Star:
                    label |= self.counted(one, scope)
            return label
        label = self.value(node, scope)
        if label & PII and not label & BARE:
            return PII | PROBED
        return label & ~(PII | BARE | PROBED | GROUPED)

    def anonymous(self, node: Any, scope: Scope) -> int:
        """A function known by name only."""
        if str(node.name).lower() in _COUNTER_NAMES:
            return self.count(node, scope)
        return self.children(node, scope)

    def case(self, node: Any, scope: Scope) -> int:
        """CASE: conditions ask, results flow."""
        args = node.args
        asked = self.value(args["this"], scope) if args.get("this") is not None else CLEAN
        results: list[int] = []
        for branch in args.get("ifs") or ():
            asked |= self.value(branch.this, scope)
            results.append(self.branch(branch.args.get("true"), scope))
        results.append(self.branch(args.get("default"), scope))
        return self.decided(asked, results)

    def if_(self, node: Any, scope: Scope) -> int:
        """IF, IFF, NVL2: as CASE."""
        asked = self.value(node.this, scope)
        if isinstance(node, exp.Nvl2) and asked & BARE:
            asked = CLEAN
        others = [node.args.get("true"), node.args.get("false")]
        return self.decided(asked, [self.branch(one, scope) for one in others])

    def branch(self, node: Any, scope: Scope) -> int:
        """One possible result; a NULL does not make a bare value less bare."""
        if node is None or isinstance(node, exp.Null):
            return BARE
        return self.value(node, scope) if isinstance(node, exp.Expr) else BARE

    def decided(self, asked: int, results: list[int]) -> int:
        """Join the labels of a condition and of its possible results."""
        label, bare = CLEAN, BARE
        for one in results:
            label |= one
            bare &= one
        label = label if bare and label & PII else label & ~BARE
        if asked & PII:
            label = (label & ~BARE) | PII | PROBED
        return label | (asked & ~(BARE | PII))

    def coalesce(self, node: Any, scope: Scope) -> int:
        """COALESCE of protected values stays one."""
        arguments = [node.this, *(node.args.get("expressions") or ())]
        return self.decided(CLEAN, [self.branch(one, scope) for one in arguments])

    def nullif(self, node: Any, scope: Scope) -> int:
        """NULLIF compares; with an empty text it only tidies."""
        label, other = self.value(node.this, scope), node.expression
        blank = isinstance(other, exp.Literal) and other.is_string and not str(other.this).strip()
        if blank:
            return label
        label |= self.value(other, scope)
        return (label & ~BARE) | (PROBED if label & PII else CLEAN)

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
        return label

    def scalar(self, node: Any, scope: Scope) -> int:
        """A subquery as a value."""
        output = self.query(node, scope, scope.ctes)
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
            label |= _listed(str(left.this).lower(), scope, deep=True) or CLEAN
        if isinstance(right, exp.Func):
            label |= self.value(right, scope)
        return label & ~BARE

    def field(self, node: Any, scope: Scope) -> int:
        """`name: value` or `name => value`: only the value counts."""
        value = node.args.get("expression")
        return self.value(value, scope) & ~BARE if isinstance(value, exp.Expr) else CLEAN

    def whole_row(self, node: Any, scope: Scope) -> int:
        """A star inside a function: every column."""
        return _rowwise(self.star(scope, node).whole())

    def table_name(self, node: Any, scope: Scope) -> int:
        """A relation named inside an expression: read as a whole."""
        nested = Scope(parent=scope, ctes=scope.ctes)
        self.source(node, nested)
        return self.star(nested, None).whole() & ~BARE

    def hint(self, node: Any, scope: Scope) -> int:
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


def _rowwise(label: int) -> int:
    return label | BARE if label & PII else label


def _listed(name: str, scope: Scope, *, deep: bool = False) -> int | None:
    """A name that a scope knows: column, output name, lambda parameter, or a source's row."""
    found: int | None = None
    for source in (*scope.sources, *(scope.before.sources if scope.before else ())):
        if source.columns.listed(name):
            found = (found or CLEAN) | (source.columns.label(name) or CLEAN)
    for names in (scope.aliases, scope.bound):
        if name in names:
            found = (found or CLEAN) | names[name]
    if found is None:
        for source in scope.sources:
            if source.alias == name and name:
                found = (found or CLEAN) | _rowwise(source.columns.whole())
    if found is None and deep and scope.parent is not None:
        found = _listed(name, scope.parent, deep=True)
    if found is None and deep:
        open_sources = [one.columns for one in scope.sources if one.columns.rest is not None]
        for columns in open_sources:
            found = (found or CLEAN) | (columns.label(name) or CLEAN)
    return found


Handler = Callable[[Any, Any, Scope], int]
_EXACT: dict[type, Handler] = {
    exp.Column: Values.column,
    exp.PositionalColumn: Values.positional,
    exp.Parameter: Values.parameter,
    exp.Star: Values.whole_row,
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
    ):
        if issubclass(cls, kinds):
            return handler
    return Values.children


_HANDLERS: dict[type, Handler] = {}
