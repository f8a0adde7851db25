"""The main job on a real project: red build in, proven branch out, everything else untouched."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.model_server import ModelServer, says, text, tool_use
from tests.support.tiny import Tiny, make_tiny, rename_source_column

pytestmark = pytest.mark.slow


def assert_right(run: dict[str, Any]) -> None:
    assert run["finding"]["class"] == "src_column_renamed", run
    cause = run["finding"]["root_cause"]
    assert cause == {"node": "source.tiny.raw.orders", "column": "amount", "observed": "amount_usd"}
    assert run["decision"] == "fix"
    assert run["proposal"]["files"] == ["models/staging/stg_orders.sql"]
    assert {check["result"] for check in run["checks"]} <= {"pass", "warn", "not_compared"}
    assert next(c for c in run["checks"] if c["code"] == "AP010")["result"] == "pass", run


def test_a_red_build_becomes_a_branch_that_builds_green(broken: Tiny) -> None:
    before = broken.sql("select * from main.daily order by 1")
    untouched = broken.fingerprint()
    run = broken.run("--apply")

    assert_right(run)
    assert broken.fingerprint() == untouched
    assert broken.branches() == [run["branch"], "main"]
    broken.git("switch", "-q", run["branch"])
    broken.dbt("build", check=True)
    assert broken.sql("select * from main.daily order by 1") == before


def test_without_apply_nothing_leaves_the_machine(broken: Tiny) -> None:
    untouched = broken.fingerprint()
    done = broken.agentic("run")

    assert done.returncode == 1, done.stderr
    assert "amount_usd as amount" in done.stdout
    assert "AP010" in done.stdout
    assert "agentic run --apply" in done.stdout
    assert broken.fingerprint() == untouched
    assert broken.branches() == ["main"]


def test_the_same_root_cause_again_keeps_the_one_branch(broken: Tiny) -> None:
    first = broken.run("--apply")
    second = broken.run("--apply")

    assert second["branch"] == first["branch"]
    assert len(broken.branches()) == 2


def test_an_uncommitted_fault_is_taken_along(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path)
    tiny.dbt("build", check=True)
    model = tiny.root / "models/staging/stg_orders.sql"
    model.write_text(model.read_text().replace("ordered_at\n", "ordered_at, 1 as extra\n"))
    rename_source_column(tiny)
    tiny.dbt("build")
    untouched = tiny.fingerprint()
    run = tiny.run("--apply")

    assert_right(run)
    assert tiny.fingerprint() == untouched
    assert "1 as extra" in tiny.git("show", f"{run['branch']}:models/staging/stg_orders.sql")


def test_a_project_in_a_subfolder(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path, subfolder="warehouse/dbt")
    tiny.dbt("build", check=True)
    rename_source_column(tiny)
    tiny.dbt("build")
    run = tiny.run("--apply")

    assert_right(run)
    file = f"{run['branch']}:warehouse/dbt/models/staging/stg_orders.sql"
    assert "amount_usd as amount" in tiny.git("show", file)


def test_a_green_project_has_nothing_to_do(tmp_path: Path) -> None:
    tiny = make_tiny(tmp_path)
    tiny.dbt("build", check=True)
    done = tiny.agentic("run", "--apply")

    assert (done.returncode, done.stdout) == (0, "")
    assert "Nothing to do" in done.stderr
    assert tiny.branches() == ["main"]


def test_diagnose_changes_nothing(broken: Tiny) -> None:
    untouched = broken.fingerprint()
    done = broken.agentic("diagnose")

    assert done.returncode == 1, done.stderr
    assert "src_column_renamed" in done.stdout
    assert broken.fingerprint() == untouched


def test_the_case_file_can_be_shown_again(broken: Tiny) -> None:
    run = broken.run("--apply")
    body = broken.agentic("show", run["run_id"], "--body").stdout
    patch = broken.root / "target" / "agentic" / "runs" / run["run_id"] / "changes.patch"

    assert body.startswith("**Verdict**")
    assert f"fingerprint={run['branch'][-10:]}" in body
    subprocess.run(["git", "apply", "--check", str(patch)], cwd=broken.repo, check=True)
    assert run["run_id"] in broken.agentic("history").stdout
    assert broken.agentic("incidents").returncode == 1


def brain(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """A model that asks the rules, does what they found, and reports."""
    turn = len(messages) // 2
    script: list[dict[str, Any]] = [
        says(text("Let me look."), tool_use("diagnose", {})),
        says(
            tool_use(
                "rename_column",
                {
                    "node": "model.tiny.stg_orders",
                    "old": "amount",
                    "new": "amount_usd",
                    "parent": "source.tiny.raw.orders",
                    "why": "the source's new name",
                },
            )
        ),
        says(
            tool_use(
                "submit_report",
                {
                    "finding": {
                        "cls": "src_column_renamed",
                        "root_cause": {
                            "node": "source.tiny.raw.orders",
                            "column": "amount",
                            "observed": "amount_usd",
                        },
                        "confidence": 0.9,
                        "summary": "The vendor renamed a column.",
                    },
                    "decision": "fix",
                    "title": "fix(stg_orders): read amount_usd as amount",
                    "rename_undone": [["source.tiny.raw.orders", "amount", "amount_usd"]],
                },
            )
        ),
    ]
    return script[turn]


def test_the_same_repair_by_the_engine_anthropic(broken: Tiny) -> None:
    with ModelServer(brain) as server:
        env = {"ANTHROPIC_API_KEY": server.key, "ANTHROPIC_BASE_URL": server.url}
        run = broken.run("--apply", env=env)

    assert server.violations == []
    assert len(server.requests) == 3
    assert run["engine"] == "anthropic"
    assert_right(run)
    assert run["usage"]["cost_usd"] > 0


@pytest.mark.parametrize("how", ["no_key", "wrong_key", "gone", "refuses"])
def test_auto_ends_by_rules_whatever_happens_to_the_service(broken: Tiny, how: str) -> None:
    with ModelServer(lambda _: says(text("no"), stop="refusal")) as server:
        url = server.url
        env = {
            "no_key": {},
            "wrong_key": {"ANTHROPIC_API_KEY": "wrong-key-0000", "ANTHROPIC_BASE_URL": url},
            "gone": {"ANTHROPIC_API_KEY": "x" * 12, "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"},
            "refuses": {"ANTHROPIC_API_KEY": server.key, "ANTHROPIC_BASE_URL": url},
        }[how]
        run = broken.run(env=env)

    assert run["engine"] == "rules"
    assert_right(run)


KILL = """
import os, signal
from agentic.store import journal
def at(name, when):
    original = getattr(journal.Journal, name)
    def patched(self, *args, **kwargs):
        if when == "before" and self.seq == {step}: os.kill(os.getpid(), signal.SIGKILL)
        original(self, *args, **kwargs)
        if when == "after" and self.seq == {step}: os.kill(os.getpid(), signal.SIGKILL)
    setattr(journal.Journal, name, patched)
