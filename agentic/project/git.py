"""The one way to start git: no hooks, no prompts, no signing, no locks taken on the side."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from agentic.exceptions import GitError

_TIMEOUT_S = 120.0

# Settings of the user that would run programs or change output; they win over every file.
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "core.pager": "cat",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "color.ui": "false",
    "log.showSignature": "false",
    "status.showUntrackedFiles": "normal",
    "diff.autoRefreshIndex": "false",  # else `git diff` rewrites the user's index
    "submodule.recurse": "false",
    "worktree.guessRemote": "false",
}


class Git:
    """git in one folder."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._env = dict(env or {})

    def with_env(self, env: Mapping[str, str]) -> Git:
        """The same, with more variables."""
        return Git(self._folder, {**self._env, **env})

    def text(self, *args: str, stdin: str | None = None, strip: bool = True) -> str:
        """Output of a command. Raises GitError when it fails."""
        output = self.run(*args, stdin=stdin).stdout
        return output.strip() if strip else output

    def run(
        self, *args: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `git ARGS`. Raises GitError: no git, too slow, or (with `check`) a failure."""
        executable = shutil.which("git")
        if not executable:
            raise GitError("git is not installed", hint="Install git 2.30 or newer.")
        try:
            done = subprocess.run(
                [executable, *args],
                cwd=self._folder,
                env={**_environment(), **self._env},
                input=None if stdin is None else stdin.encode(),
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise GitError(f"`git {args[0]}` took longer than {_TIMEOUT_S:.0f} s") from None
        except OSError as error:
            raise GitError(f"git cannot be started in {self._folder}: {error.strerror}") from error
        found = subprocess.CompletedProcess(
            done.args,
            done.returncode,
            done.stdout.decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "replace"),
        )
        if check and found.returncode:
            raise _failure(args, found.stderr, self._folder)
        return found


def _environment() -> dict[str, str]:
    """The user's environment without GIT_* (a hook or an alias sets them), with our settings."""
    kept = {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_SSL_CAINFO", "GIT_CONFIG_GLOBAL"}
    names = {"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"}
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or key in kept | names or key == "GIT_CONFIG_NOSYSTEM"
    }
    env.update(LC_ALL="C", GIT_TERMINAL_PROMPT="0", GIT_OPTIONAL_LOCKS="0", GIT_PAGER="cat")
    env["GIT_CONFIG_COUNT"] = str(len(_SETTINGS))
    for number, (key, value) in enumerate(_SETTINGS.items()):
        env[f"GIT_CONFIG_KEY_{number}"] = key
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    return env


def _failure(args: tuple[str, ...], stderr: str, folder: Path) -> GitError:
    reason = stderr.strip().removeprefix("fatal: ").removeprefix("error: ") or "no reason given"
    hint = ""
    if "index.lock" in reason or ".lock'" in reason:
        hint = "Another git process is at work here; let it end (or remove the stale lock file)."
    return GitError(f"`git {args[0]}` failed: {reason}", hint=hint, where=str(folder))
