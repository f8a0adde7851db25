"""Read the two YAML files that dbt reads before anything else, and render the Jinja in them.

Only `env_var`, `var`, `target` and dbt's type filters exist here, as in dbt.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import jinja2.sandbox
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from agentic.exceptions import ProjectError


class Unrendered(Exception):
    """A value whose Jinja cannot be rendered now; `variables` are the missing ones."""

    def __init__(self, message: str, *variables: str) -> None:
        super().__init__(message)
        self.variables = variables


class _Typed:
    """A rendered value that an `as_number`, `as_bool` or `as_native` filter gave a type."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __str__(self) -> str:
        return str(self.value)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file as plain dicts, duplicate keys refused. Raises ProjectError with a position."""
    reader = YAML(typ="safe", pure=True)
    try:
        found = reader.load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise ProjectError(
            f"broken YAML: {error.problem or error.context}",
            hint="Correct the file; `dbt parse` reads it the same way.",
            where=where,
        ) from error
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ProjectError(f"broken YAML: {error}", where=str(path)) from error
    except OSError as error:
        raise ProjectError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ProjectError(
            f"must be a mapping of keys, not a {type(found).__name__}", where=str(path)
        )
    return found


class Renderer:
    """Renders strings as dbt does in dbt_project.yml and profiles.yml."""

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        cli_vars: Mapping[str, Any] | None = None,
        target: Mapping[str, Any] | None = None,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self._vars = cli_vars or {}
        self._jinja = jinja2.sandbox.SandboxedEnvironment(undefined=jinja2.StrictUndefined)
        self._jinja.filters.update(_FILTERS)
        self._jinja.globals = {"env_var": self._env_var, "var": self._var}
        if target is not None:
            self._jinja.globals["target"] = target

    def render(self, value: Any) -> Any:
        """A value with every string in it rendered. Raises Unrendered."""
        if isinstance(value, dict):
            return {key: self.render(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.render(item) for item in value]
        if not isinstance(value, str) or ("{{" not in value and "{%" not in value):
            return value
        return self._render_text(value)

    def render_known(self, value: Any) -> Any:
        """As `render`, but what cannot be rendered now stays as it is written."""
        if isinstance(value, dict):
            return {key: self.render_known(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.render_known(item) for item in value]
        try:
            return self.render(value)
        except Unrendered:
            return value

    def _render_text(self, text: str) -> Any:
        try:
            typed = self._single_expression(text)
            if isinstance(typed, _Typed):
                return typed.value
            return self._jinja.from_string(text).render()
        except (jinja2.TemplateError, ValueError, TypeError) as error:
            raise Unrendered(f"could not render {text!r}: {error}") from error

    def _single_expression(self, text: str) -> Any:
        inner = text.strip()
        if not (inner.startswith("{{") and inner.endswith("}}")) or inner.count("{{") != 1:
            return None
        return self._jinja.compile_expression(inner[2:-2], undefined_to_none=False)()

    def _env_var(self, name: str, default: Any = None) -> Any:
        if name in self._environ:
            return self._environ[name]
        if default is not None:
            return default
        raise Unrendered(f"the environment variable {name} is not set", name)

    def _var(self, name: str, default: Any = None) -> Any:
        if name in self._vars:
            return self._vars[name]
        if default is not None:
            return default
        raise Unrendered(f"the variable {name!r} has no value here", name)


def _as_bool(value: Any) -> _Typed:
    lowered = str(value).strip().lower()
    if lowered not in ("true", "false"):
        raise ValueError(f"{value!r} is not a boolean")
    return _Typed(lowered == "true")


def _as_number(value: Any) -> _Typed:
    text = str(value).strip()
    return _Typed(int(text) if text.lstrip("+-").isdigit() else float(text))


def _as_native(value: Any) -> _Typed:
    try:
        return _Typed(YAML(typ="safe", pure=True).load(str(value)))
    except YAMLError:
        return _Typed(value)


_FILTERS: dict[str, Callable[[Any], Any]] = {
    "as_bool": _as_bool,
    "as_number": _as_number,
    "as_native": _as_native,
    "as_text": str,
}
