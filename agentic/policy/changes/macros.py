"""Every macro that a template can call: the project's, and those of installed packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec
from jinja2 import nodes

from agentic.policy.changes.template import JinjaError, definitions, parse, plain_name
from agentic.policy.changes.values import Callee


class MacroText(msgspec.Struct, frozen=True):
    """One macro and where it is written."""

    package: str
    path: str
    kind: str
    """macro, test, materialization, snapshot or docs."""
    name: str
    line: int
    text: str
    """The block's tree as text, without line numbers: equal texts do the same."""


@lru_cache(maxsize=4096)
def _blocks(text: str) -> tuple[tuple[str, str, nodes.Macro], ...]:
    try:
        return tuple((kind, plain_name(block), block) for kind, block in definitions(parse(text)))
    except JinjaError:
        return ()


def macros_in(text: str, *, package: str, path: str) -> Iterator[MacroText]:
    """The macros and blocks that a file defines; none when it is not Jinja."""
    for kind, name, block in _blocks(text):
        yield MacroText(
            package,
            path,
            kind,
            name,
            block.lineno,
            repr((block.name, block.args, block.defaults, block.body)),
        )


# Packages that are declared more often than they are installed where we look: their macros that
# only print SQL. An installed copy is read instead.
PURE_PACKAGES = {
    "dbt_utils": frozenset(
        [
            "generate_surrogate_key",
            "surrogate_key",
            "star",
            "pivot",
            "unpivot",
            "union_relations",
            "group_by",
            "date_spine",
            "safe_add",
            "safe_subtract",
            "safe_divide",
            "nullcheck",
            "nullcheck_table",
            "generate_series",
            "haversine_distance",
            "width_bucket",
            "deduplicate",
            "get_url_parameter",
            "get_url_host",
            "get_url_path",
            "pretty_time",
            "pretty_log_format",
            "slugify",
            "get_column_values",
            "get_filtered_columns_in_relation",
            "get_relations_by_pattern",
            "get_relations_by_prefix",
            "type_string",
            "current_timestamp",
        ]
    ),
    "dbt_date": frozenset(
        [
            "get_date_dimension",
            "get_base_dates",
            "today",
            "yesterday",
            "tomorrow",
            "now",
            "day_of_week",
            "day_name",
            "month_name",
            "week_start",
            "week_end",
            "iso_week_start",
            "date_part",
            "n_days_ago",
            "n_days_away",
            "convert_timezone",
            "last_month",
            "last_week",
            "next_month",
            "from_unixtimestamp",
            "to_unixtimestamp",
        ]
    ),
    "codegen": frozenset(()),
    "dbt_expectations": frozenset(()),
}


class MacroTable:
    """Macros by package and name."""

    def __init__(
        self,
        project: str,
        files: Mapping[str, str],
        packages: Mapping[str, Mapping[str, str]],
        declared: frozenset[str] = frozenset(),
    ) -> None:
        self.project = project
        self._table: dict[str, dict[str, Callee]] = {project: {}}
        self._known_only = declared - set(packages)
        for path, text in files.items():
            self._add(project, path, text)
        for package, texts in packages.items():
            self._table.setdefault(package, {})
            for path, text in texts.items():
                if path.endswith(".sql"):
                    self._add(package, path, text)

    def _add(self, package: str, path: str, text: str) -> None:  # noqa: ARG002 - kept for readers
        for kind, name, block in _blocks(text):
            # An override of ref or source that the base has is judged where it is written.
            if kind == "macro" and name not in ("ref", "source"):
                self._table[package][name] = Callee(package, name, block)

    def get(self, package: str, name: str) -> Callee | None:
        """A macro of one package."""
        return self._table.get(package, {}).get(name)

    def find(self, name: str, package: str) -> Callee | None:
        """A macro as dbt finds an unqualified name: its own package, then the project."""
        return self.get(package, name) or self.get(self.project, name)

    def has_package(self, name: str) -> bool:
        return name in self._table or name in self._known_only or name in PURE_PACKAGES

    def pure_by_name(self, package: str, name: str) -> bool:
        """A macro of a package that is declared but not installed here, known to print SQL
        alone."""
        return package not in self._table and name in PURE_PACKAGES.get(package, ())

    def installed(self, package: str) -> bool:
        return package in self._table

    def dispatch(self, package: str, name: str, dialect: str) -> Callee | None:
        """What adapter.dispatch picks: the project's own first, then the package's."""
        for prefix in (dialect, "default"):
            for place in dict.fromkeys((self.project, package)):
                found = self.get(place, f"{prefix}__{name}")
                if found is not None:
                    return found
        return None

    def implemented(self, name: str) -> bool:
        """Does the project or a package define the macro for some adapter, or for all?"""
        return any(
            macro == name or macro.endswith(f"__{name}")
            for table in self._table.values()
            for macro in table
        )

    def all(self) -> Iterator[Callee]:
        for table in self._table.values():
            yield from table.values()