at("{method}", "{when}")
"""

POINTS = [("_begin", "before"), ("_begin", "after"), ("_end", "before"), ("_end", "after")]


def steps_of(tiny: Tiny, run_id: str) -> int:
    return len(tiny.agentic("show", run_id, "--steps").stdout.splitlines())


@pytest.mark.parametrize("share", [0.4, 0.85, 1.0], ids=["reading", "checking", "opening"])
def test_killed_at_a_step_it_ends_the_same(broken: Tiny, share: float) -> None:
    """`make proofs` kills at all points; here one in each phase, after its effect, unrecorded."""
    expected = broken.run("--apply")
    last = steps_of(broken, expected["run_id"])
    broken.git("branch", "-D", expected["branch"])
    step = max(1, round(last * share))
    kill_and_resume(broken, expected, step, "_end", "before")


def kill_and_resume(
    tiny: Tiny, expected: dict[str, Any], step: int, method: str, when: str
) -> None:
    prelude = KILL.format(step=step, method=method, when=when)
    killed = tiny.agentic("run", "--apply", "--output", "json", prelude=prelude)
    assert killed.returncode == -9, (step, killed.stdout, killed.stderr)
    run = tiny.run("--apply")

    assert run["run_id"] != expected["run_id"]
    for name in ("status", "decision", "finding", "proposal", "checks", "branch"):
        assert run[name] == expected[name], (step, method, when, name)
    assert tiny.branches() == [expected["branch"], "main"]
    assert len(tiny.git("worktree", "list").splitlines()) == 1
    assert list((tiny.root / ".agentic" / "workspaces").glob("*.json")) == []


def test_every_process_it_starts_ends_with_it(broken: Tiny) -> None:
    broken.run()
    commands = [path / "cmdline" for path in Path("/proc").iterdir() if path.name.isdigit()]
    mine = str(broken.root).encode()

    assert [path for path in commands if path.exists() and mine in path.read_bytes()] == []
