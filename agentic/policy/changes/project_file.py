"""dbt_project.yml before and after: a few keys may be asked for, most are a person's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from agentic.policy.changes.declared import Remark
from agentic.policy.changes.kept_tests import weaker_config
from agentic.policy.changes.settings import compare_config, same
from agentic.policy.changes.yaml_load import line_of
from agentic.records import Verdict

NODE_KEYS = {
    "models": "node",
    "seeds": "seed",
    "snapshots": "snapshot",
    "sources": "source",
    "analyses": "analysis",
    "exposures": "exposure",
    "metrics": "metric",
    "semantic-models": "semantic_model",
    "saved-queries": "saved_query",
}
PATH_KEYS = frozenset(
    [
        "model-paths",
        "seed-paths",
        "snapshot-paths",
        "test-paths",
        "macro-paths",
        "analysis-paths",
        "docs-paths",
        "asset-paths",
        "source-paths",
        "data-paths",
        "function-paths",
        "target-path",
        "log-path",
        "packages-install-path",
        "modules-path",
        "clean-targets",
    ]
)
HOOKS = frozenset(["on-run-start", "on-run-end"])
HIDING_FLAGS = frozenset(
    [
        "indirect_selection",
        "warn_error",
        "warn_error_options",
        "store_failures",
        "fail_fast",
        "selector",
    ]
)


def compare_project(old: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Remark]:
    """Every difference of the two files."""
    for key in sorted({*map(str, old), *map(str, now)}):
        was, is_ = old.get(key), now.get(key)
        if same(was, is_):
            continue
        line = line_of(now, key)
        if key in NODE_KEYS:
            yield from _tree(was, is_, NODE_KEYS[key], key, line)
        elif key in ("tests", "data_tests", "data-tests", "unit_tests", "unit-tests"):
            yield from _tests(was, is_, key, line)
        elif key == "functions":
            yield Remark(
                "deny",
                "CODE_DEFINITION",
                "A function is code in the warehouse; a person defines it.",
                line,
                key,
            )
        else:
            verdict, code, reason = _plain(key, was, is_)
            yield Remark(verdict, code, reason, line, key)


_ALONE: Mapping[str, tuple[Verdict, str, str]] = {
    "profile": ("deny", "PROFILE_OR_ENV_CHANGE", "profile decides where dbt runs."),
    "dispatch": (
        "deny",
        "BUILTIN_OVERRIDE",
        "dispatch decides whose macros run in place of dbt's.",
    ),
    "quoting": ("deny", "RELATION_RETARGET", "quoting decides which relation a name means."),
    "vars": ("ask", "PROJECT_CONFIG_CHANGE", "A variable changes every node that reads it."),
}


def _plain(key: str, was: Any, is_: Any) -> tuple[Verdict, str, str]:
    if key in HOOKS:
        return "deny", "HOOK_SQL", f"{key} runs SQL with every dbt command, tests too."
    if key in PATH_KEYS:
        if any(_outside(one) for one in (is_ if isinstance(is_, list) else [is_])):
            return "deny", "PATH_ESCAPE", f"{key} leads outside the project."
        return "deny", "PROJECT_CONFIG_CHANGE", f"{key} decides what dbt reads or deletes."
    if key == "flags":
        return _flags(was, is_)
    reason = f"{key} of dbt_project.yml is a person's to edit."
    return _ALONE.get(key, ("deny", "PROJECT_CONFIG_CHANGE", reason))


def _outside(value: Any) -> bool:
    text = str(value or "")
    return (
        text.startswith(("/", "~"))
        or ".." in PurePosixPath(text).parts
        or "{{" in text
        or ":" in text
        or "\\" in text
    )


def _flags(was: Any, is_: Any) -> tuple[Verdict, str, str]:
    old, new = (one if isinstance(one, dict) else {} for one in (was, is_))
    changed = {key for key in {*old, *new} if not same(old.get(key), new.get(key))}
    hiding = sorted(changed & HIDING_FLAGS)
    if hiding and not (hiding == ["warn_error"] and new.get("warn_error") is True):
        return "deny", "TEST_WEAKENED", f"The flag {hiding[0]} decides which tests run or fail."
    return "ask", "PROJECT_CONFIG_CHANGE", "A flag changes how dbt works for every node."


def _tree(was: Any, is_: Any, kind: str, path: str, line: int) -> Iterator[Remark]:
    """A tree of folders with settings under `+`, or bare where dbt knows the name."""
    old, now = split_settings(was), split_settings(is_)
    for setting in compare_config(old[0], now[0], new=False, kind=kind):
        yield Remark(
            setting.verdict,
            _code(setting.code, kind),
            f"{path}: {setting.reason}",
            line_of(is_, setting.key.split(" ")[0]) or line,
            f"{path} {setting.key}",
        )
    for folder in sorted({*old[1], *now[1]}):
        left, right = old[1].get(folder), now[1].get(folder)
        if not same(left, right):
            yield from _tree(left, right, kind, f"{path}.{folder}", line_of(is_, folder) or line)


def _code(code: str, kind: str) -> str:
    return "SNAPSHOT_CHANGE" if kind == "snapshot" and code in ("MATERIALIZATION_CHANGE",) else code


KNOWN_BARE = frozenset(
    [
        "materialized",
        "schema",
        "database",
        "alias",
        "tags",
        "meta",
        "enabled",
        "pre-hook",
        "post-hook",
        "pre_hook",
        "post_hook",
        "persist_docs",
        "grants",
        "full_refresh",
        "quoting",
        "docs",
        "contract",
        "unique_key",
        "on_schema_change",
        "incremental_strategy",
        "column_types",
        "quote_columns",
        "target_schema",
        "target_database",
        "strategy",
        "access",
        "group",
        "severity",
        "where",
        "limit",
        "error_if",
        "warn_if",
        "fail_calc",
        "store_failures",
        "sql_header",
        "location_root",
        "hours_to_expiration",
    ]
)


def split_settings(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """(settings, folders) of one level of a tree in dbt_project.yml."""
    settings: dict[str, Any] = {}
    folders: dict[str, Any] = {}
    if isinstance(value, dict):
        for key, one in value.items():
            if str(key).startswith("+") or str(key) in KNOWN_BARE or not isinstance(one, dict):
                settings[str(key).lstrip("+")] = one
            else:
                folders[str(key)] = one
    return settings, folders


def _tests(was: Any, is_: Any, path: str, line: int) -> Iterator[Remark]:
    """Project-wide settings of tests reach every existing test."""
    old, now = split_settings(was), split_settings(is_)
    reason = weaker_config(old[0], now[0])
    if reason:
        yield Remark("deny", "TEST_WEAKENED", f"{path}: {reason}", line, f"{path} {reason}")
    elif {"schema", "database", "alias"} & set(now[0]):
        yield Remark(
            "deny",
            "RELATION_RETARGET",
            f"{path}: stored failures go elsewhere.",
            line,
            f"{path} schema",
        )
    for folder in sorted({*old[1], *now[1]}):
        left, right = old[1].get(folder), now[1].get(folder)
        if not same(left, right):
            yield from _tests(left, right, f"{path}.{folder}", line_of(is_, folder) or line)
