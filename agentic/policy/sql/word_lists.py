"""Reads the word lists beside this file: sections in brackets, words or comma-separated phrases."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def sections(name: str) -> dict[str, frozenset[str]]:
    """Words of each section of `lists/<name>.txt`."""
    return {title: frozenset(body.split()) for title, body in _bodies(name).items()}


def phrases(name: str) -> dict[str, frozenset[str]]:
    """Comma-separated phrases of each section of `lists/<name>.txt`."""
    return {
        title: frozenset(" ".join(one.split()) for one in body.split(",") if one.strip())
        for title, body in _bodies(name).items()
    }


def function_names(name: str) -> frozenset[str]:
    """Words of `calls/<name>.txt`, lower case; lines that begin with `#` are remarks."""
    text = (_HERE / "calls" / f"{name}.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in line.lower().split())


def _bodies(name: str) -> dict[str, str]:
    text = (_HERE / "lists" / f"{name}.txt").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    title = ""
    for line in text.splitlines():
        if line.startswith("["):
            title = line.strip("[]")
            found[title] = ""
        elif title and not line.startswith("#"):
            found[title] += line + "\n"
    return found
