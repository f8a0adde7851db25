"""`agentic debug` tries what no agent may do with a DuckDB file; `agentic grants` has nothing to
grant there, and says what it stands for in another warehouse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.tiny import make_tiny

pytestmark = pytest.mark.slow


def test_a_file_is_refused_everything_and_stays_as_it_was(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path)
    tiny.dbt("parse", check=True)
    before = tiny.fingerprint()

    done = tiny.agentic("debug", "--output", "json")
    lines = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}

    assert lines["safeguards"]["verdict"] == "ok", lines["safeguards"]
    assert "refused 6 trials, as agentic opens the file" in lines["safeguards"]["evidence"]
    assert tiny.fingerprint() == before
    assert not (tiny.root / ".agentic").exists()


def test_grants_of_a_file(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path)
    tiny.dbt("parse", check=True)

    none = tiny.agentic("grants")
    snowflake = tiny.agentic("grants", "--dialect", "snowflake", "--role", "READER")

    assert (none.returncode, none.stdout) == (2, "")
    assert "--dialect postgres|" in none.stderr
    assert snowflake.returncode == 0, snowflake.stderr
    assert 'to role "READER";' in snowflake.stdout
