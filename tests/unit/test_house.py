"""Habits that a machine can hold: sizes, suppressions with reasons, no machine named."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "agentic").rglob("*.py"))
MODULE_LINES = 400
FUNCTION_LINES = 60
SUPPRESSIONS = 104
"""All `noqa` and `type: ignore` of the package; raise it only with a reason in the commit."""


def test_modules_are_read_in_one_sitting() -> None:
    long = {str(f.relative_to(ROOT)): n for f in FILES if (n := lines_of(f)) > MODULE_LINES}

    assert long == {}


def lines_of(file: Path) -> int:
    return len(file.read_text().splitlines())


def test_functions_are_short() -> None:
    long = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name} {length}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef) and (length := body_lines(node)) > FUNCTION_LINES
    ]

    assert long == []


def body_lines(node: ast.FunctionDef) -> int:
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = (first.end_lineno or 0) + 1 if documented else node.lineno
    return (node.end_lineno or 0) - start + 1


def test_suppressions_name_a_code_and_a_reason() -> None:
    found = [
        (f"{file.relative_to(ROOT)}:{number}", line)
        for file in FILES
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if "# noqa" in line or "# type: ignore" in line
    ]
    bare = [place for place, line in found if not re.search(r"(noqa: [A-Z]|ignore\[).*", line)]

    assert bare == []
    assert len(found) <= SUPPRESSIONS


BANNED = re.compile(
    "|".join(["/work" + "/", "/ro" + "ot/", "pypi" + r"\.org", "registry" + r"\.npmjs"])
)


def test_no_file_names_a_machine_or_a_registry() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    if not tracked:
        pytest.skip("not run: this is no git checkout")
    found = []
    for name in tracked.split("\0"):
        file = ROOT / name
        if not name or not file.is_file() or file.stat().st_size > 5_000_000:
            continue
        text = file.read_bytes().decode(errors="ignore")
        found += [f"{name}: {match.group()}" for match in BANNED.finditer(text)][:1]

    assert found == []


@pytest.mark.parametrize("room", sorted(p.name for p in (ROOT / "agentic").iterdir() if p.is_dir()))
def test_a_room_says_what_it_is(room: str) -> None:
    init = ROOT / "agentic" / room / "__init__.py"
    if not init.exists():
        pytest.skip("not a package")
    text = ast.get_docstring(ast.parse(init.read_text())) or ""

    assert len(text) > 20
    assert "TODO" not in text
