"""Whose databases are dropped: of this machine and user, and of a process that is gone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agentic.evals.databases import (
    PREFIX,
    EvalError,
    drop_database,
    is_left,
    new_name,
    process_of,
    rename_in,
    same_place,
)
from agentic.project import Target


def ended() -> int:
    """The id of a process that ended just now."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def target(**settings: object) -> Target:
    return Target(
        name="dev",
        adapter="postgres",
        schema="main",
        database=str(settings.get("dbname", "shop")),
        settings=settings,
    )


def test_a_name_says_who_made_it() -> None:
    name = new_name()

    assert process_of(name) == os.getpid()
    assert new_name() != name
    assert len(name) <= 63


def test_only_what_a_gone_process_made_is_left() -> None:
    mine = new_name()
    gone = mine.replace(f"_{os.getpid()}_", f"_{ended()}_")
    other_machine = PREFIX + "0" * 8 + gone[len(PREFIX) + 8 :]

    assert [is_left(name) for name in (mine, gone, other_machine)] == [False, True, False]


@pytest.mark.parametrize("name", ["shop", f"{PREFIX}mine", f"{PREFIX}00000000_1_0123abcd", ""])
def test_what_was_not_made_here_is_never_dropped(name: str) -> None:
    assert not is_left(name)
    with pytest.raises(EvalError, match="was not made here"):
        drop_database(target(host="h"), name)


def test_artifacts_and_profile_name_the_copy(tmp_path: Path) -> None:
    (tmp_path / "run" / "models.yml").mkdir(parents=True)
    texts = {
        "manifest.json": '{"db": "old_1"}',
        "run/models.yml/a.sql": "old_1.raw",
        "x.csv": "old_1",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)

    rename_in(tmp_path, "old_1", "new_2")

    found = {name: (tmp_path / name).read_text() for name in texts}
    assert found == {
        "manifest.json": '{"db": "new_2"}',
        "run/models.yml/a.sql": "new_2.raw",
        "x.csv": "old_1",
    }


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"host": "h", "dbname": "shop", "user": "other"}, True),
        ({"host": "h", "dbname": "shop", "port": "5432"}, True),
        ({"host": "h", "dbname": "shop", "port": 5433}, False),
        ({"host": "h2", "dbname": "shop"}, False),
        ({"host": "h", "dbname": "books"}, False),
    ],
)
def test_two_targets_lead_to_one_database(other: dict[str, object], same: bool) -> None:
    assert same_place(target(host="h", dbname="shop"), target(**other)) is same
