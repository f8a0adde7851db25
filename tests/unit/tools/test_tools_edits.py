"""Edits collect in the proposal; the user's tree is never written."""

from __future__ import annotations

import pytest

from agentic.tools import Bench, ToolError, registry_function

edit_file = registry_function("edit_file")
create_model = registry_function("create_model")
write_test = registry_function("write_test")
PATH = "models/stg_orders.sql"


def test_an_edit_stays_on_the_bench(bench: Bench) -> None:
    before = (bench.project.root / PATH).read_bytes()

    answer = edit_file(bench, path=PATH, edits=[{"old": "amount", "new": "total as amount"}])

    assert answer["changed_lines"] == ["-    amount", "+    total as amount"]
    assert bench.edits[PATH].before == before.decode()
    assert "total as amount" in (bench.edits[PATH].after or "")
    assert (bench.project.root / PATH).read_bytes() == before


def test_a_second_edit_builds_on_the_first(bench: Bench) -> None:
    edit_file(bench, path=PATH, edits=[{"old": "amount", "new": "total"}], why="renamed")
    edit_file(bench, path=PATH, edits=[{"old": "total", "new": "total as amount"}], why="kept")

    edit = bench.edits[PATH]
    assert edit.before is not None
    assert "amount" in edit.before
    assert "    total as amount\n" in (edit.after or "")
    assert edit.why == "renamed; kept"


@pytest.mark.parametrize(
    ("old", "message"),
    [
        pytest.param("discount", "is not in the file", id="absent"),
        pytest.param("o", "times", id="ambiguous"),
        pytest.param("", "empty", id="empty"),
    ],
)
def test_old_text_must_match_once(bench: Bench, old: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        edit_file(bench, path=PATH, edits=[{"old": old, "new": "x"}])

    assert bench.edits == {}


def test_one_bad_edit_leaves_the_file_alone(bench: Bench) -> None:
    with pytest.raises(ToolError):
        edit_file(
            bench, path=PATH, edits=[{"old": "amount", "new": "a"}, {"old": "gone", "new": "b"}]
        )

    assert bench.edits == {}


@pytest.mark.parametrize(
    "path",
    [
        "../outside.sql",
        "/etc/passwd.sql",
        "profiles.yml",
        "target/x.sql",
        ".git/x.sql",
        "a/../b.sql",
    ],
)
def test_paths_outside_the_project_are_refused(bench: Bench, path: str) -> None:
    with pytest.raises(ToolError):
        edit_file(bench, path=path, edits=[{"old": "a", "new": "b"}])
    with pytest.raises(ToolError):
        create_model(bench, path=path, text="select 1")


def test_a_link_out_of_the_project_is_refused(bench: Bench) -> None:
    outside = bench.project.root.parent / "secret.sql"
    outside.write_text("select 1")
    (bench.project.root / "models" / "link.sql").symlink_to(outside)

    with pytest.raises(ToolError, match="out of the project"):
        edit_file(bench, path="models/link.sql", edits=[{"old": "1", "new": "2"}])


def test_only_files_of_a_project_are_created(bench: Bench) -> None:
    create_model(bench, path="models/new.sql", text="select 1 as a\n")

    assert bench.edits["models/new.sql"].before is None
    with pytest.raises(ToolError, match="exists"):
        create_model(bench, path=PATH, text="select 1")
    with pytest.raises(ToolError, match="exists"):
        create_model(bench, path="models/new.sql", text="select 2")
    with pytest.raises(ToolError, match="no file that a proposal may hold"):
        create_model(bench, path="models/new.sh", text="true")


def test_a_test_lies_where_tests_lie(bench: Bench) -> None:
    write_test(bench, path="tests/no_negative.sql", text="select 1 where false")

    assert "tests/no_negative.sql" in bench.edits
    with pytest.raises(ToolError, match="test's path"):
        write_test(bench, path="models/no_negative.sql", text="select 1")
