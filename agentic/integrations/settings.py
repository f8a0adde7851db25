"""A connection's settings, resolved just before use and never kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from agentic.config import (
    TemplateFault,
    fill_template,
    is_template,
    reference_functions,
    resolve_reference,
)
from agentic.exceptions import ServiceError
from agentic.masking import remember_secret

_FIRST = {"slack": "url", "webhook": "url", "pagerduty": "routing_key", "github": "token"}
"""The setting that text alone means."""
_SECRET = frozenset({"token", "routing_key"})
_DEFAULTS = {
    "pagerduty": {"url": "https://events.pagerduty.com/v2/enqueue"},
    "github": {"url": "https://api.github.com", "remote": "origin"},
}


def settings_of(
    name: str, connection: Mapping[str, Any], variables: Mapping[str, Any]
) -> dict[str, str]:
    """Settings of a compiled connection with every reference resolved. Raises ServiceError.

    `variables` are the project's, for var().

    A credential, and the address of a Slack webhook, which is one, are masked everywhere from then
    on.
    """
    kind, written = connection["kind"], connection["settings"]
    if not isinstance(written, Mapping):
        written = {_FIRST.get(kind, "url"): written}
    found = dict(_DEFAULTS.get(kind, {}))
    for key, value in written.items():
        found[key] = _resolved(name, str(value), variables)
        if key in _SECRET or (kind == "slack" and key == "url"):
            remember_secret(found[key])
    return found


def resolved_secret(name: str, text: str, variables: Mapping[str, Any]) -> str:
    """One header or variable of a tool; what the environment gave is masked from then on.

    Raises ServiceError (AC586).
    """
    if not is_template(text):
        return text
    try:
        found = fill_template(text, functions_of(variables))
    except TemplateFault as fault:
        raise ServiceError(
            f"tool {name!r}: {fault.message}", hint=fault.hint, code="AC586"
        ) from fault
    remember_secret(found)
    return found


def resolved_secrets(
    name: str, texts: Mapping[str, str], variables: Mapping[str, Any]
) -> dict[str, str]:
    """Several by name. Raises ServiceError (AC586)."""
    return {key: resolved_secret(name, text, variables) for key, text in texts.items()}


def functions_of(variables: Mapping[str, Any]) -> dict[str, Any]:
    """var() and env_var() at the moment of use; what env_var() gives is masked from then on,
    unless it is an address without a password."""
    functions = reference_functions(variables, os.environ)
    read = functions["env_var"]

    def env_var(*given: Any) -> str:
        value = str(read(*given))
        if not value:
            raise TemplateFault("AC122", f"env_var({given[0]!r}) is empty", "set it")
        if not value.startswith(("http://", "https://")) or "@" in value:
            remember_secret(value)
        return value

    return {**functions, "env_var": env_var}


def _resolved(name: str, text: str, variables: Mapping[str, Any]) -> str:
    try:
        value = resolve_reference(text, variables, os.environ).strip()
    except TemplateFault as fault:
        raise ServiceError(
            f"connection {name!r}: {fault.message}", hint=fault.hint, code="AC586"
        ) from fault
    if not value:
        raise ServiceError(f"connection {name!r}: a setting is empty", code="AC586")
    return value
