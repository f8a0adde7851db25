"""What every step of compiling reads: specs, lineage, targets, tools, and where issues go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from agentic.config import Document, Specs, YamlPath, did_you_mean
from agentic.exceptions import Issue, SelectorError
from agentic.lineage import Graph, Selection, resolve
from agentic.project import Manifest, Node, Project, Target
from agentic.records import ToolSpec


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs of one compilation, and the issues found so far."""

    project: Project
    specs: Specs
    manifest: Manifest
    graph: Graph
    target: str
    """Name of the baseline's target."""
    targets: dict[str, Target]
    tools: dict[str, ToolSpec]
    toolsets: dict[str, tuple[str, ...]]
    issues: list[Issue] = msgspec.field(default_factory=list)

    @property
    def errors(self) -> list[Issue]:
        return sorted({issue for issue in self.issues if issue.severity == "error"})

    @property
    def warnings(self) -> list[Issue]:
        return sorted({issue for issue in self.issues if issue.severity == "warning"})

    def error(
        self, document: Document, path: YamlPath, code: str, message: str, hint: str = ""
    ) -> None:
        if not document.told(path):
            self.issues.append(document.issue(path, code, message, hint=hint))

    def warn(self, document: Document, path: YamlPath, code: str, message: str, hint: str) -> None:
        if document.told(path):
            return
        issue = document.issue(path, code, message, hint=hint)
        self.issues.append(msgspec.structs.replace(issue, severity="warning"))

    def select(self, document: Document, path: YamlPath, expression: str) -> tuple[str, ...]:
        """The `unique_id`s of a selection, sorted; what is wrong or empty becomes an issue."""
        try:
            found = resolve(expression, self.manifest, self.graph)
        except SelectorError as error:
            self.error(document, path, error.code, error.message, _hint(error))
            return ()
        for part in found.unmatched:
            if not _names_everything(part):
                hint = similar(part, self.manifest)
                self.warn(document, path, "AC310", f"{part!r} matches nothing today", hint)
        return _sorted(found)


def _hint(error: SelectorError) -> str:
    """The nearest method instead of all of them, where there is one."""
    found = re.search(r"'([\w.]+)' is not a selector method", error.message)
    if found:
        return did_you_mean(found[1], re.findall(r"\w+", error.hint.partition(":")[2]))
    return error.hint


def _sorted(found: Selection) -> tuple[str, ...]:
    return tuple(sorted(found.uids))


def _names_everything(part: str) -> bool:
    return part.strip("+@").rpartition(":")[2] in ("*", "*.*")


def similar(part: str, manifest: Manifest) -> str:
    """A hint: the name in the project that a part which matches nothing may mean."""
    method, _, value = part.strip("+@0123456789").rpartition(":")
    known: Mapping[str, Any] = {
        "tag": {tag for node in manifest.all.values() for tag in node.tags},
        "source": {source.source_name for source in manifest.sources.values()}
        | {f"{source.source_name}.{source.name}" for source in manifest.sources.values()},
        "path": {folder for node in manifest.all.values() for folder in _folders(node)},
        "": {node.name for node in manifest.all.values()},
    }
    hint = did_you_mean(value, known.get(method, ()))
    return hint if hint.startswith("did you mean") else ""


def _folders(node: Node) -> Iterator[str]:
    path = PurePosixPath(node.original_file_path)
    return (part.as_posix() for part in (path, *path.parents) if part.name)
