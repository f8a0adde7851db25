"""What the grammar knows and this release cannot do: an error each, never silence."""

from __future__ import annotations

from collections.abc import Iterator

from agentic.config.agents_spec import AgentsFile
from agentic.config.document import Document, YamlPath
from agentic.exceptions import Issue

_SECTIONS = {
    "triggers": "triggers are",
}


def unbuilt(document: Document, spec: AgentsFile) -> Iterator[Issue]:
    """AC190 for every entry whose feature this release does not have."""

    def issue(path: YamlPath, what: str) -> Issue:
        return document.issue(
            path, "AC190", f"{what} not built yet in this release", hint="remove it", key=True
        )

    for section, what in _SECTIONS.items():
        for number, item in enumerate(getattr(spec, section)):
            yield issue((section, number, "name"), f"{item.name!r}: {what}")
