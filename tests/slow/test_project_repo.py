"""The repository room against real git: what it makes, and what it never touches."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from agentic.exceptions import GitError
from agentic.project import Repo

pytestmark = pytest.mark.slow


def git(folder: Path, *args: str) -> str:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": "Ann" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "ann@shop.example" for who in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run(
        ["git", *args], cwd=folder, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose dbt project lies in a subfolder; one commit."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    folder = tmp_path / "répo with space"
    (folder / "dbt" / "models").mkdir(parents=True)
    (folder / "dbt" / "models" / "a.sql").write_text("select 1 as a\n")
    (folder / "dbt" / "models" / "b.sql").write_text("select 2 as b\n")
    (folder / ".gitignore").write_text("target/\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "start")
    return folder


@pytest.fixture
def dirty(root: Path) -> Path:
    """Staged, unstaged, deleted, untracked and ignored changes, and a stash."""
    (root / "dbt" / "models" / "b.sql").write_text("select 0 as stashed\n")
    git(root, "stash")
    (root / "dbt" / "models" / "a.sql").write_text("select 10 as a\n")
    git(root, "add", "dbt/models/a.sql")
    (root / "dbt" / "models" / "a.sql").write_text("select 11 as a\n")
    (root / "dbt" / "models" / "b.sql").unlink()
    (root / "dbt" / "models" / "ünïcode new.sql").write_text("select 3 as c\n")
    (root / "target").mkdir()
    (root / "target" / "manifest.json").write_text("{}")
    (root / "dbt" / ".agentic").mkdir()
    (root / "dbt" / ".agentic" / "store.db").write_text("ours")
    return root


def state(root: Path) -> dict[str, str]:
    """A hash of everything a user would miss: tree, index, HEAD, refs, stash, configuration."""
    found = {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in root.rglob("*")
        if file.is_file() and "objects" not in file.parts and file.name != "COMMIT_EDITMSG"
    }
    return {**found, "refs": git(root, "for-each-ref"), "stash": git(root, "stash", "list")}


def test_a_repository_is_found_from_a_subfolder(root: Path) -> None:
    repo = Repo.open(root / "dbt" / "models")

    assert repo.root == root.resolve()
    assert repo.relative(root / "dbt") == "dbt"
    assert repo.relative(root) == ""
    assert (repo.current_branch, repo.is_shallow, repo.is_dirty()) == ("main", False, False)
    assert repo.head() == git(root, "rev-parse", "HEAD")


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="no git repository here") as caught:
        Repo.open(tmp_path)

    assert "git init" in caught.value.hint


def test_a_repository_without_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q")

    with pytest.raises(GitError, match="no commit yet"):
        Repo.open(tmp_path).head()


def test_a_snapshot_holds_the_uncommitted_state_and_nothing_else(dirty: Path) -> None:
    repo = Repo.open(dirty)

    sha = repo.snapshot()

    assert repo.list_files(sha) == (
        ".gitignore",
        "dbt/models/a.sql",
        "dbt/models/ünïcode new.sql",
    )
    assert repo.show(sha, "dbt/models/a.sql") == "select 11 as a\n"
    assert repo.show(sha, "dbt/models/b.sql") is None
    assert git(dirty, "rev-parse", f"{sha}^") == repo.head()
    assert repo.is_dirty()
    assert repo.changed_paths()[:2] == ("dbt/.agentic/store.db", "dbt/models/a.sql")


def test_nothing_of_the_users_is_touched(dirty: Path, tmp_path: Path) -> None:
    repo = Repo.open(dirty / "dbt")
    before = state(dirty)

    sha = repo.snapshot()
    change = repo.commit_files(sha, {"dbt/models/a.sql": "select 12 as a\n"}, "fix: a")
    repo.add_worktree(tmp_path / "tree", change)
    (tmp_path / "tree" / "dbt" / "models" / "made.sql").write_text("select 1")
    repo.remove_worktree(tmp_path / "tree")
    repo.is_dirty(), repo.diff(sha), repo.log(), repo.refs()

    assert state(dirty) == before


def test_the_same_state_gives_the_same_snapshot(dirty: Path) -> None:
    repo = Repo.open(dirty)

    assert repo.snapshot() == repo.snapshot()


def test_a_clean_tree_gives_head(root: Path) -> None:
    assert Repo.open(root).snapshot() == git(root, "rev-parse", "HEAD")


def test_a_snapshot_during_a_merge_conflict(root: Path) -> None:
    git(root, "checkout", "-q", "-b", "other")
    (root / "dbt/models/a.sql").write_text("select 2 as a\n")
    git(root, "commit", "-qam", "other")
    git(root, "checkout", "-q", "main")
    (root / "dbt/models/a.sql").write_text("select 3 as a\n")
    git(root, "commit", "-qam", "mine")
    with pytest.raises(subprocess.CalledProcessError):
        git(root, "merge", "other")
    repo = Repo.open(root)

    assert "<<<<<<<" in (repo.show(repo.snapshot(), "dbt/models/a.sql") or "")
    assert git(root, "ls-files", "-u")


def test_hooks_and_signing_of_the_user_do_not_run(root: Path, tmp_path: Path) -> None:
    hooks = root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran-{name}'\nexit 1\n")
        (hooks / name).chmod(0o755)
    git(root, "config", "commit.gpgSign", "true")
    git(root, "config", "gpg.program", "/no/such/program")
    git(root, "config", "core.fsmonitor", f"touch '{tmp_path}/ran-fsmonitor' #")
    (root / "dbt/models/a.sql").write_text("select 5 as a\n")
    repo = Repo.open(root)

    sha = repo.snapshot()
    repo.add_worktree(tmp_path / "tree", sha)
    repo.set_branch("agentic/a", sha)
    repo.is_dirty()

    assert list(tmp_path.glob("ran-*")) == []


def test_variables_of_an_outer_git_do_not_lead_astray(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))

    assert Repo.open(root).root == root.resolve()


def test_without_an_identity_agentic_is_the_author(root: Path) -> None:
    (root / "dbt/models/a.sql").write_text("select 5 as a\n")
    git(root, "config", "user.useConfigOnly", "true")
    repo = Repo.open(root)

    (commit,) = repo.log(revision=repo.snapshot("Uncommitted"), limit=1)

    assert (commit.author, commit.subject) == ("agentic", "Uncommitted")
    assert commit.paths == ("dbt/models/a.sql",)


def test_the_users_identity_is_kept(root: Path) -> None:
    git(root, "config", "user.name", "Bob")
    git(root, "config", "user.email", "bob@shop.example")
    repo = Repo.open(root)

    sha = repo.commit_files("HEAD", {"x.txt": "x"}, "add: x")

    assert repo.log(revision=sha, limit=1)[0].author == "Bob"


def test_files_are_committed_without_a_checkout(root: Path) -> None:
    (root / "dbt/models/a.sql").chmod(0o755)
    git(root, "commit", "-qam", "executable")
    repo = Repo.open(root)
    files = {"dbt/models/a.sql": "select 9 as a\n", "dbt/models/b.sql": None, "new/deep.sql": "x"}

    sha = repo.commit_files("HEAD", files, "fix: three\n\nbody")

    assert repo.diff_paths("HEAD", sha) == ("dbt/models/a.sql", "dbt/models/b.sql", "new/deep.sql")
    assert git(root, "ls-tree", sha, "dbt/models/a.sql").startswith("100755")
    assert git(root, "log", "-1", "--format=%B", sha) == "fix: three\n\nbody"
    assert (root / "dbt/models/b.sql").exists()
    assert not repo.is_dirty()


def test_a_date_makes_a_commit_repeatable(root: Path) -> None:
    repo = Repo.open(root)
    when = "2026-01-02T03:04:05Z"

    shas = {repo.commit_files("HEAD", {"a": "1"}, "fix: a", date=when) for _ in range(2)}

    assert len(shas) == 1


@pytest.mark.parametrize("path", ["../out.sql", "/etc/x", ".git/config", "a/../../b", ""])
def test_paths_outside_the_repository_are_refused(root: Path, path: str) -> None:
    with pytest.raises(GitError):
        Repo.open(root).commit_files("HEAD", {path: "x"}, "no")


def test_links_are_not_written_through(root: Path) -> None:
    (root / "link.sql").symlink_to("dbt/models/a.sql")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "link")

    with pytest.raises(GitError, match="link"):
        Repo.open(root).commit_files("HEAD", {"link.sql": "x"}, "no")


def test_line_ends_are_committed_as_the_repository_wants(root: Path) -> None:
    (root / ".gitattributes").write_text("*.sql text eol=crlf\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "attributes")
    repo = Repo.open(root)

    sha = repo.commit_files("HEAD", {"dbt/models/a.sql": "select 1 as a\r\n"}, "same")

    assert repo.diff_paths("HEAD", sha) == ()


def test_a_branch_is_made_moved_and_never_overwritten(root: Path) -> None:
    repo = Repo.open(root)
    first = repo.commit_files("HEAD", {"a": "1"}, "one")
    second = repo.commit_files("HEAD", {"a": "2"}, "two")

    repo.set_branch("agentic/a-1", first)
    assert repo.branch_sha("agentic/a-1") == first
    with pytest.raises(GitError, match="not at nothing as expected"):
        repo.set_branch("agentic/a-1", second)
    repo.set_branch("agentic/a-1", second, expect=first)
    with pytest.raises(GitError, match="left alone"):
        repo.set_branch("agentic/a-1", first, expect=first)

    assert repo.branch_sha("agentic/a-1") == second
    assert repo.branch_sha("agentic/none") is None
    repo.delete_branch("agentic/a-1", expect=second)
    assert repo.branch_sha("agentic/a-1") is None


def test_a_branch_that_is_checked_out_is_left_alone(root: Path) -> None:
    repo = Repo.open(root)
    sha = repo.commit_files("HEAD", {"a": "1"}, "one")

    with pytest.raises(GitError, match="checked out"):
        repo.set_branch("main", sha, expect=repo.head())


@pytest.mark.parametrize("name", ["-x", "a..b", "a b", "x.lock", "@{-1}"])
def test_illegal_branch_names(root: Path, name: str) -> None:
    with pytest.raises(GitError, match="legal branch name"):
        Repo.open(root).set_branch(name, "HEAD")


def test_a_detached_head(dirty: Path) -> None:
    git(dirty, "checkout", "-q", "--detach")
    repo = Repo.open(dirty)

    assert repo.current_branch is None
    assert repo.show(repo.snapshot(), "dbt/models/a.sql") == "select 11 as a\n"


def test_a_shallow_clone_works_and_says_what_it_lacks(root: Path, tmp_path: Path) -> None:
    (root / "dbt/models/a.sql").write_text("select 2 as a\n")
    git(root, "commit", "-qam", "second")
    first = git(root, "rev-parse", "HEAD^")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{root}", "shallow")
    (tmp_path / "shallow" / "dbt/models/a.sql").write_text("select 3 as a\n")
    repo = Repo.open(tmp_path / "shallow")

    assert repo.is_shallow
    repo.set_branch("agentic/x", repo.snapshot())
    with pytest.raises(GitError) as caught:
        repo.resolve(first)
    assert "git fetch --unshallow" in caught.value.hint


def test_a_worktree_that_was_deleted_by_hand_is_unregistered(root: Path, tmp_path: Path) -> None:
    repo = Repo.open(root)
    tree = tmp_path / "gone"
    repo.add_worktree(tree, repo.head())
    subprocess.run(["rm", "-rf", str(tree)], check=True)

    repo.remove_worktree(tree)
    repo.remove_worktree(tree)

    assert repo.worktrees() == (root.resolve(),)


def test_a_worktree_is_a_repository_of_its_own_with_the_same_refs(
    root: Path, tmp_path: Path
) -> None:
    repo = Repo.open(root)
    repo.add_worktree(tmp_path / "tree", repo.head())
    inner = Repo.open(tmp_path / "tree" / "dbt")

    assert inner.root == (tmp_path / "tree").resolve()
    assert inner.current_branch is None
    assert inner.git_dir == repo.git_dir


def test_the_log_of_some_paths(root: Path) -> None:
    (root / "dbt/models/a.sql").write_text("select 2 as a\n")
    git(root, "commit", "-qam", "change a")
    repo = Repo.open(root)

    assert [c.subject for c in repo.log(["dbt/models/a.sql"])] == ["change a", "start"]
    assert [c.subject for c in repo.log(["dbt/models/b.sql"])] == ["start"]
    assert repo.log(limit=1)[0].paths == ("dbt/models/a.sql",)
    assert "-select 1 as a\n+select 2 as a" in repo.diff("HEAD^", "HEAD")


def test_patterns_are_excluded_once(root: Path) -> None:
    repo = Repo.open(root)
    (root / "dbt" / ".agentic").mkdir()
    (root / "dbt" / ".agentic" / "x").write_text("x")

    repo.exclude(".agentic/", "logs/")
    repo.exclude(".agentic/")

    text = (root / ".git" / "info" / "exclude").read_text()
    assert text.splitlines().count(".agentic/") == 1
    assert not repo.is_dirty()
