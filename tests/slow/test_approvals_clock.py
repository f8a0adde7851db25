"""`escalate.after` on a real run: it stops, keeps its finding, and says what would be next."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tiny import make_tiny, rename_source_column

pytestmark = pytest.mark.slow

# Long enough for a diagnosis, and shorter than any proof, which builds with dbt.
RAILS = """\
version: 1
change: {allow: ["path:models/staging"]}
escalate: {after: 4s}
"""


def test_a_run_under_way_hands_over_and_a_later_one_finishes(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path, files={"guardrails.yml": RAILS})
    tiny.dbt("build", check=True)
    rename_source_column(tiny)
    tiny.dbt("build")

    first = tiny.run("--apply")
    branches = tiny.branches()
    second = tiny.run("--apply")

    assert (first["status"], first["decision"], first["branch"]) == ("escalated", "escalate", None)
    assert branches == ["main"]
    assert first["finding"]["class"] == "src_column_renamed"
    assert "Next would be:" in first["finding"]["next_step"]
    assert "escalate.to names nobody" in first["reason"]
    assert second["decision"] == "fix"
    assert "overdue since" in second["reason"]
    assert second["branch"] in tiny.branches()
