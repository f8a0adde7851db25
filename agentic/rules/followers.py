"""Everything in the project's own files that calls a node by a name that it has no more."""

from __future__ import annotations

import re

from agentic.rules.asking import ask, text_of
from agentic.rules.case import Change, Steps
from agentic.rules.hunks import edit_change
from agentic.sql import rewrite


def followed(reader: str, old: str, new: str) -> Steps[tuple[Change, ...]]:
    """The edits that make every reader and every YAML entry of a renamed node say its new name."""
    result = yield from ask("search_code", pattern=old)
    hits = result.content.get("matches", []) if isinstance(result.content, dict) else []
    paths = {reader, *(str(hit["path"]) for hit in hits)} - {""}
    changes = []
    for path in sorted(paths):
        text = yield from text_of(path) if path.endswith((".sql", ".yml", ".yaml")) else _nothing()
        if not text:
            continue
        after = rewrite.replace_ref(text, old, new) if path.endswith(".sql") else None
        if path.endswith((".yml", ".yaml")):
            after = renamed_in_yaml(text, old, new)
        change = edit_change(path, text, after, f"{old} is {new} now") if after else None
        if change is not None:
            changes.append(change)
    return tuple(changes)


def renamed_in_yaml(text: str, old: str, new: str) -> str:
    """A properties file that calls a node by its new name: its entry, its unit tests, its refs."""
    name = re.escape(old)
    text = re.sub(rf"(\bref\(\s*['\"]){name}(?=['\"]\s*\))", rf"\g<1>{new}", text)
    # An entry of the file's own list, not a column of some other node that has the same name.
    entry = rf"^(\s{{0,4}}- name: +|\s+model: +)(['\"]?){name}(?=\2\s*(?:#.*)?$)"
    return re.sub(entry, rf"\g<1>\g<2>{new}", text, flags=re.MULTILINE)


def _nothing() -> Steps[None]:
    yield from ()
