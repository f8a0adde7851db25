"""Reading a dbt error's text: which node, which file, which line, which name it could not find."""

from __future__ import annotations

import re

import msgspec

from agentic.rules.case import Case

_MISSING_NODE = re.compile(
    r"[Dd]epends on a (?P<kind>node|source) named '(?P<name>[^']+)'"
    r"(?: in package (?:or project )?'(?P<package>[^']+)')?(?P<rest>[^\n]*)"
)
_AT_FILE = re.compile(r"\((?P<path>[\w./ -]+\.(?:sql|yml|yaml|py|csv))\)")
_IN_NODE = re.compile(r"'?(?P<uid>(?:model|snapshot|test|analysis|exposure|seed)\.[\w.-]+)'?")
_LINE = re.compile(r"\bline (?P<line>\d+)\b|\bLINE (?P<upper>\d+):")


class MissingName(msgspec.Struct, frozen=True):
    """A `ref` or `source` that names nothing."""

    kind: str
    """node or source."""
    name: str
    """As the message has it; for a source `group.table`."""
    node: str
    """`unique_id` of what depends on it; empty when the message does not say."""
    path: str
    """File of that node; empty when unknown."""
    disabled: bool
    message: str
    package: str = ""
    """The package that the `ref` names; empty when it names none."""


def missing_names(case: Case) -> list[MissingName]:
    """Every unresolved `ref` and `source` that the messages report."""
    found = []
    for text in case.messages:
        for hit in _MISSING_NODE.finditer(text):
            before = text[: hit.start()]
            path = last(_AT_FILE, before + text[hit.start() : hit.end()], "path")
            node = last(_IN_NODE, before, "uid") or case.incident.node
            found.append(
                MissingName(
                    kind=hit["kind"],
                    name=hit["name"],
                    node=node,
                    path=path or case.path(node),
                    disabled="disabled" in hit["rest"],
                    message=text[:800],
                    package=hit["package"] or "",
                )
            )
    return found


def last(pattern: re.Pattern[str], text: str, group: str) -> str:
    """A group of a pattern's last match in a text; empty without one."""
    hits = [match[group] for match in pattern.finditer(text)]
    return hits[-1] if hits else ""


def file_in(text: str) -> str:
    """The first project file that a message names."""
    hit = _AT_FILE.search(text)
    return hit["path"] if hit else ""


def line_in(text: str) -> int:
    """The line that a message names; 0 when it names none."""
    hit = _LINE.search(text)
    return int(hit["line"] or hit["upper"]) if hit else 0
