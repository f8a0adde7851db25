"""A proof is taken over while nothing that it depends on has changed, and no longer."""

from __future__ import annotations

import pytest

from tests.support.tiny import Tiny

pytestmark = pytest.mark.slow

RAILS = 'version: 1\nchange: {allow: ["path:models"]}\n'


def test_apply_after_a_run_opens_what_was_proved(broken: Tiny) -> None:
    broken.write("guardrails.yml", RAILS)
    broken.git("add", "-A")
    broken.git("commit", "-q", "-m", "rails")
    proved = broken.run()
    applied = broken.agentic("run", "--apply", "--output", "json")
    broken.sql("insert into raw.orders values (99, 5, date '2026-01-01')")
    again = broken.agentic("run", "--apply", "--output", "json")

    assert proved["status"] == "success"
    assert {one["result"] for one in proved["checks"]} <= {"pass", "warn"}
    assert f"proved by run {proved['run_id']}" in applied.stdout
    assert "AP010" not in applied.stderr  # nothing was built
    assert broken.branches() == ["agentic/" + broken.branches()[0].split("/")[1], "main"]
    assert "proved by run" not in again.stdout
    assert "AP010" in again.stderr
    body = next((broken.root / "target/agentic/runs").glob("*/pr_body.md"))
    assert body.exists()
