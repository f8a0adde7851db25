"""A scratch copy of a dbt project in a git repository of its own, where things may be broken."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from agentic.evals.forks import warm_dbt
from agentic.exceptions import DbtError, GitError
from agentic.project import DbtOutcome, child_environment, find_dbt, run_dbt

REPOSITORY = Path(__file__).parents[2]
"""Root of agentic's own repository: the dbt package and the examples are there."""

LEFT_BEHIND = (
    "target",
    "dbt_packages",
    "logs",
    ".agentic",
    "*.duckdb",
    "*.duckdb.wal",
    ".user.yml",
)
_NOT_THE_USERS = ("target/agentic/", ".agentic/", "logs/", ".git/")
_IDENTITY = (
    "-c",
    "user.name=Daily Sales",
    "-c",
    "user.email=data-platform@example.com",
    "-c",
    "commit.gpgsign=false",
)


class Footprint(msgspec.Struct, frozen=True):
    """Hashes of what a run may not touch."""

    database: str
    tree: str
    """Every file of the checkout, dbt's artifacts included."""
    index: str
    head: str
    """HEAD, and the branch that it names."""
    refs: str
    """Every ref but the branches that agentic makes, and the stash."""


class Stage:
    """A project copy: `root` is the checkout and the dbt project, `database` its DuckDB file."""

    def __init__(self, root: Path, *, database: str, target: str) -> None:
        self.root = root
        self.database = root / database
        self.target = target

    def git(self, *args: str) -> str:
        """Run git in the checkout. Raises GitError."""
        done = subprocess.run(
            ["git", *args], cwd=self.root, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise GitError(f"git {args[0]}: {done.stderr.strip()}")
        return done.stdout

    def commit(self, message: str) -> None:
        """Commit everything that is not ignored."""
        if not (self.root / ".git").exists():
            self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git(*_IDENTITY, "commit", "-q", "-m", message)

    def dbt(self, *args: str, on_line: Callable[[str], None] | None = None) -> DbtOutcome:
        """Run the user's dbt as the user would, with this stage's target."""
        given = [*args, "--profiles-dir", str(self.root), "--project-dir", str(self.root)]
        given += ["--target", self.target]
        if on_line is None:
            return warm_dbt(given, cwd=self.root)
        return run_dbt(find_dbt(), given, cwd=self.root, on_line=on_line)

    def footprint(self) -> Footprint:
        """Hashes of the database, the checkout and git's state, to compare later."""
        refs = [
            line for line in self.git("for-each-ref").splitlines() if "heads/agentic/" not in line
        ]
        return Footprint(
            database=digest([self.database]),
            tree=digest(sorted(self._users_files()), root=self.root),
            index=hashlib.sha256(self.git("ls-files", "--stage").encode()).hexdigest(),
            head=(self.root / ".git" / "HEAD").read_text().strip() + self.git("rev-parse", "HEAD"),
            refs="\n".join([*refs, self.git("stash", "list")]),
        )

    def _users_files(self) -> Iterable[Path]:
        for folder, folders, names in os.walk(self.root):
            here = Path(folder)
            inside = here.relative_to(self.root).as_posix() + "/"
            folders[:] = [
                f
                for f in folders
                if not f"{inside}{f}/".removeprefix("./").startswith(_NOT_THE_USERS)
            ]
            yield from (here / name for name in names if here / name != self.database)

    def branch_copy(self, branch: str, where: Path) -> Stage:
        """A worktree of a branch, with the packages and a copy of the database."""
        self.git("worktree", "add", "--quiet", "--detach", str(where), branch)
        link(self.root / "dbt_packages", where / "dbt_packages")
        copy = Stage(where, database=self.database.name, target=self.target)
        for file in (self.database, Path(f"{self.database}.wal")):
            if file.exists():
                shutil.copy2(file, where / file.name)
        return copy


def digest(files: Iterable[Path], *, root: Path | None = None) -> str:
    """SHA-256 over the files' contents and, under a root, their names."""
    sha = hashlib.sha256()
    for file in files:
        sha.update((file.relative_to(root).as_posix() if root else "").encode() + b"\0")
        sha.update(str(file.readlink()).encode() if file.is_symlink() else file.read_bytes())
        sha.update(b"\0")
    return sha.hexdigest()


def link(source: Path, at: Path) -> None:
    """A symbolic link, or a copy where the system allows none."""
    try:
        at.symlink_to(source.resolve(), target_is_directory=True)
    except OSError:
        shutil.copytree(source, at)


def copy_example(name: str, root: Path, *, target: str = "prod") -> Stage:
    """Copy an example of this repository to `root`, which is emptied first.

    `packages.yml` names the dbt package by a path relative to the example, which is wrong in a
    copy: it is written anew, and the package is linked in as `dbt deps` would do it.
    """
    example = REPOSITORY / "examples" / name
    if not example.is_dir():
        raise DbtError(
            f"no example {name!r} in {REPOSITORY / 'examples'}",
            hint="The demonstration runs from a clone of the repository.",
        )
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(example, root, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    package = os.path.relpath(REPOSITORY, root)
    (root / "packages.yml").write_text(f"packages:\n  - local: {package}\n", encoding="utf-8")
    (root / "package-lock.yml").unlink(missing_ok=True)
    (root / "dbt_packages").mkdir()
    link(REPOSITORY, root / "dbt_packages" / "agentic")
    return Stage(root, database="warehouse.duckdb", target=target)


def load_raw(stage: Stage, *args: str) -> str:
    """Run the example's loader, which plays the tool that lands raw tables; its last line."""
    command = [sys.executable, "load.py", "--duckdb", str(stage.database), *args]
    done = subprocess.run(command, cwd=stage.root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DbtError(f"the loader failed: {done.stderr.strip()[-400:]}")
    return done.stdout.strip().splitlines()[-1]


def keyless_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without any service's key: what a stranger has who has just cloned."""
    return child_environment(environ)
