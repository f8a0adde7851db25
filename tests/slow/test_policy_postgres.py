"""A fixed sample of the statements that the policy allows, on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.policy import on_server
from tests.slow.conftest import PostgresServer

pytestmark = pytest.mark.slow
SAMPLE = 400
"""`make proofs` runs 20,000."""


def test_allowed_statements_change_and_show_nothing_protected(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    found = on_server(postgres_server.new_database("allowed"), tmp_path, SAMPLE)

    assert found.broken == []
    assert found.figures["allowed"] == SAMPLE
