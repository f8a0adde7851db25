"""The user's git repository, by git's plumbing: nothing here touches index, tree, stash or HEAD."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import msgspec

from agentic.exceptions import GitError
from agentic.project.git import Git

# What agentic itself writes in a checkout is no part of the user's state.
OWN_FILES = ("**/.agentic/**", "**/target/agentic/**", "**/logs/agentic.log")
_ZERO = "0" * 40


class Commit(msgspec.Struct, frozen=True):
    """One commit of a log."""

    sha: str
    author: str
    date: str
    """ISO 8601 with offset."""
    subject: str
    paths: tuple[str, ...] = ()
    """Relative to the repository, as far as the log was asked about paths."""


class Repo:
    """A git repository with a work tree. Paths are relative to its root, with forward slashes."""

    def __init__(self, root: Path, git: Git) -> None:
        self.root = root
        self._git = git

    @classmethod
    def open(cls, path: Path) -> Repo:
        """The repository that `path` (a folder, maybe deep inside) belongs to. Raises GitError."""
        found = Git(path).run("rev-parse", "--is-bare-repository", "--show-toplevel", check=False)
        lines = found.stdout.splitlines()
        if found.returncode != 0 or len(lines) < 2:
            raise _not_a_repository(path, found.stderr)
        root = Path(lines[1]).resolve()
        return cls(root, Git(root))

    def relative(self, path: Path) -> str:
        """A path inside the repository, relative to its root, as git writes it; '' for the root."""
        try:
            inside = path.resolve().relative_to(self.root)
        except ValueError:
            raise GitError(f"{path} is not inside the repository {self.root}") from None
        return "" if inside == Path() else inside.as_posix()

    @property
    def git_dir(self) -> Path:
        """The common `.git` folder (one for all worktrees), absolute."""
        text = self._git.text("rev-parse", "--path-format=absolute", "--git-common-dir")
        return Path(text)

    @property
    def is_shallow(self) -> bool:
        """True for a clone without full history: old revisions and merge bases are missing."""
        return self._git.text("rev-parse", "--is-shallow-repository") == "true"

    @property
    def current_branch(self) -> str | None:
        """Name of the branch that is checked out; None on a detached HEAD."""
        found = self._git.run("symbolic-ref", "--quiet", "--short", "HEAD", check=False)
        return found.stdout.strip() or None

    def head(self) -> str:
        """The commit that is checked out. Raises GitError when there is no commit yet."""
        sha = self._resolve("HEAD")
        if sha is None:
            raise GitError(
                "the repository has no commit yet",
                hint="Commit once (`git add -A && git commit -m start`), then run again.",
                where=str(self.root),
            )
        return sha

    def resolve(self, revision: str) -> str:
        """The commit that a revision names. Raises GitError, a shallow clone named as cause."""
        sha = self._resolve(revision)
        if sha is None:
            raise GitError(
                f"no revision {revision!r} here",
                hint=(
                    "This is a shallow clone: fetch more (`git fetch --unshallow`)."
                    if self.is_shallow
                    else "See `git branch -a` and `git log`."
                ),
                where=str(self.root),
            )
        return sha

    def is_dirty(self) -> bool:
        """True when anything differs from HEAD: staged, unstaged or untracked (not ignored)."""
        return bool(self._git.text("status", "--porcelain", "--untracked-files=normal"))

    def changed_paths(self) -> tuple[str, ...]:
        """Files that differ from HEAD, untracked ones included, sorted."""
        status = self._git.text(
            "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", strip=False
        )
        return tuple(sorted(entry[3:] for entry in status.split("\0") if entry))

    def snapshot(self, message: str = "Uncommitted state") -> str:
        """A commit of HEAD plus all uncommitted and untracked (not ignored) files.

        Made through a temporary index: index, work tree, refs and stash stay as they are. The same
        state gives the same commit; a clean tree gives HEAD itself.
        """
        head = self.head()
        with self._temporary_index(copy_of_users=True) as index:
            excluded = [f":(exclude,glob){pattern}" for pattern in OWN_FILES]
            index.run("add", "--all", "--", ".", *excluded)
            tree = index.text("write-tree")
        if tree == self._git.text("rev-parse", f"{head}^{{tree}}"):
            return head
        return self._commit(tree, [head], message, date=self._date_of(head))

    def commit_files(
        self,
        base: str,
        files: Mapping[str, str | None],
        message: str,
        *,
        date: str | None = None,
    ) -> str:
        """A commit on `base` with these whole files (None deletes), without a checkout.

        `date` (`<unix seconds> +0000` or ISO 8601) makes it repeatable. Raises GitError.
        """
        base_sha = self.resolve(base)
        with self._temporary_index() as index:
            index.run("read-tree", base_sha)
            for path, text in sorted(files.items()):
                self._stage(index, base_sha, path, text)
            tree = index.text("write-tree")
        return self._commit(tree, [base_sha], message, date=date)

    def set_branch(self, name: str, sha: str, *, expect: str | None = None) -> None:
        """Point a branch at a commit, if it still is at `expect` (None: if it does not exist yet).

        Raises GitError when it moved, exists already, or is checked out somewhere.
        """
        if self._git.run("check-ref-format", "--branch", name, check=False).returncode:
            raise GitError(f"{name!r} is not a legal branch name")
        ref = f"refs/heads/{name}"
        if ref in self._git.text("worktree", "list", "--porcelain").split():
            raise GitError(
                f"branch {name} is checked out, so it is left alone",
                hint="Switch to another branch, then run again.",
                where=str(self.root),
            )
        done = self._git.run(
            "update-ref", "-m", "agentic: propose", ref, sha, expect or _ZERO, check=False
        )
        if done.returncode:
            now = self.branch_sha(name)
            raise GitError(
                f"branch {name} is at {now[:12] if now else 'nothing'}, not at "
                f"{expect[:12] if expect else 'nothing'} as expected: it was left alone",
                hint=f"See `git log {name}`; rename or delete it, then run again.",
                where=str(self.root),
            )

    def delete_branch(self, name: str, *, expect: str) -> None:
        """Delete a branch if it still is at `expect`. Raises GitError."""
        self._git.run("update-ref", "-d", f"refs/heads/{name}", expect)

    def branch_sha(self, name: str) -> str | None:
        """The commit of a local branch, or None when there is no such branch."""
        return self._resolve(f"refs/heads/{name}")

    def refs(self) -> dict[str, str]:
        """Every ref and its object."""
        lines = self._git.text("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return {line.split(" ")[0]: line.split(" ")[1] for line in lines}

    def remotes(self) -> dict[str, str]:
        """Remote name -> fetch URL."""
        names = self._git.text("remote").splitlines()
        return {name: self._git.text("remote", "get-url", name) for name in names}

    def add_worktree(self, path: Path, sha: str) -> None:
        """Check a commit out, detached, in a new folder outside the repository. Raises GitError."""
        self._git.run("worktree", "add", "--quiet", "--force", "--detach", str(path), sha)

    def remove_worktree(self, path: Path) -> None:
        """Remove such a folder and its registration; no error when it is gone already."""
        registered = f"worktree {path.resolve()}" in self._git.text(
            "worktree", "list", "--porcelain"
        )
        if registered:
            self._git.run("worktree", "remove", "--force", "--force", str(path))

    def worktrees(self) -> tuple[Path, ...]:
        """Every registered worktree, the main one first."""
        lines = self._git.text("worktree", "list", "--porcelain").splitlines()
        return tuple(Path(line[9:]) for line in lines if line.startswith("worktree "))

    def show(self, revision: str, path: str) -> str | None:
        """A file's text in a revision, or None when it is not there (or is no file)."""
        done = self._git.run("cat-file", "blob", f"{revision}:{path}", check=False)
        return done.stdout if done.returncode == 0 else None

    def list_files(self, revision: str, under: str = "") -> tuple[str, ...]:
        """Files of a revision, below a folder if given."""
        args = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", revision]
        found = self._git.text(*args, *(["--", under] if under else []), strip=False)
        return tuple(name for name in found.split("\0") if name)

    def log(
        self, paths: Sequence[str] = (), *, revision: str = "HEAD", limit: int = 20
    ) -> tuple[Commit, ...]:
        """The last commits, those that touch `paths` if given, newest first, with their files."""
        found = self._git.text(
            "log",
            f"--max-count={limit}",
            "--format=%x01%H%x00%an%x00%aI%x00%s%x00",
            "--diff-merges=first-parent",
            "--name-only",
            "-z",
            "--no-renames",
            revision,
            "--",
            *paths,
            strip=False,
        )
        return tuple(_commit_of(block) for block in found.split("\x01") if block)

    def diff(self, old: str, new: str | None = None, *, paths: Sequence[str] = ()) -> str:
        """A patch from `old` to `new` (None: to the work tree), in git's plain format."""
        return self._git.text(
            "diff",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            old,
            *([new] if new else []),
            "--",
            *paths,
            strip=False,
        )

    def diff_paths(self, old: str, new: str) -> tuple[str, ...]:
        """Files that differ between two revisions."""
        found = self._git.text("diff", "--name-only", "-z", "--no-renames", old, new, strip=False)
        return tuple(name for name in found.split("\0") if name)

    def git(self, *args: str, stdin: str | None = None) -> str:
        """Any other git command in the same clean environment; its output. Raises GitError."""
        return self._git.text(*args, stdin=stdin)

    def exclude(self, *patterns: str) -> None:
        """Have git ignore patterns in this clone alone (`.git/info/exclude`), once each."""
        file = self.git_dir / "info" / "exclude"
        present = file.read_text(encoding="utf-8") if file.is_file() else ""
        missing = [pattern for pattern in patterns if pattern not in present.splitlines()]
        if missing:
            file.parent.mkdir(parents=True, exist_ok=True)
            gap = "" if present.endswith("\n") or not present else "\n"
            file.write_text(present + gap + "\n".join(missing) + "\n", encoding="utf-8")

    def _resolve(self, revision: str) -> str | None:
        if revision.startswith("-"):
            return None
        done = self._git.run(
            "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", check=False
        )
        return done.stdout.strip() or None

    def _date_of(self, sha: str) -> str:
        return self._git.text("show", "--no-patch", "--format=%cI", sha)

    def _stage(self, index: Git, base: str, path: str, text: str | None) -> None:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or ".git" in pure.parts or not path:
            raise GitError(f"{path!r} is not a path inside the repository")
        mode = self._git.text("ls-tree", base, "--", path).partition(" ")[0]
        if mode in ("120000", "160000", "040000"):
            raise GitError(f"{path} is a link, a submodule or a folder, not a file to edit")
        if text is None:
            index.run("update-index", "--force-remove", "--", path)
            return
        # --path applies the file's own filters: a checkout with CRLF still commits LF.
        blob = index.text("hash-object", "-w", "--stdin", f"--path={path}", stdin=text)
        index.run("update-index", "--add", "--cacheinfo", f"{mode or '100644'},{blob},{path}")

    def _commit(self, tree: str, parents: Sequence[str], message: str, *, date: str | None) -> str:
        git = self._git.with_env(_identity(self._git, date))
        flags = [flag for parent in parents for flag in ("-p", parent)]
        return git.text("commit-tree", "--no-gpg-sign", tree, *flags, stdin=message)

    @contextmanager
    def _temporary_index(self, *, copy_of_users: bool = False) -> Iterator[Git]:
        """A git with a throw-away index; a copy of the user's saves hashing unchanged files."""
        with tempfile.TemporaryDirectory(prefix="agentic-index-") as folder:
            file = Path(folder) / "index"
            users = Path(
                self._git.text("rev-parse", "--path-format=absolute", "--git-path", "index")
            )
            if copy_of_users and users.is_file():
                file.write_bytes(users.read_bytes())
            yield self._git.with_env({"GIT_INDEX_FILE": str(file)})


def _identity(git: Git, date: str | None) -> dict[str, str]:
    """The user's own name for a commit, or agentic's where git knows none."""
    known = git.run("var", "GIT_AUTHOR_IDENT", check=False).returncode == 0
    env = {} if known else dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "agentic")
    if not known:
        email = "agentic@localhost"
        env.update(dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), email))
    if date:
        env.update(dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), date))
    return env


def _commit_of(block: str) -> Commit:
    sha, author, date, subject, rest = block.split("\0", 4)
    paths = tuple(name.strip("\n") for name in rest.split("\0") if name.strip("\n"))
    return Commit(sha, author, date, subject, paths)


def _not_a_repository(path: Path, stderr: str) -> GitError:
    if "dubious ownership" in stderr:
        return GitError(
            "git does not trust this repository: it belongs to another user",
            hint=f"Run `git config --global --add safe.directory {path}`.",
            where=str(path),
        )
    return GitError(
        "no git repository here",
        hint="Run `git init && git add -A && git commit -m start`: proposals become branches.",
        where=str(os.fspath(path)),
    )
