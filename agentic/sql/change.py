"""What is to become of one column of one relation, and the SQL that says so in each dialect."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from sqlglot import exp

from agentic.exceptions import SqlError
from agentic.sql.parsing import name_sql, parse

# How a dialect says "every column, but this one under another name".
_RENAME = ("duckdb", "snowflake")
_EXCEPT = {"bigquery": "except", "databricks": "except", "spark": "except", "redshift": "exclude"}
_OWN_CAST = re.compile(
    r"(?:try_)?cast\s*\(\s*(.*\S)\s+as\s+[\w ]+(?:\([\d, ]*\))?\s*\)", re.I | re.S
)
_REPLACE = ("duckdb", "snowflake", "bigquery", "clickhouse")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Read `old` as `new`, or as `template` with `{col}` for the column as written."""

    old: str
    new: str
    """Equal to `old` when only the expression changes."""
    template: str = "{col}"
    dialect: str
    columns: tuple[str, ...] = ()
    """The relation's columns as they are now, where they are known."""
    upper: bool = False
    """The text writes its keywords in upper case."""

    @property
    def renames(self) -> bool:
        return self.template == "{col}"

    @property
    def keeps_order(self) -> bool:
        """False where the dialect's star puts the column last."""
        return self.dialect in (_RENAME if self.renames else _REPLACE) or bool(self.columns)

    @property
    def as_(self) -> str:
        return " AS " if self.upper else " as "

    def name(self, *, quoted: bool = False) -> str:
        """The name to read now."""
        if quoted:
            return exp.to_identifier(self.new, quoted=True).sql(dialect=self.dialect or None)
        return name_sql(self.new, self.dialect)

    def alias(self, written: str) -> str:
        """The output name of a column that was selected as `written`."""
        # DuckDB names an output as the relation spells it, other dialects fold or keep the text.
        if self.dialect == "duckdb" and written != self.old and written.lower() == self.old.lower():
            return name_sql(self.old, self.dialect)
        return written

    def read(
        self, prefix: str = "", *, quoted: bool = False, cast: exp.Expression | None = None
    ) -> str:
        """The expression that gives the old value; `prefix` is `o.` or empty."""
        column = prefix + self.name(quoted=quoted)
        return self._inside(cast).replace("{col}", column)

    def _inside(self, cast: exp.Expression | None) -> str:
        """The template; without its own cast where the text already casts to the same type."""
        if cast is None or self.renames:
            return self.template
        try:
            tree = parse(f"select {self.template.replace('{col}', 'jxcol')}", self.dialect)
        except SqlError:
            return self.template
        own = tree.expressions[0]
        inner = _OWN_CAST.fullmatch(self.template.strip())
        same = isinstance(own, exp.Cast) and own.args.get("to") == cast.args.get("to")
        return inner[1] if inner and same else self.template

    def star(self, prefix: str = "", *, lone: bool = True) -> str | None:
        """A star that yields the old name and value.

        `lone`: the star spreads this relation alone. None where the dialect has no word for it.
        """
        old = name_sql(self.old, self.dialect)
        if self.renames and self.dialect in _RENAME:
            if not lone and self.dialect != "duckdb":
                return None
            return f"* rename ({'' if lone else prefix}{self.name()}{self.as_}{old})"
        if not lone:
            return None
        if not self.renames and self.dialect in _REPLACE:
            return f"* replace ({self.read(prefix)}{self.as_}{old})"
        word = _EXCEPT.get(self.dialect)
        if word:
            return f"* {word} ({self.name()}), {self.read(prefix)}{self.as_}{old}"
        return None

    def spelled(self, prefix: str = "") -> str | None:
        """Every column by name, where the dialect has no star for it and the columns are known."""
        if not self.columns or self.new.lower() not in {one.lower() for one in self.columns}:
            return None
        old = name_sql(self.old, self.dialect)
        items = [
            f"{self.read(prefix)}{self.as_}{old}"
            if one.lower() == self.new.lower()
            else prefix + name_sql(one, self.dialect)
            for one in self.columns
        ]
        return ", ".join(items)


def before(change: Change, columns: Sequence[str]) -> list[str]:
    """The relation's columns before it changed."""
    names = [change.old if one.lower() == change.new.lower() else one for one in columns]
    return names if change.old.lower() in {one.lower() for one in names} else [*names, change.old]
