"""What names and attributes a template may use: the allow lists as questions, without a tree."""

from __future__ import annotations

import re

from agentic.policy.changes.dbt_scope import ACTING, DBT_SQL, ENVIRONMENT, FREE, READING, SECRET
from agentic.records import Verdict

Fault = tuple[Verdict, str, str]
"""(verdict, code, reason)."""

DUNDER = re.compile(r"(?<![A-Za-z0-9])__[a-z]+__(?![A-Za-z0-9])")
REACHING = frozenset(["mro", "func_globals", "gi_frame", "cr_frame", "gi_code"])
GLOBALS_THAT_REACH = frozenset(["self", "lipsum", "cycler", "joiner"])
OWNED = frozenset(
    [
        "adapter",
        "api",
        "exceptions",
        "modules",
        "target",
        "flags",
        "dbt",
        "graph",
        "model",
        "config",
    ]
)
# A template cannot make these names its own: a `set` in a branch that never runs would hide the
# real one.
NEVER_LOCAL = (
    SECRET
    | ACTING
    | frozenset(
        ["adapter", "api", "modules", "target", "exceptions", "dbt", "flags", "self", "graph"]
    )
)
# What is known of a node without building it.
PLAIN_FACTS = frozenset(
    [
        "name",
        "package_name",
        "unique_id",
        "original_file_path",
        "path",
        "resource_type",
        "fqn",
        "alias",
        "tags",
    ]
)
CONFIG_METHODS = frozenset(
    [
        "get",
        "require",
        "persist_column_docs",
        "persist_relation_docs",
        "meta_get",
        "meta_require",
        "meta",
    ]
)
CONFIG_WRITES = frozenset(["set", "update", "pop", "setdefault"])
_WHOLE = frozenset(["adapter", "api", "modules", "graph"])


def always_fault(name: str) -> Fault | None:
    """Names that no template may read, whatever it calls its own."""
    if name in SECRET:
        reason = f"{name} reads the environment or the invocation; no template may."
        return "deny", "SECRET_ACCESS", reason
    if name in ACTING:
        reason = (
            f"{name} acts or looks names up when dbt compiles; only ref, source, config and pure "
            "macros are free."
        )
        return "deny", "JINJA_SIDE_EFFECT", reason
    if DUNDER.search(name):
        return "deny", "SANDBOX_ESCAPE", f"{name} reaches into the interpreter."
    if name == "target":
        reason = "The whole target holds credentials; only target.name and its like can be read."
        return "deny", "SECRET_ACCESS", reason
    return None


def global_fault(name: str) -> Fault | None:
    """Names of dbt's or jinja's that are not free, unless the template gave them a value."""
    if name in _WHOLE:
        reason = f"{name} as a whole could do anything; name the method that is called."
        return "deny", "JINJA_SIDE_EFFECT", reason
    if name in ENVIRONMENT:
        return "ask", "ENV_DEPENDENT_LOGIC", differs(name)
    if name in GLOBALS_THAT_REACH:
        reason = f"{name} is not needed in SQL and reaches into the interpreter."
        return "deny", "SANDBOX_ESCAPE", reason
    return None


def differs(name: str) -> str:
    return f"{name} differs between environments: what is checked here is not what runs there."


def lookup_fault(key: str | None) -> Fault:
    """A lookup by a name that is made at run time, as far as the name can be told."""
    if key in SECRET:
        return "deny", "SECRET_ACCESS", f"{key} reads the environment or the invocation."
    if key and DUNDER.search(key):
        return "deny", "SANDBOX_ESCAPE", f"{key} reaches into the interpreter."
    reason = "A name that is looked up at run time could be any; write the name out."
    return "deny", "JINJA_SIDE_EFFECT", reason


def attribute_fault(owner: str, attr: str) -> Fault | None:
    """An attribute of one of dbt's own names."""
    if owner == "target":
        return _target_fault(attr)
    if owner in READING:
        return _reading_fault(owner, attr)
    if owner == "config":
        return _config_fault(attr)
    if owner == "dbt":
        return _dbt_fault(attr)
    if owner == "flags":
        return "ask", "ENV_DEPENDENT_LOGIC", f"flags.{attr} depends on the invocation."
    if owner in ("graph", "model") and not (owner == "model" and attr in PLAIN_FACTS):
        return "deny", "JINJA_SIDE_EFFECT", f"{owner}.{attr} reaches into dbt's own state."
    return None


def _target_fault(attr: str) -> Fault:
    if attr in READING["target"]:
        return "ask", "ENV_DEPENDENT_LOGIC", differs(f"target.{attr}")
    return "deny", "SECRET_ACCESS", f"target.{attr} may hold a credential."


def _reading_fault(owner: str, attr: str) -> Fault | None:
    if attr in READING[owner]:
        return None
    secret = attr in ("config", "credentials", "connections")
    code = "SECRET_ACCESS" if secret else "JINJA_SIDE_EFFECT"
    return "deny", code, f"{owner}.{attr} is not among the calls that only read."


def _config_fault(attr: str) -> Fault | None:
    if attr in CONFIG_WRITES:
        return "deny", "HOOK_SQL", "config is set with config(...), by names written out."
    if attr not in CONFIG_METHODS:
        reason = f"config.{attr} is not a plain read of a setting."
        return "ask", "PROJECT_CONFIG_CHANGE", reason
    return None


def _dbt_fault(attr: str) -> Fault | None:
    if attr in ACTING:
        return "deny", "JINJA_SIDE_EFFECT", f"dbt.{attr} acts when dbt compiles."
    if attr not in DBT_SQL and attr not in FREE:
        reason = f"dbt.{attr} is not among dbt's macros that only print SQL."
        return "deny", "JINJA_SIDE_EFFECT", reason
    return None
