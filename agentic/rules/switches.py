"""Where a node is switched off, and the same text with it on again."""

from __future__ import annotations

import re
from typing import Any

from agentic.rules.asking import text_of
from agentic.rules.case import Case, Steps

_CONFIG = re.compile(r"(?P<open>\{\{-?\s*config\s*\(|\bdbt\.config\s*\()(?P<args>[^{}]*?)\)")
_WHOLE = re.compile(
    r"\{\{-?\s*config\s*\(\s*enabled\s*=\s*false\s*,?\s*\)\s*-?\}\}[ \t]*\n?", re.IGNORECASE
)
_SWITCH = re.compile(r"\benabled\s*=\s*(?P<off>false)\b", re.IGNORECASE)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_ITEM = re.compile(r"^(?P<dash>\s*- +)(?:\"|')?name(?:\"|')?\s*:\s*[\"']?(?P<name>[\w.]+)")
_LINE = re.compile(r"^(?P<indent>\s+)(?P<key>\+?enabled)\s*:\s*(?P<off>false|off|no)\b", re.I)


def disabled_node(case: Case, name: str) -> str:
    """The `unique_id` of a disabled node; of one that was not when dbt last parsed the project."""
    off = [uid for uid in case.manifest.disabled or {} if uid.split(".")[2:3] == [name]]
    known = [uid for uid, node in case.manifest.nodes.items() if node.name == name]
    found = [*sorted(off), *sorted(uid for uid in known if not uid.startswith("test."))]
    return found[0] if found else ""


def switched_on(case: Case, uid: str, path: str) -> Steps[list[tuple[str, str, str]]]:
    """(path, text, text with the node enabled): its own file, else the properties of its name."""
    text = yield from text_of(path)
    after = on_in_code(text) if text else None
    if text and after is not None:
        return [(path, text, after)]
    patch = _properties_of(case, uid)
    text = yield from text_of(patch)
    after = on_in_properties(text, uid.split(".")[2]) if text and uid else None
    return [(patch, text, after)] if text and after is not None else []


def _properties_of(case: Case, uid: str) -> str:
    off: list[Any] = list((case.manifest.disabled or {}).get(uid) or [])
    node = off[0] if off else case.node(uid)
    patch = str(getattr(node, "patch_path", "") or "")
    return patch.partition("://")[2] or patch


def on_in_code(text: str) -> str | None:
    """The text without `enabled=false`; None where it is not written out just once."""
    hidden = _COMMENT.sub(lambda hit: " " * len(hit[0]), text)
    calls = [hit for hit in _CONFIG.finditer(hidden) if _SWITCH.search(hit["args"])]
    if len(calls) != 1 or len(_SWITCH.findall(calls[0]["args"])) != 1:
        return None
    whole = _WHOLE.search(hidden)
    if whole:
        return text[: whole.start()] + text[whole.end() :]
    switch = _SWITCH.search(hidden, calls[0].start("args"))
    if switch is None:
        return None
    word = "True" if switch["off"][0] == "F" else "true"
    return text[: switch.start("off")] + word + text[switch.end("off") :]


def on_in_properties(text: str, name: str) -> str | None:
    """The YAML text with `enabled: true` in the entry of that name; None where it is not."""
    lines = text.splitlines(keepends=True)
    keys = -1
    section = ""
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if keys >= 0 and line.strip() and indent < keys:
            keys = -1
        item = _ITEM.match(line)
        if keys < 0 and item and item["name"] == name:
            keys = item.end("dash")
            section = ""
            continue
        if keys >= 0 and indent == keys:
            section = line.strip().partition(":")[0]
        hit = _LINE.match(line) if keys >= 0 and section in ("config", "enabled") else None
        if hit:
            lines[number] = line[: hit.start("off")] + "true" + line[hit.end("off") :]
            return "".join(lines)
    return None
