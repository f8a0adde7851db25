"""Shared by every test: no keys in the environment, golden files, nothing left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

# What could reach a service, or change what dbt and agentic do, does not come from the developer's
# shell. Tests that need one of these set it themselves.
_CLEARED = ("ANTHROPIC_", "AGENTIC_", "DBT_", "OPENLINEAGE_", "CLAUDE_")
_KEPT = ("AGENTIC_PROJECTS", "AGENTIC_DBT", "AGENTIC_DBTS")
_SECRETS = ("_API_KEY", "_AUTH_TOKEN", "_TOKEN", "_WEBHOOK_URL")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Rewrite the expected files of golden tests; git diff is the review.",
    )


def pytest_configure(config: pytest.Config) -> None:
    for name in list(os.environ):
        if name in _KEPT:
            continue
        if name.startswith(_CLEARED) or name.endswith(_SECRETS):
            del os.environ[name]
    # No engine finds a key by accident, and dbt calls nobody.
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with an expected file, or rewrite the file with --update-golden."""

    def compare(expected: Path, actual: str) -> None:
        if request.config.getoption("--update-golden"):
            expected.parent.mkdir(parents=True, exist_ok=True)
            expected.write_text(actual, encoding="utf-8")
        assert expected.is_file(), f"{expected} is missing: run pytest --update-golden"
        assert expected.read_text(encoding="utf-8") == actual

    return compare
