"""`agentic eval` as a user types it, on a tiny project: a sample of `make proofs`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny import make_tiny

pytestmark = pytest.mark.slow

EXPECT = """\
version: 1
root_cause: {node: source.tiny.raw.orders, column: amount}
decision: fix
"""


RENAME = "alter table raw.orders rename column amount to amount_usd;"
TWICE = "insert into raw.orders select * from raw.orders where id < 4;"


def case(folder: Path, *, expect: str = EXPECT, sql: str = RENAME) -> None:
    folder.mkdir(parents=True)
    (folder / "expect.yml").write_text(expect)
    (folder / "break.sql").write_text(sql)


def test_a_project_is_broken_graded_and_left_alone(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path / "user")
    case(tmp_path / "evals" / "renamed")
    case(tmp_path / "evals" / "wrongly_expected", sql=TWICE)
    before = tiny.fingerprint()

    done = tiny.agentic(
        "eval", "--fault", "ref_typo", "--fault", "macro_renamed",
        "--case", str(tmp_path / "evals"), "--output", "json",
    )  # fmt: skip

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr
    found: dict[str, Any] = {line["case"]["fault"]: line for line in lines[:-1]}
    assert {name: one["right"] for name, one in found.items() if one["fits"]} == {
        "ref_typo": True,
        "renamed": True,
        "wrongly_expected": False,
    }, done.stdout
    assert "decision escalate, is fix" in found["wrongly_expected"]["why"]
    assert "macro_renamed" in found["macro_renamed"]["why_not"]
    assert lines[-1]["untouched"] == {"rules": True}
    assert lines[-1]["controls"]["do_nothing"]["right"] == 0
    assert lines[-1]["controls"]["revert_last_commit"]["right"] == 1
    assert done.returncode == 1
    assert tiny.fingerprint() == before


def test_a_project_that_was_never_green_is_said_to_be(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path / "user", files={"models/marts/bad.sql": "select nothing_there"})

    done = tiny.agentic("eval", "--fault", "ref_typo")

    assert done.returncode == 2
    assert "was never green" in done.stderr
    assert "nothing_there" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_in_a_case_is_told_with_its_place(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path / "user")
    case(tmp_path / "evals" / "bad", expect="version: 1\ndecision: fixx\nroot_cause: {nod: x}\n")

    done = tiny.agentic("eval", "--case", str(tmp_path / "evals"))

    assert done.returncode == 2
    assert "bad/expect.yml:2:11 AC597 unknown decision 'fixx' — did you mean 'fix'?" in done.stderr
    assert "bad/expect.yml:3:14 AC597 unknown key 'nod' — did you mean 'node'?" in done.stderr
