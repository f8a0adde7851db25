"""Limits: those of guardrails.yml, tightened by an agent's own."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from agentic.config import LimitsSpec, YamlPath, format_duration, format_size
from agentic.records import Limits

_FIELDS = (
    "nodes_changed",
    "nodes_downstream",
    "rows_deleted",
    "tool_calls",
    "tokens",
    "cost_usd",
    "cost_usd_per_day",
    "duration_s",
)
_KEYS = {
    "duration_s": "duration",
    "backfill_days": "backfill.days",
    "backfill_ask_above_bytes": "backfill.ask_above",
}


def limits_of(spec: LimitsSpec) -> Limits:
    """The record of a complete spec; what it lacks has the record's own default."""
    return msgspec.convert({name: value for name, value, _ in _written(spec)}, Limits)


def tightened(limits: Limits, spec: LimitsSpec) -> Limits:
    """The smaller of both, value by value."""
    smaller = {name: min(getattr(limits, name), value) for name, value, _ in _written(spec)}
    return Limits(**{name: smaller.get(name, getattr(limits, name)) for name in _names()})


def widened(limits: Limits, spec: LimitsSpec) -> Iterator[tuple[YamlPath, str, str]]:
    """Where a spec asks for more than the limits allow: its path, what it asks, what is allowed."""
    for name, value, path in _written(spec):
        bound = getattr(limits, name)
        if value > bound:
            yield path, _shown(name, value), _shown(name, bound)


def limits_apart(before: Limits, after: Limits) -> Iterator[tuple[str, str, str, bool]]:
    """Where two differ: the key as written in YAML, both values for people, whether it rose."""
    for name in _names():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield _KEYS.get(name, name), _shown(name, old), _shown(name, new), new > old


def _written(spec: LimitsSpec) -> Iterator[tuple[str, float, YamlPath]]:
    for name in _FIELDS:
        value = getattr(spec, name)
        if value is not None:
            yield name, value, ("duration" if name == "duration_s" else name,)
    backfill = spec.backfill
    if backfill is not None and backfill.days is not None:
        yield "backfill_days", backfill.days, ("backfill", "days")
    if backfill is not None and backfill.ask_above_bytes is not None:
        yield "backfill_ask_above_bytes", backfill.ask_above_bytes, ("backfill", "ask_above")


def _shown(name: str, value: float) -> str:
    if name.endswith("_s"):
        return format_duration(value)
    return format_size(int(value)) if name.endswith("_bytes") else f"{value:g}"


def _names() -> tuple[str, ...]:
    return Limits.__struct_fields__
