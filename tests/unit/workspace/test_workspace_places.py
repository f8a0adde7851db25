"""Slots, notes, profiles and copies on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentic.exceptions import WorkspaceError
from agentic.project import Target
from agentic.workspace.copies import copy_database, copy_databases, local_file
from agentic.workspace.frame import name_schemas
from agentic.workspace.places import (
    Entry,
    empty_slot,
    lock_slot,
    read_entries,
    remove_entry,
    take_slot,
    write_entry,
)
from agentic.workspace.profile import write_profile
from agentic.workspace.verify import in_schema


def entry(run_id: str = "r/1") -> Entry:
    return Entry(
        run_id=run_id,
        pid=1,
        host="here",
        slot="/nowhere",
        worktrees=("/nowhere/tree",),
        adapter="postgres",
        target="dev",
        schemas=("agentic_x",),
        started_at=1.0,
    )


def test_a_slot_is_held_until_it_is_released(tmp_path: Path) -> None:
    project = tmp_path / "project"
    first, second = (take_slot(project, tmp_path / "home") for _ in range(2))

    assert (first.number, second.number) == (0, 1)
    assert lock_slot(first.folder) is None
    first.release()
    again = take_slot(project, tmp_path / "home")
    assert again.folder == first.folder
    again.release()
    second.release()


def test_an_empty_slot_goes_and_one_with_a_cache_stays(tmp_path: Path) -> None:
    empty, kept = (take_slot(tmp_path / "project", tmp_path / "home") for _ in range(2))
    kept.cache.mkdir()
    (kept.cache / "parse").touch()

    empty.release()
    kept.release()

    assert not empty.folder.exists()
    assert (kept.cache / "parse").exists()
    assert not list(tmp_path.glob("home/*/0"))


def test_a_workspace_never_lies_in_the_project(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="inside the project"):
        take_slot(tmp_path, tmp_path / "home")


def test_the_parse_cache_survives_the_workspace(tmp_path: Path) -> None:
    for name in ("lock", "cache", "tree", "file"):
        (tmp_path / name).mkdir() if name in ("cache", "tree") else (tmp_path / name).touch()
    outside = tmp_path.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "kept").touch()
    (tmp_path / "link").symlink_to(outside)

    empty_slot(tmp_path)

    assert sorted(item.name for item in tmp_path.iterdir()) == ["cache", "lock"]
    assert (outside / "kept").exists()


def test_notes_are_read_back_and_broken_ones_are_seen(tmp_path: Path) -> None:
    file = write_entry(tmp_path, entry())
    (file.parent / "broken.json").write_text("{")

    found = read_entries(tmp_path)

    assert found[file] == entry()
    assert found[file.parent / "broken.json"] is None
    assert (tmp_path / ".agentic" / ".gitignore").read_text() == "*\n"
    remove_entry(tmp_path, "r/1")
    assert not file.exists()


@pytest.mark.parametrize(
    ("patterns", "schemas", "suffixes"),
    [
        (["agentic_*"], {"change": "agentic_k", "base": "agentic_kb"}, True),
        (["ci", "agentic_*"], {"change": "agentic_k", "base": "agentic_kb"}, True),
        (["*_tmp"], {"change": "k_tmp", "base": "kb_tmp"}, False),
        (["ci"], {"change": "ci"}, False),
        (["ci", "ci2"], {"change": "ci", "base": "ci2"}, False),
    ],
)
def test_schemas_are_named_by_build_schemas(
    patterns: list[str], schemas: dict[str, str], suffixes: bool
) -> None:
    assert name_schemas(patterns, "k") == (schemas, suffixes)


def test_no_schema_to_build_in_is_an_error() -> None:
    with pytest.raises(WorkspaceError, match="names no schema"):
        name_schemas([], "k")


def test_the_schema_of_slot_1_is_not_that_of_slot_10() -> None:
    assert in_schema("agentic_k_1", "agentic_k_1")
    assert in_schema("agentic_k_1_marts", "agentic_k_1")
    assert not in_schema("agentic_k_10", "agentic_k_1")
    assert not in_schema("agentic_k_1b", "agentic_k_1")
    assert not in_schema(None, "agentic_k_1")


def test_secrets_stay_out_of_the_written_profile(tmp_path: Path) -> None:
    output = {
        "type": "postgres",
        "host": "h",
        "schema": "dev",
        "password": "hunter2",
        "user": "{{ env_var('PG_USER') }}",
        "secrets": [{"type": "s3", "secret": "abc", "region": "eu"}],
        "private_key": "{{ env_var('KEY') }}",
    }
    profiles = tmp_path / "profiles.yml"
    profiles.write_text(json.dumps({"shop": {"outputs": {"dev": output}}}))
    target = Target(
        name="dev",
        adapter="postgres",
        schema="dev",
        database="d",
        settings={},
        profile="shop",
        profiles_path=profiles,
    )

    written = write_profile(tmp_path / "own", target, schema="agentic_x", changes={"threads": 1})

    file = tmp_path / "own" / "profiles.yml"
    text = file.read_text()
    found = json.loads(text)["shop"]["outputs"]["agentic"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in text
    assert "abc" not in text
    assert sorted(written.environment.values()) == ["abc", "hunter2"]
    assert found["schema"] == "agentic_x"
    assert found["user"] == "{{ env_var('PG_USER') }}"
    assert found["private_key"] == "{{ env_var('KEY') }}"
    assert found["secrets"][0]["region"] == "eu"


def test_a_database_is_copied_under_its_name_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "shop.duckdb").write_bytes(b"rows")
    (tmp_path / "shop.duckdb.wal").write_bytes(b"more rows")

    copy = copy_database(tmp_path / "shop.duckdb", tmp_path / "copy")

    assert copy.name == "shop.duckdb"
    assert copy.read_bytes() == b"rows"
    assert copy.with_name("shop.duckdb.wal").read_bytes() == b"more rows"


def test_attached_files_are_copied_and_all_else_is_only_read(tmp_path: Path) -> None:
    (tmp_path / "a.duckdb").write_bytes(b"a")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.duckdb").write_bytes(b"b")
    settings = {
        "path": "a.duckdb",
        "attach": [{"path": "other/a.duckdb"}, {"path": "s3://bucket/x.duckdb"}],
    }

    changes, copy = copy_databases(settings, tmp_path, tmp_path / "copy")

    assert copy is not None
    assert copy.read_bytes() == b"a"
    assert Path(changes["attach"][0]["path"]).read_bytes() == b"b"
    assert changes["attach"][1]["read_only"] is True


@pytest.mark.parametrize("path", [":memory:", "md:shop", "motherduck:shop", "s3://b/x", ""])
def test_only_local_files_are_copied(path: str, tmp_path: Path) -> None:
    assert local_file(path, tmp_path) is None


def test_a_remote_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="not a local file"):
        copy_databases({"path": "md:shop?motherduck_token=t"}, tmp_path, tmp_path / "copy")
