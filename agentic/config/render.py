"""Renders the values of a document before they are checked against the grammar.

Connections and secrets keep their references; instructions, queries and conditions keep their
templates for the compiler and the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentic.config.document import Document, YamlPath
from agentic.config.templates import (
    TemplateFault,
    check_template,
    is_template,
    parse_template,
    render_template,
)

_LATER = frozenset({"instructions", "sql", "where", "body", "url"})
"""Keys whose templates are filled in later, with other names."""
_SECRET = frozenset({"secret", "url", "headers", "env"})
"""Keys of tools and triggers whose env_var() stays a reference."""
_FREE_TEXT = frozenset({"input", "body"})
"""Keys under which every template is filled in later."""
_FREE = frozenset({"meta", "json_schema", "input", "fields", "body"})
"""Keys under which null is a value."""


class Renderer:
    """Renders one document with one project's variables and one environment."""

    def __init__(self, variables: Mapping[str, Any], env: Mapping[str, str]) -> None:
        self.variables = variables
        self.env = env

    def render(self, document: Document) -> None:
        """Replace the document's values by rendered ones; faults become its issues."""
        if isinstance(document.value, dict):
            document.value = self._value(document, document.value, ())

    def _value(self, document: Document, value: Any, path: YamlPath) -> Any:
        if isinstance(value, dict):
            return {key: self._value(document, item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(document, item, (*path, i)) for i, item in enumerate(value)]
        if value is None and path and _FREE.isdisjoint(map(str, path)):
            message = f"{_last_key(path)} is empty"
            hint = "write a value, or remove the key"
            by_key = isinstance(path[-1], str)
            document.issues.append(document.issue(path, "AC112", message, hint=hint, key=by_key))
        if isinstance(value, str) and is_template(value):
            return self._text(document, value, path)
        return value

    def _text(self, document: Document, text: str, path: YamlPath) -> str:
        try:
            if _is_reference(path):
                check_template(text)
            elif path[-1] in _LATER or not _FREE_TEXT.isdisjoint(map(str, path[2:])):
                if path[-1] != "where":
                    parse_template(text)
            else:
                return render_template(text, self.variables, self.env)
        except TemplateFault as fault:
            document.issues.append(document.issue(path, fault.code, fault.message, hint=fault.hint))
        return text


def _is_reference(path: YamlPath) -> bool:
    if path[0] == "connections":
        return True
    if path[0] == "tools" and path[2:] == ("http", "url"):
        return False  # inputs stand in it besides: the compiler checks it
    return path[0] in ("tools", "triggers") and not _SECRET.isdisjoint(map(str, path[2:]))


def _last_key(path: YamlPath) -> str:
    names = [part for part in path if isinstance(part, str)]
    return repr(names[-1]) if names else "the file"
