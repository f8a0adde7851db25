"""Starting dbt: found, told only what it needs, heard line by line, stopped with its children."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from pathlib import Path

import pytest

from agentic.exceptions import DbtError
from agentic.project import (
    Dbt,
    changed_since,
    dbt_flags,
    find_dbt,
    find_project,
    load_manifest,
    parse_project,
    read_target,
    run_dbt,
)

pytestmark = pytest.mark.slow

LIBRARY = Path(__file__).parents[1] / "fixtures" / "artifacts" / "library"


def script(folder: Path, body: str, name: str = "dbt") -> Path:
    """An executable that stands in for dbt at the door."""
    file = folder / name
    file.write_text(f"#!{sys.executable}\n" + textwrap.dedent(body))
    file.chmod(0o755)
    return file


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it ended between the two questions
        return False


def gone(pid: int) -> bool:
    """True once the process has ended: a signal that was sent is not yet one that was taken."""
    for _ in range(200):
        if not alive(pid):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    shutil.copytree(LIBRARY, root, ignore=shutil.ignore_patterns("newer"))
    return root


def test_the_dbt_on_the_path_is_found_before_the_one_beside_us(tmp_path: Path) -> None:
    mine = script(tmp_path, "print('Core:\\n  - installed: 1.9.4\\n  - latest: 1.12.0')")

    assert find_dbt({"PATH": str(tmp_path)}) == Dbt(mine, "1.9.4")
    assert find_dbt({"PATH": ""}).version.startswith("1.")


def test_a_named_dbt_comes_first(tmp_path: Path) -> None:
    named = script(tmp_path, "print('installed: 1.8.2')", "my-dbt")

    assert find_dbt({"PATH": os.environ["PATH"], "AGENTIC_DBT": str(named)}).executable == named
    with pytest.raises(DbtError, match="not an executable"):
        find_dbt({"PATH": "", "AGENTIC_DBT": str(tmp_path / "none")})


@pytest.mark.parametrize("version", ["installed: 1.5.0", "dbt 2.0.0-rc1", "something else"])
def test_another_dbt_is_refused(tmp_path: Path, version: str) -> None:
    script(tmp_path, f"print({version!r})")

    with pytest.raises(DbtError) as caught:
        find_dbt({"PATH": str(tmp_path)})

    assert "1.8 to 1.12" in caught.value.hint


def test_lines_become_events_and_progress(tmp_path: Path) -> None:
    file = script(
        tmp_path,
        """
        import json, sys
        print(json.dumps({"info": {"name": "A", "level": "info", "msg": "first"}, "data": {}}))
        print("plain", file=sys.stderr)
        print(json.dumps({"info": {"name": "B", "level": "error", "msg": "ünsound"}, "data": {}}))
        sys.exit(2)
        """,
    )
    heard: list[str] = []

    outcome = run_dbt(Dbt(file, "1.11.0"), ["build"], cwd=tmp_path, on_line=heard.append)

    assert (outcome.exit_code, outcome.ok, outcome.args) == (2, False, ("build",))
    assert [event["info"]["name"] for event in outcome.events] == ["A", "B"]
    assert (outcome.other_lines, outcome.errors) == (("plain",), ("ünsound",))
    assert sorted(heard) == ["first", "plain", "ünsound"]


def test_the_child_does_not_see_our_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-123456789")
    monkeypatch.setenv("DBT_TARGET", "prod")
    file = script(tmp_path, "import os; print(sorted(os.environ))")

    (line,) = run_dbt(Dbt(file, "1.11.0"), [], cwd=tmp_path).other_lines

    assert "'PATH'" in line
    assert "ANTHROPIC" not in line
    assert "'DBT_TARGET'" not in line


def test_past_its_time_the_whole_group_is_killed(tmp_path: Path) -> None:
    file = script(
        tmp_path,
        """
        import signal, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(child.pid, flush=True)
        time.sleep(600)
        """,
    )

    outcome = run_dbt(Dbt(file, "1.11.0"), ["build"], cwd=tmp_path, timeout_s=5)

    assert outcome.timed_out
    assert outcome.exit_code < 0
    assert gone(int(outcome.other_lines[0]))


def test_an_interrupt_of_ours_ends_dbt_too(tmp_path: Path) -> None:
    file = script(tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_dbt(Dbt(file, "1.11.0"), ["build"], cwd=tmp_path, on_line=interrupt)

    assert gone(pids[0])


def test_a_dbt_that_cannot_start_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(DbtError, match="could not be started"):
        run_dbt(Dbt(tmp_path / "none", "1.11.0"), ["parse"], cwd=tmp_path)


def test_a_parse_leaves_the_project_untouched(library: Path, tmp_path: Path) -> None:
    project = find_project(library, environ={})
    target = read_target(project, environ={})
    before = sorted(path for path in library.rglob("*"))

    outcome = parse_project(project, find_dbt(), target, into=tmp_path / "parsed")
    manifest = load_manifest(tmp_path / "parsed" / "manifest.json")

    assert outcome.ok, outcome.errors
    assert "model.library.loans" in manifest.nodes
    assert sorted(path for path in library.rglob("*")) == before


def test_a_build_tells_what_it_did_and_hides_colours(library: Path, tmp_path: Path) -> None:
    project = find_project(library, environ={})
    target = read_target(project, environ={})
    flags = dbt_flags(project.root, target, tmp_path / "built")

    outcome = run_dbt(find_dbt(), ["seed", *flags], cwd=library)

    assert outcome.ok, outcome.errors
    assert any("genres" in str(event["info"]["msg"]) for event in outcome.events)
    assert not any("\x1b" in str(event["info"]["msg"]) for event in outcome.events)
    assert not (library / "logs").exists()
    assert not (library / ".user.yml").exists()


def test_what_is_newer_than_the_manifest(library: Path) -> None:
    project = find_project(library, environ={})
    everything = changed_since(project, project.manifest_path)
    project.target_path.mkdir()
    project.manifest_path.write_text("{}")
    os.utime(project.manifest_path, (2**32, 2**32))
    nothing = changed_since(project, project.manifest_path)
    os.utime(library / "models/marts/loans.sql", (2**32 + 1, 2**32 + 1))
    (library / "models/marts/notes.txt").write_text("no file of dbt's")
    os.utime(library / "models/marts", (2**32, 2**32))
    os.utime(library / "dbt_project.yml", (2**32 + 2, 2**32 + 2))

    assert {"dbt_project.yml", "seeds/genres.csv", "models/marts/marts.yml"} <= set(everything)
    assert nothing == ()
    assert changed_since(project, project.manifest_path) == (
        "dbt_project.yml",
        "models/marts/loans.sql",
    )
