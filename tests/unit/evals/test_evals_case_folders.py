"""Cases that users write: what is read, and every fault with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.evals.case_folders import find_cases, read_case
from agentic.evals.databases import EvalError
from agentic.exceptions import ConfigError

GOOD = """\
version: 1
description: the vendor renames the amount
class: src_column_renamed
root_cause: {node: source.shop.raw.orders, column: amount}
decision: [fix, escalate]
outputs: any
command: build --full-refresh
runs: 1
"""


def case(folder: Path, expect: str = GOOD, **parts: str) -> Path:
    folder.mkdir()
    (folder / "expect.yml").write_text(expect)
    for name, text in (parts or {"sql": "drop table raw.orders"}).items():
        ending = {"sql": "break.sql", "patch": "break.patch", "incident": "incident.json"}[name]
        (folder / ending).write_text(text)
    return folder


def test_a_case_is_read_whole(tmp_path: Path) -> None:
    read = read_case(case(tmp_path / "renamed"))

    assert read.name == "renamed"
    assert read.sql == "drop table raw.orders"
    assert read.expected.decisions == ("fix", "escalate")
    assert read.expected.layer == "raw"
    assert read.expected.command == ("build", "--full-refresh")
    assert (read.expected.same_outputs, read.expected.most_runs) == (False, 1)


def test_no_change_needs_no_root_cause(tmp_path: Path) -> None:
    read = read_case(case(tmp_path / "green", "version: 1\ndecision: no_change\n"))

    assert read.expected.expected_decision == "no_change"


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        pytest.param("version: 2\ndecision: wait\nroot_cause: {node: x}\n", ":1:10 ", id="version"),
        pytest.param("version: 1\ndecision: fixx\nroot_cause: {node: x}\n",
                     ":2:11 AC597 unknown decision 'fixx' — did you mean 'fix'?", id="decision"),
        pytest.param("version: 1\nroot_cause: {node: x}\n", "decision is one of", id="no-decision"),
        pytest.param("version: 1\ndecision: fix\n", "root_cause needs a node", id="no-cause"),
        pytest.param(GOOD.replace("outputs: any", "outputs: some"), ":6:10 ", id="outputs"),
        pytest.param(GOOD + "oops: 1\n", ":9:1 AC597 unknown key 'oops'", id="key"),
        pytest.param(GOOD.replace("runs: 1", "runs: many"), "runs is a number", id="runs"),
        pytest.param("- 1\n", "expected keys", id="list"),
        pytest.param("version: [\n", "broken/expect.yml:", id="yaml"),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_place(tmp_path: Path, expect: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_case(case(tmp_path / "broken", expect))

    assert said in str(caught.value)


def test_a_case_that_breaks_nothing_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="breaks nothing"):
        read_case(case(tmp_path / "idle", sql="  \n"))


def test_a_bad_part_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="AC597 no incident"):
        read_case(case(tmp_path / "one", incident="[]"))
    with pytest.raises(ConfigError, match="AC597 does not parse"):
        read_case(case(tmp_path / "two", sql="select ("))


def test_cases_are_found_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        case(tmp_path / name)

    assert [one.name for one in find_cases(tmp_path)] == ["a", "b"]
    assert find_cases(tmp_path / "a") == [tmp_path / "a"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvalError, match="no case in"):
        find_cases(tmp_path / "empty")
