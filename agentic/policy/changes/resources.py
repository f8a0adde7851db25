"""The resources that property files declare, with their tests, flattened for comparing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from agentic.policy.changes.yaml_load import Mapped, line_of, mapping, sequence

LISTS = {
    "models": "model",
    "seeds": "seed",
    "snapshots": "snapshot",
    "sources": "source",
    "exposures": "exposure",
    "unit_tests": "unit_test",
    "macros": "macro",
    "analyses": "analysis",
    "metrics": "metric",
    "semantic_models": "semantic_model",
    "saved_queries": "saved_query",
    "groups": "group",
    "functions": "function",
    "data_tests": "singular_test",
    "tests": "singular_test",
}
TEST_KEYS = ("data_tests", "tests")
TEST_CONFIG = frozenset(
    [
        "severity",
        "where",
        "warn_if",
        "error_if",
        "fail_calc",
        "limit",
        "enabled",
        "store_failures",
        "store_failures_as",
        "tags",
        "meta",
        "schema",
        "database",
        "alias",
        "group",
        "sql_header",
    ]
)
TEST_WORDS = frozenset(["name", "description", "config", "test_name", "column_name", "arguments"])


class Test(msgspec.Struct, frozen=True):
    """One generic test as it is declared."""

    owner: str
    """`model:fct_orders`, `source:shop.orders`."""
    column: str
    kind: str
    """`not_null`, `dbt_utils.accepted_range`."""
    arguments: str
    """JSON, keys sorted."""
    config: dict[str, Any]
    line: int
    path: str


class Resource(msgspec.Struct, frozen=True):
    """One declared thing: its own keys, without columns and tests."""

    kind: str
    name: str
    """`fct_orders`, `shop` (a source), `shop.orders` (its table), `fct_orders.v2`."""
    keys: dict[str, Any]
    columns: dict[str, dict[str, Any]]
    """Column name to its keys, without tests."""
    tests: tuple[Test, ...]
    line: int
    path: str
    lines: dict[str, int] = {}
    column_lines: dict[str, int] = {}

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def config(self) -> dict[str, Any]:
        found = self.keys.get("config")
        return dict(found) if isinstance(found, dict) else {}


def resources_in(value: Any, path: str) -> Iterator[Resource]:
    """Every resource of one property file."""
    for key, kind in LISTS.items():
        for entry in sequence(mapping(value).get(key)):
            if isinstance(entry, Mapped):
                yield from _entry(kind, entry, path)


def _entry(kind: str, entry: Mapped, path: str) -> Iterator[Resource]:
    name = str(entry.get("name", ""))
    if kind == "source":
        yield _resource(kind, name, entry, path, without=("tables",))
        for table in sequence(entry.get("tables")):
            if isinstance(table, Mapped):
                yield _resource("table", f"{name}.{table.get('name', '')}", table, path)
        return
    yield _resource(kind, name, entry, path, without=("versions",))
    for version in sequence(entry.get("versions")):
        if isinstance(version, Mapped):
            yield _resource(kind, f"{name}.v{version.get('v', '')}", version, path)


def _resource(
    kind: str, name: str, entry: Mapped, path: str, without: tuple[str, ...] = ()
) -> Resource:
    owner = f"{kind}:{name}"
    columns: dict[str, dict[str, Any]] = {}
    column_lines: dict[str, int] = {}
    tests = list(_tests(entry, owner, "", path))
    for column in sequence(entry.get("columns")):
        if not isinstance(column, Mapped):
            continue
        column_name = str(column.get("name", column.get("include", "")))
        tests += _tests(column, owner, column_name, path)
        columns[column_name] = {k: v for k, v in column.items() if k not in TEST_KEYS}
        column_lines[column_name] = line_of(column)
    hidden = ("columns", *without, *(TEST_KEYS if kind != "unit_test" else ()))
    keys = {key: value for key, value in entry.items() if key not in hidden}
    lines = {str(key): line for key, line in entry.lines.items()}
    return Resource(
        kind, name, keys, columns, tuple(tests), line_of(entry), path, lines, column_lines
    )


def _tests(entry: Mapped, owner: str, column: str, path: str) -> Iterator[Test]:
    for key in TEST_KEYS:
        listed = sequence(entry.get(key))
        for number, one in enumerate(listed):
            lines = getattr(listed, "lines", [])
            line = lines[number] if number < len(lines) else line_of(entry, key)
            made = _test(one, owner, column, path, line)
            if made is not None:
                yield made


def _test(one: Any, owner: str, column: str, path: str, line: int) -> Test | None:
    if isinstance(one, str):
        return Test(owner, column, one, "{}", {}, line, path)
    if not isinstance(one, dict) or not one:
        return None
    body: dict[str, Any]
    if "test_name" in one:
        kind, body = str(one["test_name"]), dict(one)
    else:
        kind = str(next((key for key in one if key not in ("name", "description", "config")), ""))
        inner = one.get(kind)
        body = dict(inner) if isinstance(inner, dict) else {}
        body |= {key: value for key, value in one.items() if key != kind}
    config = {k: v for k, v in body.items() if k in TEST_CONFIG}
    config |= body["config"] if isinstance(body.get("config"), dict) else {}
    arguments = {k: v for k, v in body.items() if k not in TEST_CONFIG | TEST_WORDS}
    if isinstance(body.get("arguments"), dict):
        arguments |= body["arguments"]
    column = str(body.get("column_name", column))
    return Test(owner, column, kind, as_json(arguments), config, line, path)


def as_json(value: Any) -> str:
    """Canonical text of YAML values, for comparing."""
    return json.dumps(value, sort_keys=True, default=str)
