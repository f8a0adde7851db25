"""A python tool is a process of its own: no secrets of ours, bounded, JSON in and out."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from agentic.records import OwnTool
from agentic.tools import ToolError
from tests.support.own_tools import bench_at, own_tools, use

CODE = """
import os, subprocess, sys, time

def echo(text, times=1):
    print("noise on standard output")
    return {"said": text * times, "here": os.getcwd()}

def environment():
    return dict(os.environ)

def fails():
    raise ValueError("no such vendor ana@example.com")

def hangs():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    open("child", "w").write(str(child.pid))
    time.sleep(60)

def floods():
    return "x" * 50_000_000

def dies():
    os._exit(3)
"""


def function(root: Path, name: str, **more: str) -> OwnTool:
    (root / "shop").mkdir(exist_ok=True)
    (root / "shop" / "tools.py").write_text(CODE)
    rest = "".join(f", {key}: {value}" for key, value in ({"effect": "read"} | more).items())
    return own_tools(root, f'{{name: own, python: "shop.tools:{name}"{rest}}}')["own"]


def test_json_goes_in_and_comes_out(tmp_path: Path) -> None:
    tool = function(tmp_path, "echo", input="{text: string, times: {type: integer, default: 2}}")

    said = use(tool, bench_at(tmp_path), text="ab")

    assert said == {"result": {"said": "abab", "here": str(tmp_path)}}


def test_it_sees_no_secret_of_ours_and_what_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "GITHUB_TOKEN", "DBT_PASSWORD", "PGPASSWORD", "ANYTHING"):
        monkeypatch.setenv(name, "for-nobody-else")
    tool = function(tmp_path, "environment", env="{VENDOR: \"{{ env_var('ANYTHING') }}\"}")

    found = use(tool, bench_at(tmp_path))["result"]

    assert [name for name, value in found.items() if value == "for-nobody-else"] == ["VENDOR"]
    assert "env_var" in tool.body["env"]["VENDOR"]


def test_what_it_raises_is_told_masked(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="ValueError: no such vendor") as failed:
        use(function(tmp_path, "fails"), bench_at(tmp_path))

    assert "ana@example.com" not in failed.value.message


def test_a_late_one_is_ended_with_all_it_started(tmp_path: Path) -> None:
    started = time.monotonic()

    with pytest.raises(ToolError, match="within 1 s"):
        use(function(tmp_path, "hangs", timeout="1s"), bench_at(tmp_path))

    assert time.monotonic() - started < 30
    child = int((tmp_path / "child").read_text()) if (tmp_path / "child").exists() else 0
    assert not child or gone(child)


def gone(pid: int) -> bool:
    """Ended, or waiting for its parent to take note."""
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(("name", "why"), [("floods", "too much"), ("dies", "code 3")])
def test_one_that_floods_or_dies_is_an_error(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(ToolError, match=why):
        use(function(tmp_path, name), bench_at(tmp_path))


def test_one_that_writes_is_dry_and_needs_a_workspace(tmp_path: Path) -> None:
    tool = function(tmp_path, "dies", effect="workspace")

    assert use(tool, bench_at(tmp_path))["dry_run"] is True
    with pytest.raises(ToolError, match="nothing may be changed"):
        use(tool, bench_at(tmp_path), dry_run=False)


def test_the_compiled_tool_names_the_code_it_was_approved_with(tmp_path: Path) -> None:
    before = function(tmp_path, "echo", input="{text: string}").body["sha256"]
    (tmp_path / "shop" / "tools.py").write_text(CODE + "\n# changed\n")
    line = '{name: own, python: "shop.tools:echo", effect: read, input: {text: string}}'

    now = own_tools(tmp_path, line)["own"]
    (tmp_path / "shop" / "tools.py").write_text(CODE)

    assert now.body["sha256"] != before
    with pytest.raises(ToolError, match="is not what it was"):
        use(now, bench_at(tmp_path), text="a")
