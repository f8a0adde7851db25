"""Property files before and after: sources, contracts, freshness, personal data, everything but
tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agentic.policy.changes.kept_tests import weaker_config
from agentic.policy.changes.marks import guarded_meta, looser_freshness, sensitive
from agentic.policy.changes.resources import Resource, as_json
from agentic.policy.changes.settings import compare_config, same
from agentic.records import Verdict

DOCUMENTATION = frozenset(["name", "description", "docs", "meta", "tags", "config", "label"])
SOURCE_PLACE = frozenset(
    ["schema", "database", "identifier", "catalog", "quoting", "overrides", "external_location"]
)
FREE_KEYS: Mapping[str, frozenset[str]] = {
    "source": frozenset(["loader", "source_description"]),
    "table": frozenset(["loader"]),
    "exposure": frozenset(["type", "url", "maturity", "owner", "depends_on"]),
    "macro": frozenset(["arguments"]),
    "group": frozenset(["owner"]),
    "metric": frozenset(
        [
            "type",
            "type_params",
            "filter",
            "model",
            "label",
            "time_grain",
            "dimensions",
            "expression",
            "time_granularity",
        ]
    ),
    "semantic_model": frozenset(
        ["model", "entities", "dimensions", "measures", "defaults", "primary_entity"]
    ),
    "saved_query": frozenset(["query_params", "exports"]),
    "seed": frozenset(()),
    "analysis": frozenset(()),
}
COLUMN_FREE = frozenset(
    [
        "name",
        "description",
        "data_type",
        "quote",
        "docs",
        "tags",
        "meta",
        "config",
        "granularity",
        "dimension",
        "entity",
        "include",
        "exclude",
    ]
)


class Remark(msgspec.Struct, frozen=True):
    """One difference of the declarations."""

    verdict: Verdict
    code: str
    reason: str
    line: int
    key: str


def compare_resource(
    old: Resource | None, now: Resource | None, pii_tags: tuple[str, ...]
) -> Iterator[Remark]:
    """What the difference of one declared thing is worth; None: it is not there."""
    if now is None:
        assert old is not None
        yield from _removed(old, pii_tags)
        return
    if now.kind == "function":
        yield _remark(
            now,
            "deny",
            "CODE_DEFINITION",
            "A function is code in the warehouse; a person defines it.",
            "function",
        )
    if old is None and now.kind in (
        "model",
        "seed",
        "snapshot",
        "macro",
        "analysis",
        "singular_test",
    ):
        old = Resource(now.kind, now.name, {}, {}, (), 0, now.path)
        yield from _keys(old, now, new=now.kind == "snapshot" and "relation" in now.keys)
    elif old is None:
        yield from _new(now)
        old = Resource(now.kind, now.name, {}, {}, (), 0, now.path)
    else:
        yield from _keys(old, now, new=False)
    yield from _columns(old, now, pii_tags)


def _remark(one: Resource, verdict: Verdict, code: str, reason: str, key: str) -> Remark:
    return Remark(verdict, code, reason, one.lines.get(key, one.line), f"{one.key} {key}")


def _removed(old: Resource, pii_tags: tuple[str, ...]) -> Iterator[Remark]:
    if sensitive(old.keys, pii_tags) or any(
        sensitive(one, pii_tags) for one in old.columns.values()
    ):
        yield _remark(
            old,
            "deny",
            "PII_POLICY_CHANGE",
            f"{old.name} holds personal data; its marks stay.",
            "pii",
        )
    if old.kind == "unit_test":
        yield _remark(old, "deny", "TEST_WEAKENED", f"The unit test {old.name} is gone.", "gone")
    elif old.kind == "snapshot" and "relation" in old.keys:
        yield _remark(
            old,
            "deny",
            "SNAPSHOT_CHANGE",
            f"The snapshot {old.name} is gone, and history with it.",
            "gone",
        )
    elif old.kind in (
        "source",
        "table",
        "exposure",
        "metric",
        "semantic_model",
        "saved_query",
        "group",
    ):
        yield _remark(old, "ask", "RESOURCE_DELETED", f"{old.kind} {old.name} is gone.", "gone")
    elif _enforced(old.keys):
        yield _remark(old, "ask", "CONTRACT_CHANGE", f"The contract of {old.name} is gone.", "gone")
    if guarded_meta(old.keys):
        yield _remark(
            old, "deny", "GUARDRAIL_SELF_EDIT", f"{old.name} loses its own guardrails.", "meta"
        )


def _enforced(keys: Mapping[str, Any]) -> bool:
    found = (
        (keys.get("config") or {}).get("contract") if isinstance(keys.get("config"), dict) else None
    )
    found = found or keys.get("contract")
    return bool(found.get("enforced")) if isinstance(found, dict) else bool(found)


def _new(now: Resource) -> Iterator[Remark]:
    """A new source, exposure, unit test, …: free, but for what reaches outside."""
    if now.kind in ("source", "table"):
        for key in ("external", "overrides", "external_location"):
            if key in now.keys:
                yield _remark(
                    now,
                    "deny" if key != "overrides" else "ask",
                    "EXTERNAL_IO" if key != "overrides" else "SOURCE_CHANGE",
                    f"The source {now.name} reads from outside through {key}.",
                    key,
                )
    config = {k: v for k, v in now.config.items() if k not in _SOURCE_JUDGED}
    for setting in compare_config(
        {},
        {**config, "meta": now.keys.get("meta", now.config.get("meta"))},
        new=True,
        kind=now.kind,
    ):
        yield Remark(
            setting.verdict,
            setting.code,
            setting.reason,
            now.lines.get("config", now.line),
            f"{now.key} {setting.key}",
        )


def _keys(old: Resource, now: Resource, *, new: bool) -> Iterator[Remark]:
    if now.kind == "singular_test":
        reason = weaker_config(settings_of(old), settings_of(now))
        if reason:
            yield _remark(now, "deny", "TEST_WEAKENED", f"{now.name}: {reason}", "config")
        return
    if now.kind == "unit_test":
        words = ("description", "tags", "meta")
        was = {k: v for k, v in old.keys.items() if k not in words}
        is_ = {k: v for k, v in now.keys.items() if k not in words}
        if not same(was, is_):
            yield _remark(
                now,
                "deny",
                "TEST_WEAKENED",
                f"The unit test {now.name} is edited; mend the node, leave the test.",
                "edited",
            )
        return
    if now.kind in ("model", "seed", "snapshot"):
        return  # judged with the node's whole configuration
    settings_old, settings_new = settings_of(old), settings_of(now)
    if now.kind in ("source", "table"):
        yield from _source(now, settings_old, settings_new)
        settings_old = {k: v for k, v in settings_old.items() if k not in _SOURCE_JUDGED}
        settings_new = {k: v for k, v in settings_new.items() if k not in _SOURCE_JUDGED}
    free = FREE_KEYS.get(now.kind, frozenset())
    for setting in compare_config(
        {k: v for k, v in settings_old.items() if k not in free},
        {k: v for k, v in settings_new.items() if k not in free},
        new=new,
        kind=now.kind,
    ):
        line = now.lines.get(setting.key.split(" ")[0], now.lines.get("config", now.line))
        yield Remark(
            setting.verdict, setting.code, setting.reason, line, f"{now.key} {setting.key}"
        )


_SOURCE_JUDGED = SOURCE_PLACE | {
    "freshness",
    "loaded_at_field",
    "loaded_at_query",
    "external",
    "loader",
    "enabled",
}


def settings_of(one: Resource) -> dict[str, Any]:
    """Top-level keys and config together: dbt reads most of them in both places."""
    left_out = ("name", "description", "config", "label", "relation")
    keys = {key: value for key, value in one.keys.items() if key not in left_out}
    merged = {**keys, **one.config}
    both = [place.get("meta") for place in (keys, one.config)]
    meta = {key: value for place in both if isinstance(place, dict) for key, value in place.items()}
    if meta:
        merged["meta"] = meta
    if one.kind == "snapshot" and "relation" in one.keys:
        merged["relation"] = one.keys["relation"]
    return merged


def _source(now: Resource, was: dict[str, Any], is_: dict[str, Any]) -> Iterator[Remark]:
    for key in sorted(SOURCE_PLACE | {"external", "enabled"}):
        if same(was.get(key), is_.get(key)):
            continue
        if key in ("external", "external_location"):
            yield _remark(
                now,
                "deny",
                "EXTERNAL_IO",
                f"The source {now.name} reads from outside through {key}.",
                key,
            )
        elif key == "enabled":
            if is_.get(key) not in (None, True):
                yield _remark(
                    now, "ask", "RESOURCE_DELETED", f"The source {now.name} is switched off.", key
                )
        else:
            yield _remark(
                now,
                "ask",
                "SOURCE_CHANGE",
                f"The source {now.name} is read from another place ({key}).",
                key,
            )
    if looser_freshness(was.get("freshness"), is_.get("freshness"), "freshness" in is_):
        yield _remark(
            now, "ask", "FRESHNESS_CHANGE", f"The freshness of {now.name} is loosened.", "freshness"
        )
    for key in ("loaded_at_field", "loaded_at_query"):
        if was.get(key) is not None and not same(was.get(key), is_.get(key)):
            yield _remark(
                now,
                "ask",
                "FRESHNESS_CHANGE",
                f"The freshness of {now.name} is measured in another way.",
                key,
            )


def _columns(old: Resource, now: Resource, pii_tags: tuple[str, ...]) -> Iterator[Remark]:
    if sensitive(old.keys, pii_tags) and not sensitive(now.keys, pii_tags):
        yield _remark(
            now,
            "deny",
            "PII_POLICY_CHANGE",
            f"{now.name} is no longer marked as personal data.",
            "tags",
        )
    contract = _enforced(old.keys)
    names = {name.lower(): name for name in now.columns}
    for name, was in old.columns.items():
        is_ = now.columns.get(names.get(name.lower(), ""))
        line = now.column_lines.get(names.get(name.lower(), ""), now.line)
        if sensitive(was, pii_tags) and (is_ is None or not sensitive(is_, pii_tags)):
            yield Remark(
                "deny",
                "PII_POLICY_CHANGE",
                f"Column {name} of {now.name} is no longer marked as personal data.",
                line,
                f"{now.key} pii {name}",
            )
        elif is_ is None:
            if contract or was.get("constraints"):
                yield Remark(
                    "ask",
                    "CONTRACT_CHANGE",
                    f"Column {name} leaves the contract of {now.name}.",
                    line,
                    f"{now.key} column {name}",
                )
        else:
            yield from _column(now, name, was, is_, contract=contract, line=line)
    for name, is_ in now.columns.items():
        if name.lower() not in {one.lower() for one in old.columns}:
            yield from _column(
                now, name, {}, is_, contract=False, line=now.column_lines.get(name, now.line)
            )


def _column(
    now: Resource,
    name: str,
    was: Mapping[str, Any],
    is_: Mapping[str, Any],
    *,
    contract: bool,
    line: int,
) -> Iterator[Remark]:
    def remark(verdict: Verdict, code: str, reason: str, key: str) -> Remark:
        return Remark(verdict, code, reason, line, f"{now.key} {name} {key}")

    if contract and not same(was.get("data_type"), is_.get("data_type")):
        yield remark(
            "ask", "CONTRACT_CHANGE", f"The contract's type of {name} changes.", "data_type"
        )
    if was.get("constraints") and not _kept(was.get("constraints"), is_.get("constraints")):
        yield remark(
            "ask", "CONTRACT_CHANGE", f"A constraint of {name} is changed or gone.", "constraints"
        )
    if was and not same(was.get("policy_tags"), is_.get("policy_tags")):
        yield remark(
            "deny", "PII_POLICY_CHANGE", f"The policy tags of {name} change.", "policy_tags"
        )
    if was and not same(was.get("quote"), is_.get("quote")):
        yield remark("ask", "CONTRACT_CHANGE", f"{name} is quoted in another way.", "quote")
    for key in sorted(set(is_) - COLUMN_FREE - {"constraints", "policy_tags"}):
        if not same(was.get(key), is_.get(key)):
            yield remark(
                "ask",
                "PROJECT_CONFIG_CHANGE",
                f"The key {key} of column {name} is none that this policy knows.",
                key,
            )


def _kept(was: Any, now: Any) -> bool:
    old = {as_json(one) for one in was} if isinstance(was, list) else {as_json(was)}
    new = {as_json(one) for one in now} if isinstance(now, list) else {as_json(now)}
    return old <= new
