"""Marks that protect: personal data, a node's own guardrails, freshness."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agentic.policy.changes.settings import same

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def sensitive(keys: Mapping[str, Any], pii_tags: tuple[str, ...]) -> bool:
    """Is something marked as personal data: tag `pii`, or `meta.pii`?"""
    config = keys.get("config") if isinstance(keys.get("config"), dict) else {}
    assert isinstance(config, dict)
    tags: set[str] = set()
    for value in (keys.get("tags"), config.get("tags")):
        tags |= {value} if isinstance(value, str) else {str(one) for one in value or []}
    if {one.lower() for one in tags} & {one.lower() for one in pii_tags}:
        return True
    for meta in (keys.get("meta"), config.get("meta")):
        if isinstance(meta, dict):
            for key, value in meta.items():
                if re.sub(r"[^a-z]", "", str(key).lower()) in (
                    "pii",
                    "containspii",
                    "ispii",
                    "sensitive",
                ) and value not in (False, None, "false", "no"):
                    return True
    return bool(keys.get("policy_tags") or config.get("policy_tags"))


def guarded_meta(keys: Mapping[str, Any]) -> bool:
    """Does a node set guardrails of its own (`config.meta.agentic`)?"""
    config = keys.get("config")
    places = [keys.get("meta"), config.get("meta") if isinstance(config, dict) else None]
    return any(isinstance(one, dict) and "agentic" in one for one in places)


def looser_freshness(was: Any, now: Any, stated: bool) -> bool:
    """Is late data found later than before, or not at all?"""
    if same(was, now):
        return was is None and now is None and stated
    if not isinstance(was, dict) or not was:
        return False if isinstance(now, dict) else stated and now is None
    if not isinstance(now, dict):
        return True
    if not same(was.get("filter"), now.get("filter")):
        return True
    for key in ("warn_after", "error_after"):
        before, after = _seconds(was.get(key)), _seconds(now.get(key))
        if before is not None and (after is None or after > before):
            return True
    return False


def _seconds(value: Any) -> float | None:
    if not isinstance(value, dict):
        return None
    count, period = value.get("count"), str(value.get("period", "")).lower()
    if not isinstance(count, int | float) or period not in UNITS:
        return None
    return float(count) * UNITS[period]
