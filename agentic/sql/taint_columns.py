"""Labels of columns: by name, by place, by star, and in a SELECT list."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from agentic.sql.tables import BARE, CLEAN, SYSTEM, Columns
from agentic.sql.taint_scope import Scope, Source, listed_label, rowwise

_WIDEST = 5000
# Names without parentheses that are functions or parts of dates, not columns.
BARE_WORDS = frozenset(
    [
        "sysdate", "systimestamp", "sysdatetime", "user", "current_user", "session_user",
        "system_user", "current_role", "current_catalog", "current_schema", "current_database",
        "current_warehouse", "current_date", "current_time", "current_timestamp", "localtime",
        "localtimestamp", "utc_timestamp", "utc_date", "utc_time", "getdate", "level",
        "connect_by_root", "rownum", "rowid", "rowcount", "year", "years", "yyyy", "yy",
        "quarter", "quarters", "qq", "month", "months", "mm", "week", "weeks", "wk", "ww", "day",
        "days", "dd", "dayofyear", "doy", "dow", "dayofweek", "hour", "hours", "hh", "minute",
        "minutes", "mi", "n", "second", "seconds", "ss", "s", "millisecond", "milliseconds", "ms",
        "microsecond", "microseconds", "mcs", "us", "nanosecond", "nanoseconds", "ns", "isoweek",
        "iso_week", "isoyear", "isodow", "epoch", "decade", "century", "millennium",
        "timezone_hour", "timezone_minute", "date", "time", "weekday", "dy", "day_of_week",
        "day_of_year", "epoch_second", "default", "max", "keys", "values", "unbounded",
    ]
)  # fmt: skip
_PSEUDO_COLUMNS = frozenset(
    [
        "rowid", "_rowid_", "oid", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid",
        "_partitiontime", "_partitiondate", "_table_suffix", "_file_name", "_part",
        "_partition_id", "_part_index", "_part_offset", "_sample_factor", "_table", "_shard_num",
        "grouping__id",
        "rownum", "_metadata", "metadata$filename", "metadata$action", "metadata$isupdate",
        "metadata$row_id", "$path", "$file_size", "$file_modified_time", "$partition", "$action",
        "filename", "file_row_number",
    ]
)  # fmt: skip


class ColumnNames:
    """The part of the resolver that knows columns. Mixed into `Resolver`."""

    dialect: str
    refuse: Any
    value: Any
    children: Any

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

    def chosen(self, node: Any, scope: Scope) -> int:
        """`COLUMNS(...)` inside an expression: any column of FROM; only the engine knows which."""
        found: Columns | None = self.starred(node, scope)
        return CLEAN if found is None else found.whole() | found.unlisted

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
        if len(pairs) > _WIDEST:
            # Joining a relation to itself over and over doubles the columns each time.
            return Columns([], Columns(pairs, rest).whole() & ~BARE)
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
            return rowwise(found.whole() if found else CLEAN)
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
            label = listed_label(name, scope)
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
        elif name not in BARE_WORDS and name not in _PSEUDO_COLUMNS and first is not None:
            self.refuse("UNKNOWN_COLUMN", f"no relation in sight has a column {name}")
        return CLEAN

    def qualified(self, node: Any, scope: Scope) -> int:
        """`t.c`, `schema.t.c`, and fields of nested values that look the same."""
        parts = [str(part.name).lower() for part in node.parts]
        column = parts[-1]
        source = scope.find(parts[-2])
        if source is not None:
            if column == "*":
                return rowwise(source.columns.whole())
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
        label = listed_label(parts[0], scope, deep=True)
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
