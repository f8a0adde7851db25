"""The house rules: a room imports only rooms below it, and each library has one door."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "agentic"

# Highest first; rooms on one line are neighbours and may not import each other.
FLOORS = [
    ["cli"],
    ["server", "evals"],
    ["executors"],
    ["runtime"],
    ["compiler"],
    ["tools", "guardrails", "rules", "triggers"],
    ["review"],
    ["checks"],
    ["workspace"],
    ["policy"],
    ["memory", "integrations", "history"],
    ["lineage"],
    ["warehouse"],
    ["project"],
    ["config", "events", "store", "sql", "outputs"],
    ["masking"],
    ["records"],
    ["exceptions"],
]
LEVEL = {room: -number for number, floor in enumerate(FLOORS) for room in floor}

# library -> the only rooms (or files) that may import it
DOORS = {
    "sqlglot": {"sql"},
    "dbt": {"project"},
    "networkx": {"lineage"},
    "anthropic": {"runtime/engines"},
    "httpx2": {"runtime/engines", "integrations"},
    "openlineage": {"events"},
    "click": {"cli"},
    "rich": {"cli"},
    "sqlalchemy": {"store"},
    "duckdb": {"warehouse"},
    "psycopg": {"warehouse"},
    "mcp": {"integrations", "server"},
    "anyio": {"integrations", "server"},
    "uvicorn": {"server"},
    "git": {"project"},
    "jsonschema": {"outputs"},
}
FREE = {"pydantic", "pydantic_core", "jinja2", "ruamel", "msgspec", "markupsafe"}


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module


def violations(path: str, source: str) -> list[str]:
    """Broken house rules of one file; `path` is relative to the package (`lineage/graph.py`)."""
    here = Path(path).parts[0].removesuffix(".py")
    found = []
    for line, name in imports(ast.parse(source)):
        top, *rest = name.split(".")
        if top == "agentic":
            room = rest[0] if rest else ""
            if room and room != here and LEVEL.get(room, 1) >= LEVEL.get(here, -99):
                found.append(f"{path}:{line} {here} may not import {room}")
        elif top in DOORS and not any(path.startswith(door) for door in DOORS[top]):
            found.append(f"{path}:{line} {top} is imported in {sorted(DOORS[top])} alone")
        elif top not in DOORS and top not in FREE and not is_stdlib(top):
            found.append(f"{path}:{line} {top} has no door: give it one in DOORS")
    return found


def is_stdlib(name: str) -> bool:
    import sys

    return name in sys.stdlib_module_names


def test_every_file_keeps_the_rules() -> None:
    files = [
        p for p in sorted(PACKAGE.rglob("*.py")) if p.name != "__init__.py" or p.parent != PACKAGE
    ]

    found = [
        line
        for file in files
        for line in violations(file.relative_to(PACKAGE).as_posix(), file.read_text())
    ]

    assert found == []


def test_every_room_has_a_floor() -> None:
    rooms = {p.name for p in PACKAGE.iterdir() if p.is_dir() and not p.name.startswith("_")}

    assert rooms - set(LEVEL) - {"standard"} == set()


@pytest.mark.parametrize(
    ("path", "source"),
    [
        pytest.param("lineage/graph.py", "from agentic.checks import x", id="upwards"),
        pytest.param("rules/a.py", "from agentic.tools import x", id="neighbour"),
        pytest.param("checks/a.py", "import sqlglot", id="door"),
        pytest.param("rules/a.py", "def f():\n    import networkx", id="hidden"),
        pytest.param("runtime/loop.py", "import anthropic", id="door-inside-a-room"),
        pytest.param("sql/a.py", "import requests", id="no-door"),
        pytest.param("records/a.py", "from agentic.config import x", id="bottom"),
    ],
)
def test_a_planted_violation_is_found(path: str, source: str) -> None:
    assert violations(path, source)
