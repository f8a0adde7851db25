"""Who counts as a person: `approve.by` of guardrails.yml, and the proof that each kind asks for."""

from __future__ import annotations

import getpass
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from agentic.exceptions import ApprovalError
from agentic.project import Project, Repo

NAMESPACE = "agentic"
SIGNERS_FILE = "allowed_signers"
LOCAL, GIT_REVIEW, SSH = "local", "git_review", "ssh:"
_MAX_SIGNATURE = 64 * 1024
_TIMEOUT_S = 20


class Person(msgspec.Struct, frozen=True):
    """Who answered, and how that is known."""

    name: str
    """`ssh:data-leads`, `local:ana@laptop`."""
    proof: str
    """`unsigned`, or the key that signed."""


def signer_of(
    signature: Path, message: str, *, approvers: Sequence[str], signers: str | None
) -> Person:
    """Verify a signature of `message` made by `ssh-keygen -Y sign -n agentic`.

    `signers` is the text of allowed_signers. Raises ApprovalError when no principal that
    `approvers` names made it.
    """
    principals = [one.removeprefix(SSH) for one in approvers if one.startswith(SSH)]
    if not principals:
        raise _refused(f"approve.by names no ssh:PRINCIPAL, but {_listed(approvers)}")
    if signers is None:
        raise _refused(
            f"the repository has no {SIGNERS_FILE}",
            f"Commit {SIGNERS_FILE} (man ssh-keygen) beside dbt_project.yml or at the root.",
        )
    tool = shutil.which("ssh-keygen")
    if tool is None:
        raise _refused("ssh-keygen is not installed here", "Install OpenSSH's client.")
    try:
        if signature.stat().st_size > _MAX_SIGNATURE:
            raise _refused(f"{signature} is no signature")
    except OSError as error:
        raise _refused(f"{signature} cannot be read: {error.strerror}") from error
    with tempfile.TemporaryDirectory(prefix="agentic-signers-") as folder:
        allowed = Path(folder) / SIGNERS_FILE
        allowed.write_text(signers, encoding="utf-8")
        for principal in principals:
            # What a person signs with `echo` ends with a line break.
            for text in (message, f"{message}\n"):
                key = _verified(tool, allowed, signature, principal, text)
                if key is not None:
                    return Person(f"{SSH}{principal}", key)
    raise _refused(
        f"no signature of this payload by {_listed(principals)}",
        "Sign the payload's SHA-256 with a key of allowed_signers, in the namespace agentic.",
    )


def local_person(stdin: TextIO, *, approvers: Sequence[str]) -> Person:
    """Whoever sits at this terminal; worth only what `local` in approve.by says.

    Raises ApprovalError without `local` there, and where stdin is no terminal.
    """
    if LOCAL not in approvers:
        raise _refused(_ways(approvers), _hint(approvers))
    if not stdin.isatty():
        raise _refused(
            "stdin is no terminal, so nobody can have read what is approved",
            "Run it in a terminal, or sign it: --signature FILE.",
        )
    return Person(f"{LOCAL}:{user_name()}", "unsigned")


def user_name() -> str:
    """`ana@laptop`, as this machine says."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return f"{name}@{socket.gethostname()}"


def signers_at(repo: Repo, project: Project, revision: str = "HEAD") -> str | None:
    """The committed allowed_signers, beside dbt_project.yml or at the repository's root."""
    prefix = repo.relative(project.root)
    inside = f"{prefix}/{SIGNERS_FILE}" if prefix else SIGNERS_FILE
    for path in dict.fromkeys((inside, SIGNERS_FILE)):
        text = repo.show(revision, path)
        if text is not None:
            return text
    return None


def _verified(tool: str, allowed: Path, signature: Path, principal: str, text: str) -> str | None:
    """The key that signed, or None."""
    arguments = ["-Y", "verify", "-f", str(allowed), "-I", principal, "-n", NAMESPACE]
    try:
        done = subprocess.run(
            [tool, *arguments, "-s", str(signature)],
            input=text,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    found = re.search(r"with (\S+) key (SHA256:\S+)", done.stdout)
    return f"{found[1]} {found[2]}" if found else "a key of allowed_signers"


def _ways(approvers: Sequence[str]) -> str:
    if not approvers:
        return "approve.by names nobody, so nobody can approve"
    return f"approve.by wants {_listed(approvers)}, and a terminal alone is not enough"


def _hint(approvers: Sequence[str]) -> str:
    if any(one.startswith(SSH) for one in approvers):
        return "Sign the payload's SHA-256 and give the file with --signature."
    return (
        "git_review is a review of the pull request on the host: `agentic run --apply` looks for "
        "it. Or add `local` or `ssh:NAME` to approve.by."
    )


def _listed(names: Sequence[str]) -> str:
    return " or ".join(names) or "nobody"


def _refused(message: str, hint: str = "") -> ApprovalError:
    return ApprovalError(message, hint=hint, code="AG182")
