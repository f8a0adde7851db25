"""The program's boundary: which error ends how, and what --help may cost."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import click
import pytest

from agentic.cli.entry import COMMANDS, cli, main, report
from agentic.exceptions import AgenticError, ConfigError, Issue, WarehouseLocked

HEAVY = {"dbt", "sqlglot", "sqlalchemy", "networkx", "duckdb", "anthropic", "pydantic", "rich"}


def loaded_by(code: str) -> tuple[set[str], str]:
    """Top-level modules that a new process has after `code`, and what it printed."""
    show = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stderr.split()}, done.stdout


def test_help_imports_no_library_but_click() -> None:
    loaded, shown = loaded_by(
        "import agentic\nfrom agentic.cli.entry import COMMANDS, cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        "for name in COMMANDS: cli.main([name, '--help'], standalone_mode=False)"
    )

    assert not HEAVY & loaded
    assert all(name in shown for name in COMMANDS)


def test_a_run_by_rules_loads_no_model_services_library() -> None:
    """The SDK takes longer to load than many a run; only the engine that needs it does so."""
    loaded, _ = loaded_by("import agentic.runtime, agentic.cli.run, agentic.runtime.engines")

    assert not {"anthropic", "httpx2", "mcp", "dbt"} & loaded


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_there(name: str) -> None:
    command = cli.get_command(None, name)  # type: ignore[arg-type]

    assert command is not None
    assert command.name == name
    assert COMMANDS[name][1].endswith(".")


def test_a_mistyped_command_is_told_its_neighbour() -> None:
    with pytest.raises(click.UsageError, match="Did you mean 'compile'"):
        cli.main(["comple"], standalone_mode=False)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            AgenticError("no such thing", hint="Make one."),
            "Error AC500: no such thing\n  Make one.",
        ),
        (WarehouseLocked("locked", where="a.duckdb"), "Error AC541: a.duckdb: locked"),
        (ConfigError([Issue("a.yml", 2, 3, "AC110", "odd")]), "a.yml:2:3 AC110 odd"),
        (OSError(errno.EROFS, "Read-only file system", "logs"), "Error AC570: logs: Read-only"),
        (ZeroDivisionError("by nought"), "agentic itself failed (ZeroDivisionError: by nought)"),
    ],
)
def test_every_error_is_a_message_and_exit_code_2(
    error: Exception,
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code = report(error)
    out, err = capsys.readouterr()

    assert (code, out) == (2, "")
    assert err.startswith(said) or said in err
    assert "Traceback" not in err


def test_details_of_a_bug_go_to_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    try:
        raise KeyError("lost")
    except KeyError as error:
        report(error)

    assert "KeyError: 'lost'" in (tmp_path / "logs" / "agentic.log").read_text()


@pytest.mark.parametrize("args", [["gremlins"], ["run", "--gremlins"], ["show", "--output", "xml"]])
def test_wrong_usage_exits_2(
    args: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["agentic", *args])
    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code == 2
    assert "Usage:" in capsys.readouterr().err
