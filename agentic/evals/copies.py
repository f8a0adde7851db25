"""A copy of any dbt project with its warehouse, where things may be broken; never the user's own.

Uncommitted state comes along, DuckDB files with their `.wal` too; on PostgreSQL the sources' rows
are copied to a database of their own. The copy has a profile of its own that names the copied
warehouse, so that no command run in it can reach the user's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from agentic.evals.databases import (
    EvalError,
    at_home,
    check_rights,
    copy_database,
    drop_database,
    make_database,
    new_name,
    relations_of,
    rename_in,
    same_place,
    with_database,
)
from agentic.evals.forks import warm_dbt
from agentic.evals.stage import link
from agentic.exceptions import GitError
from agentic.project import (
    DbtOutcome,
    Project,
    Target,
    find_project,
    list_targets,
    load_manifest,
    read_target,
)
from agentic.records import dumps, loads

_NEVER = {".git", "target", "logs", ".agentic", ".venv", "venv", "node_modules", "__pycache__"}
_IDENTITY = (
    "-c", "user.name=Eval", "-c", "user.email=eval@example.com",
    "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null",
)  # fmt: skip
_NOWHERE = {"host": "not-copied.invalid", "user": "nobody", "password": "", "port": 1}
_NOTE = "copy.json"
_IGNORED = "target/\nlogs/\ndbt_packages/\n.agentic/\n.user.yml\n*.duckdb\n*.duckdb.wal\n"


class Copy(msgspec.Struct, frozen=True):
    """A copy of a project: `folder` holds the checkout and the profile."""

    folder: str
    subfolder: str
    """Where the dbt project lies in its repository; empty: at its root."""
    target: str
    databases: tuple[str, ...] = ()
    """DuckDB files, relative to the dbt project."""
    database: str = ""
    """On PostgreSQL: the copy's own database."""
    origin: str = ""
    """On PostgreSQL: the user's database, which is only read."""

    @property
    def home(self) -> Path:
        return Path(self.folder)

    @property
    def repo(self) -> Path:
        return self.home / "repo"

    @property
    def root(self) -> Path:
        return self.repo / self.subfolder if self.subfolder else self.repo

    @property
    def profiles(self) -> Path:
        return self.home / "profiles"

    def project(self) -> Project:
        """The dbt project, read anew."""
        return find_project(self.root, profiles_dir=self.profiles, target=self.target)

    def warehouse(self) -> Target:
        """The copied warehouse."""
        return read_target(self.project())

    def dbt(self, *args: str) -> DbtOutcome:
        """Run dbt in the copy, with the copy's profile."""
        given = [*args, "--profiles-dir", str(self.profiles), "--project-dir", str(self.root)]
        given += ["--target", self.target, "--log-path", str(self.root / "logs")]
        return warm_dbt(given, cwd=self.root)

    def git(self, *args: str) -> str:
        """Run git in the copy. Raises GitError."""
        done = subprocess.run(
            ["git", *args], cwd=self.repo, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise GitError(f"git {args[0]}: {done.stderr.strip()}")
        return done.stdout

    def commit(self, message: str) -> None:
        """Commit everything that is not ignored; a first commit makes the repository."""
        if not (self.repo / ".git").exists():
            self.git("init", "-q", "-b", "main")
            exclude = self.repo / ".git" / "info" / "exclude"
            exclude.parent.mkdir(exist_ok=True)
            exclude.write_text(_IGNORED, encoding="utf-8")
        self.git("add", "-A")
        self.git(*_IDENTITY, "commit", "-q", "--allow-empty", "-m", message)

    def squash(self) -> None:
        """Make the whole history one commit, so that git cannot tell what changed."""
        shutil.rmtree(self.repo / ".git", ignore_errors=True)
        self.commit("The project")

    def texts(self) -> dict[str, str]:
        """Every text file of the dbt project that git would keep; the rows of seeds as well."""
        found = {}
        for path in _files(self.root):
            try:
                found[path.as_posix()] = (self.root / path).read_text(encoding="utf-8")
            except (UnicodeDecodeError, OSError):
                continue
        return found

    def twin(self, home: Path) -> Copy:
        """The same copy once more, with its warehouse, its artifacts and its history."""
        discard(home)
        shared = ["packages"] if (self.home / "packages").is_dir() else []
        ignored = shutil.ignore_patterns(*shared, _NOTE)
        shutil.copytree(self.home, home, symlinks=True, ignore=ignored)
        twin = msgspec.structs.replace(self, folder=str(home))
        if not self.database:
            return twin
        twin = msgspec.structs.replace(twin, database=new_name())
        twin.note()
        for folder in (twin.profiles, twin.project().target_path):
            rename_in(folder, self.database, twin.database)
        home_target = at_home(twin.warehouse(), self.origin)
        copy_database(home_target, twin.database, template=self.database)
        return twin

    def note(self) -> None:
        """Leave a note beside the copy, by which `discard` finds its database."""
        (self.home / _NOTE).write_text(dumps(self), encoding="utf-8")


def discard(home: Path) -> None:
    """Remove a copy: its database, if it has one of its own, and its folder."""
    note = home / _NOTE
    if note.is_file():
        copy = loads(note.read_text(encoding="utf-8"), Copy)
        if copy.database:
            drop_database(at_home(copy.warehouse(), copy.origin), copy.database)
    shutil.rmtree(home, ignore_errors=True)


def copy_project(
    project_root: Path,
    home: Path,
    *,
    profiles_dir: Path | None = None,
    target: str | None = None,
) -> Copy:
    """Copy a project to `home`, which is emptied first. Raises EvalError and ProjectError."""
    project = find_project(project_root, profiles_dir=profiles_dir, target=target)
    chosen = read_target(project)
    top = _top(project.root)
    discard(home)
    repo = home / "repo"
    repo.mkdir(parents=True)
    for path in _checkout(top):
        _copy_file(top / path, repo / path)
    subfolder = project.root.relative_to(top).as_posix().removeprefix(".")
    root = repo / subfolder if subfolder else repo
    _packages(project, home, root)
    if chosen.adapter == "postgres":
        return _on_postgres(project, chosen, Copy(str(home), subfolder, chosen.name))
    databases = _profile(project, chosen, home, root)
    return Copy(str(home), subfolder, chosen.name, databases)


def _on_postgres(project: Project, chosen: Target, copy: Copy) -> Copy:
    """A database with what the sources hold; dbt builds the rest there."""
    check_rights(chosen)
    name = new_name()
    outputs = {
        key: {**with_database(one.settings, name), "type": "postgres"}
        if same_place(one, chosen)
        else _nowhere(one)
        for key, one in {**list_targets(project), chosen.name: chosen}.items()
    }
    _write_profile(copy.home, project.profile, chosen.name, outputs)
    parsed = copy.dbt("parse")
    if not parsed.ok:
        said = "\n".join(parsed.errors[:3])
        raise EvalError(f"dbt cannot parse {project.name}:\n{said}", hint="Mend it first.")
    sources = load_manifest(copy.project().manifest_path).sources.values()
    make_database(chosen, relations_of(sources, chosen.database), name)
    made = msgspec.structs.replace(copy, database=name, origin=chosen.database)
    made.note()
    return made


def _nowhere(target: Target) -> dict[str, Any]:
    """A target that guardrails perhaps name, and that is never reached from a copy."""
    said = {"type": target.adapter, "schema": target.schema}
    if target.adapter == "duckdb":
        return {**said, "path": ":memory:"}
    return {**said, "dbname": target.database, **_NOWHERE}


def _top(root: Path) -> Path:
    """The checkout that holds a project, or the project where there is none."""
    done = subprocess.run(
        ["git", "rev-parse", "--show-toplevel"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return Path(done.stdout.strip()).resolve() if done.returncode == 0 else root


def _checkout(top: Path) -> Iterator[Path]:
    """Files that git has or would take, links as links; without git every file but artifacts."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=top,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        yield from _files(top)
        return
    for name in sorted({name for name in done.stdout.split("\0") if name}):
        if (top / name).is_symlink() or (top / name).is_file():
            yield Path(name)


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in _NEVER and f != "dbt_packages")
        here = Path(folder).relative_to(root)
        yield from (here / name for name in sorted(names) if ".duckdb" not in name)


def _copy_file(source: Path, at: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, at, follow_symlinks=False)


def _packages(project: Project, home: Path, root: Path) -> None:
    """Copy what `dbt deps` installed, once, and link to it: twins share it."""
    if not project.packages_path.is_dir():
        return
    inside = root / os.path.relpath(project.packages_path, project.root)
    inside.mkdir(parents=True, exist_ok=True)
    for package in sorted(project.packages_path.iterdir()):
        kept = home / "packages" / package.name
        if package.is_dir() and not (inside / package.name).exists():
            # os.walk follows no links: a local package may hold one to this very project.
            for path in list(_checkout(package.resolve())) or _files(package.resolve()):
                _copy_file(package.resolve() / path, kept / path)
            link(kept, inside / package.name)


def _profile(project: Project, chosen: Target, home: Path, root: Path) -> tuple[str, ...]:
    """Write the copy's profile and copy what it names. The DuckDB files, relative to the root."""
    if chosen.adapter != "duckdb":
        raise EvalError(
            f"{chosen.adapter} has no copy here: evals are run on DuckDB and PostgreSQL",
            hint="Give --target a DuckDB or PostgreSQL target of the profile.",
        )
    every = {one.name: one for one in list_targets(project).values()}
    targets = {name: one for name, one in every.items() if one.adapter == "duckdb"}
    outputs = {name: _nowhere(one) for name, one in every.items() if one.adapter != "duckdb"}
    databases: dict[Path, str] = {}
    for name, one in sorted({**targets, chosen.name: chosen}.items()):
        settings = dict(one.settings)
        if settings.get("attach"):
            raise EvalError(
                f"target {name} attaches other databases, which a copy would still reach",
                hint="Give --target one without `attach`.",
            )
        where = _database(project.root, settings)
        if where is None:
            continue
        databases.setdefault(where, _inside(project.root, where))
        outputs[name] = {**settings, "type": "duckdb", "path": databases[where]}
    if chosen.name not in outputs:
        raise EvalError(f"target {chosen.name} names no local DuckDB file")
    for file, name in databases.items():
        for part in (file, Path(f"{file}.wal")):
            if part.is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(part, f"{root / name}{part.name[len(file.name) :]}")
    _write_profile(home, project.profile, chosen.name, outputs)
    return tuple(sorted(databases.values()))


def _database(root: Path, settings: Mapping[str, Any]) -> Path | None:
    """A target's local file; None for memory and for what is elsewhere."""
    path = str(settings.get("path") or ":memory:")
    if path.startswith((":memory:", "md:", "motherduck:")) or "://" in path:
        return None
    return Path(os.path.normpath(root / Path(path).expanduser()))


def _inside(root: Path, file: Path) -> str:
    """A database's place in the copy: as it was below the project, else at its root."""
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name


def _write_profile(home: Path, profile: str, target: str, outputs: Mapping[str, Any]) -> None:
    """profiles.yml, for its owner alone: it may hold what env_var() gave."""
    folder = home / "profiles"
    folder.mkdir()
    file = folder / "profiles.yml"
    file.touch(mode=0o600)
    text = json.dumps({profile: {"target": target, "outputs": dict(outputs)}}, default=str)
    file.write_text(text, encoding="utf-8")
