"""The files of `playbooks/`, the project's and the shipped one, with every fault of each."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import msgspec

from agentic.config.document import Document, read_document
from agentic.config.playbooks_spec import PlaybooksFile
from agentic.config.standard import standard_dir
from agentic.config.validate import validate
from agentic.exceptions import ConfigError

FOLDER = "playbooks"


class PlaybookFile(msgspec.Struct, frozen=True):
    """One file; what is wrong with it is in `document.issues`."""

    document: Document
    spec: PlaybooksFile | None


def read_playbooks(project_root: Path) -> tuple[PlaybookFile, ...]:
    """The project's own files, sorted by name; empty where it has none."""
    folder = project_root / FOLDER
    if not folder.is_dir() or folder.resolve() == (standard_dir() / FOLDER).resolve():
        return ()
    found = []
    for path in sorted(folder.iterdir()):
        name = f"{FOLDER}/{path.name}"
        if path.suffix == ".yml":
            found.append(_read(path, name))
        elif path.suffix == ".yaml":
            document = Document(name)
            document.fault(1, 1, "AC108", f"{name} is not read", f"rename it to {path.stem}.yml")
            found.append(PlaybookFile(document, None))
    return tuple(found)


@lru_cache(maxsize=1)
def standard_order() -> tuple[str, ...]:
    """Names of the built-in rules in the order in which they are asked. Raises ConfigError."""
    found = _read(
        standard_dir() / FOLDER / "standard.yml", "agentic/standard/playbooks/standard.yml"
    )
    if found.spec is None or found.document.issues:
        raise ConfigError(found.document.issues)
    return found.spec.rules


def _read(path: Path, name: str) -> PlaybookFile:
    document = read_document(path, name)
    if document.value is None:
        if not document.issues:
            document.fault(1, 1, "AC107", "the file is empty", "write `version: 1` and playbooks")
        return PlaybookFile(document, None)
    return PlaybookFile(document, validate(document, PlaybooksFile))
