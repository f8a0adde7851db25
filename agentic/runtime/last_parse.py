"""The manifest of the last commit that parses, for a checkout that never did."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

import msgspec

from agentic.project import Dbt, Manifest, Project, Repo, load_manifest, parse_project, read_target

_TRIED = 6
"""HEAD and up to five commits before it that touched the project: each costs a whole parse."""


def last_manifest(project: Project, repo: Repo, dbt: Dbt) -> Manifest | None:
    """Parse the last commits, newest first, until one does; None when none of them does.

    Each is unpacked in a temporary folder: git keeps no note of it, so that nothing is left to
    mend when the process is killed. Raises ProjectError, GitError, DbtError.
    """
    inside = repo.relative(project.root)
    target = read_target(project)
    for commit in repo.log([inside] if inside else [], limit=_TRIED):
        with tempfile.TemporaryDirectory(prefix="agentic-parse-") as folder:
            tree = Path(folder).resolve()
            older = _unpacked(project, repo, commit.sha, tree / "tree")
            if older is None:
                continue
            outcome = parse_project(older, dbt, target, into=tree / "target")
            if outcome.ok:
                return load_manifest(tree / "target" / "manifest.json")
    return None


def _extract(content: tarfile.TarFile, tree: Path) -> None:
    """Unpack what git packed; nothing may lie or lead outside. Raises TarError.

    Python before 3.11.4 has no filters: a repository with links is not unpacked there.
    """
    if hasattr(tarfile, "data_filter"):
        content.extractall(tree, filter="data")
        return
    if not all(member.isfile() or member.isdir() for member in content.getmembers()):
        raise tarfile.TarError("a link")
    content.extractall(tree)  # noqa: S202 - of git's own making: names lead nowhere else


def _unpacked(project: Project, repo: Repo, sha: str, tree: Path) -> Project | None:
    """The project as it was in a commit, with today's packages; None where it was not there."""
    archive = tree.with_name("tree.tar")
    repo.git("archive", "--format=tar", f"--output={archive}", sha)
    try:
        with tarfile.open(archive) as content:
            _extract(content, tree)
    except tarfile.TarError:  # a link out of the repository, say
        return None
    root = tree / project.root.relative_to(repo.root)
    if not (root / "dbt_project.yml").is_file():
        return None
    packages = project.packages_path
    if packages.is_dir() and packages.is_relative_to(project.root):
        copy = root / packages.relative_to(project.root)
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(packages, target_is_directory=True)
        packages = copy
    return msgspec.structs.replace(
        project, root=root, target_path=root / "target", packages_path=packages
    )
