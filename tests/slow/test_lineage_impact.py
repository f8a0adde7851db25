"""A sample of tests/proofs/lineage_impact.py: a change of every kind, predicted, then built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.lineage_impact import predicted

pytestmark = pytest.mark.slow


def test_impact_is_said_before_dbt_finds_out(tmp_path: Path) -> None:
    found = predicted(tmp_path, 8)

    assert found.broken == []
    assert found.figures["breaking"] == 5
