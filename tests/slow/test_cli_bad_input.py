"""Whatever a project lacks is one message with its next step, exit code 2, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agentic.records import Finding, load
from agentic.review import branch_name
from tests.slow.test_runtime_main_job import KILL, assert_right
from tests.support.tiny import Tiny, clean_environment

pytestmark = pytest.mark.slow


def results(**changes: Any) -> Callable[[Tiny], None]:
    """run_results.json with some parts replaced."""

    def damage(tiny: Tiny) -> None:
        file = tiny.root / "target/run_results.json"
        found = json.loads(file.read_text())
        for name, value in changes.items():
            found[name] = found[name] | value if isinstance(value, dict) else value
        file.write_text(json.dumps(found))

    return damage


def text(path: str, content: str) -> Callable[[Tiny], None]:
    return lambda tiny: tiny.write(path, content)


def cut(path: str, length: int) -> Callable[[Tiny], None]:
    def damage(tiny: Tiny) -> None:
        (tiny.root / path).write_bytes((tiny.root / path).read_bytes()[:length])

    return damage


def no_repository(tiny: Tiny) -> None:
    shutil.rmtree(tiny.repo / ".git")


def no_commit(tiny: Tiny) -> None:
    no_repository(tiny)
    tiny.git("init", "-q")


def profile(content: str) -> Callable[[Tiny], None]:
    return lambda tiny: (tiny.profiles / "profiles.yml").write_text(content) and None


def no_logs_folder(tiny: Tiny) -> None:
    shutil.rmtree(tiny.root / "logs", ignore_errors=True)
    tiny.write("logs", "a file where a folder should be")


AGENT = "version: 1\nagents:\n  - name: triage\n    extends: agentic.triage\n"


class Bad(NamedTuple):
    """What is wrong, and what must be said."""

    damage: Callable[[Tiny], object]
    message: str
    next_step: str
    args: tuple[str, ...] = ("run",)


BAD = {
    "no_repository": Bad(no_repository, "no git repository", "git init"),
    "no_commit": Bad(no_commit, "no commit yet", "Commit once"),
    "results_missing": Bad(
        lambda tiny: (tiny.root / "target/run_results.json").unlink(),
        "ended before it wrote its results",
        "run `dbt build` again",
    ),
    "results_cut_off": Bad(
        cut("target/run_results.json", 300), "cut off after 300 bytes", "Run `dbt build`"
    ),
    "results_empty": Bad(results(results=[]), "ran nothing", "Run `dbt build`"),
    "results_of_compile": Bad(
        results(args={"which": "compile"}), "`dbt compile` has overwritten", "Run `dbt build` again"
    ),
    "results_of_docs": Bad(
        results(args={"which": "generate"}),
        "`dbt docs generate` has overwritten",
        "Run `dbt build` again",
    ),
    "no_profile": Bad(
        lambda tiny: (tiny.profiles / "profiles.yml").unlink(), "no profiles.yml", "--profiles-dir"
    ),
    "another_profile": Bad(profile("other: {}\n"), "no profile 'tiny'", "other"),
    "unknown_target": Bad(
        lambda tiny: None, "no target 'nope'", "dev", ("run", "--target", "nope")
    ),
    "no_key": Bad(
        text("agents.yml", AGENT + "    engine: anthropic\n    when: [run_error]\n"),
        "needs a key",
        "ANTHROPIC_API_KEY",
    ),
    "agents_wrong": Bad(
        text("agents.yml", AGENT.replace("extends", "extend")),
        "agents.yml:4:5 AC110 unknown key",
        "did you mean 'extends'",
    ),
    "agents_disagree": Bad(
        text("agents.yml", AGENT + "    tools: [sqll]\n    when: [run_error, run_eror]\n"),
        "agents.yml:6:23 AC",
        "did you mean 'sql'",
    ),
    "store_blocked": Bad(text(".agentic", ""), "state store cannot be opened", "writable"),
    "logs_blocked": Bad(no_logs_folder, "logs", "agentic writes"),
}


def assert_refused(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "This is a bug" not in done.stderr
    for part in parts:
        assert part in done.stderr, done.stderr


@pytest.mark.parametrize("name", list(BAD))
def test_one_message_with_the_next_step(broken: Tiny, name: str) -> None:
    bad = BAD[name]
    bad.damage(broken)
    files = _files(broken)
    done = broken.agentic(*bad.args)

    assert_refused(done, bad.message, bad.next_step)
    assert _files(broken) == files


def _files(tiny: Tiny) -> dict[str, str]:
    """As a fingerprint, also where there is no repository."""
    if (tiny.repo / ".git").exists() and tiny.git("rev-list", "--all", "--count") != "0":
        return tiny.fingerprint()
    return {str(path): path.read_text() for path in tiny.root.rglob("*.sql")}


def test_no_project_here(tmp_path: Path) -> None:
    for args in (["run"], ["compile"], ["show"], ["init"], ["clean"], ["lineage"]):
        done = subprocess.run(
            [sys.executable, "-c", "from agentic.cli.entry import main; main()", *args],
            cwd=tmp_path,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert_refused(done, "no dbt project here", "--project-dir")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["missing", "cut_off", "older"])
def test_a_manifest_that_cannot_be_used_is_made_again(broken: Tiny, how: str) -> None:
    file = broken.root / "target/manifest.json"
    if how == "missing":
        file.unlink()
    elif how == "cut_off":
        cut("target/manifest.json", 5000)(broken)
    else:
        file.write_text(file.read_text().replace("/manifest/v12", "/manifest/v9"))
    untouched = broken.fingerprint()
    done = broken.agentic("diagnose")

    assert done.returncode == 1, done.stderr
    assert "raw.orders.amount  src_column_renamed" in done.stdout
    assert broken.fingerprint() == untouched


def test_a_first_parse_that_fails_is_repaired(broken: Tiny) -> None:
    """A fresh clone with an uncommitted typo: no manifest ever, and no target folder."""
    broken.sql("alter table raw.orders rename column amount_usd to amount")
    shutil.rmtree(broken.root / "target")
    model = broken.root / "models/marts/daily.sql"
    right = model.read_text()
    model.write_text(right.replace("ref('stg_orders')", "ref('stg_order')"))
    run = broken.run("--apply")

    assert run["finding"]["class"] == "ref_typo", run
    assert run["finding"]["root_cause"]["node"] == "model.tiny.daily"
    assert broken.git("show", f"{run['branch']}:models/marts/daily.sql") + "\n" == right
    assert len(broken.git("worktree", "list").splitlines()) == 1


def test_no_commit_parses_either(broken: Tiny) -> None:
    shutil.rmtree(broken.root / "target")
    (broken.root / "models/marts/daily.sql").write_text("select * from {{ ref('nowhere') }}\n")
    broken.git("commit", "-qam", "broken from the start")
    broken.git("checkout", "-q", "--orphan", "main2")
    broken.git("commit", "-qm", "the only commit")
    done = broken.agentic("run")

    assert_refused(done, "neither did its last commits", "'nowhere' which was not found")


def test_a_shallow_clone_with_a_detached_head(broken: Tiny) -> None:
    broken.write("NOTES.md", "A second commit.")
    broken.git("add", "-A")
    broken.git("commit", "-q", "-m", "second")
    clone = broken.repo.with_name("clone")
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", broken.repo.as_uri(), str(clone)], check=True
    )
    shutil.rmtree(broken.repo / ".git")
    shutil.move(clone / ".git", broken.repo / ".git")
    broken.git("checkout", "-q", "--detach")
    broken.git("branch", "-q", "-D", "main")
    untouched = broken.fingerprint()
    run = broken.run("--apply")

    assert_right(run)
    assert broken.branches() == [run["branch"]]
    assert broken.fingerprint() == untouched


@contextmanager
def held_open(database: Path) -> Iterator[None]:
    """Another process that writes to a DuckDB file."""
    script = f"import duckdb, sys; c = duckdb.connect({str(database)!r}); print(1, flush=True); "
    with subprocess.Popen(
        [sys.executable, "-c", script + "sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def test_a_locked_warehouse_stops_the_run_and_not_the_work(broken: Tiny) -> None:
    with held_open(broken.database):
        done = broken.agentic("diagnose")
    again = broken.agentic("diagnose")

    assert_refused(done, "tiny.duckdb is locked by process", "one writer")
    assert "going on with" in again.stderr
    assert "src_column_renamed" in again.stdout


@pytest.fixture
def expected_branch(broken: Tiny) -> str:
    """The branch that a run would make."""
    found = json.loads(broken.agentic("diagnose", "--output", "json").stdout)["finding"]
    finding = load(Finding, found | {"cls": found["class"]})
    return branch_name(finding, finding.fingerprint("tiny"))


def test_a_persons_commit_on_the_branch_is_kept(broken: Tiny, expected_branch: str) -> None:
    theirs = broken.git("commit-tree", "-p", "HEAD", "-m", "Mine", "HEAD^{tree}")
    broken.git("branch", expected_branch, theirs)
    run = broken.run("--apply")

    assert run["status"] == "error"
    assert "commits that agentic did not make" in run["reason"]
    assert f"git branch -D {expected_branch}" in run["reason"]
    assert broken.git("rev-parse", expected_branch) == theirs
    assert broken.agentic("show").returncode == 0


def test_a_branch_that_is_checked_out_is_left_alone(broken: Tiny, expected_branch: str) -> None:
    ours = broken.git(
        "commit-tree", "-p", "HEAD", "-m", "x\n\nAgentic-Root-Cause: 1", "HEAD^{tree}"
    )
    broken.git("branch", expected_branch, ours)
    broken.git("worktree", "add", "-q", str(broken.repo.with_name("review")), expected_branch)
    done = broken.agentic("run", "--apply", "--output", "json")
    run = json.loads(done.stdout)

    assert (done.returncode, run["status"]) == (2, "error")
    assert "is checked out" in run["reason"]
    assert "Switch to another branch" in run["reason"]
    assert broken.git("rev-parse", expected_branch) == ours


def test_leftovers_of_a_killed_run_are_swept(broken: Tiny) -> None:
    (steps,) = {
        len(broken.agentic("show", "--steps").stdout.splitlines())
        for _ in [broken.agentic("diagnose")]
    }
    prelude = KILL.format(step=steps + 1, method="_end", when="before")
    killed = broken.agentic("run", prelude=prelude)
    assert killed.returncode == -9
    assert len(broken.git("worktree", "list").splitlines()) > 1
    cleaned = broken.agentic("clean")

    assert cleaned.returncode == 0, cleaned.stderr
    assert "removed worktree" in cleaned.stdout
    assert len(broken.git("worktree", "list").splitlines()) == 1
    assert list((broken.root / ".agentic/workspaces").glob("*.json")) == []


def test_a_checkout_that_cannot_be_written(broken: Tiny) -> None:
    if os.geteuid() == 0:
        done = _with_read_only_mount(broken)
    else:
        broken.root.chmod(0o555)
        done = broken.agentic("run")
        broken.root.chmod(0o755)

    assert_refused(done, "state store cannot be opened", "writable")


def _with_read_only_mount(tiny: Tiny) -> subprocess.CompletedProcess[str]:
    """Root may write everywhere but on a read-only file system."""
    mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"'
    script = mount + ' || exit 77; cd "$0"; exec "$@"'
    main = [sys.executable, "-c", "from agentic.cli.entry import main; main()", "run"]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, tiny.root, *main, "--profiles-dir", tiny.profiles],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode in (1, 77) and not done.stdout:
        pytest.skip("not run: root may not mount here")
    return done


def test_two_runs_at_once_on_one_incident(broken: Tiny) -> None:
    command = [sys.executable, "-c", "from agentic.cli.entry import main; main()"]
    started = [
        subprocess.Popen(
            [*command, "run", "--apply", "--profiles-dir", str(broken.profiles)],
            cwd=broken.root,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ended = [(*process.communicate(), process.returncode) for process in started]
    (_, refusal, code), (shown, _, other) = sorted(ended, key=lambda one: -one[2])

    assert (code, other) == (2, 1), ended
    assert "this incident" in refusal
    assert "Traceback" not in refusal
    assert "review the branch agentic/" in shown
    assert len(broken.branches()) == 2
