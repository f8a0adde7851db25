"""Text that keeps a build inside the workspace: macro overrides, and rewrites of what escapes them.

Pure functions. They make isolation likely; `agentic.workspace.verify` then looks at what dbt itself
resolved, and only that is trusted.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode

from agentic.exceptions import WorkspaceError

OVERRIDES_FILE = "agentic_workspace_overrides.sql"

HOOK_KEYS = ("on-run-start", "on-run-end")
OVERRIDDEN = ("generate_schema_name", "generate_database_name", "run_hooks", "apply_grants")
SNAPSHOT_SUFFIX = "snapshots"

_MACRO = re.compile(
    r"(?P<head>\{%[-+]?\s*macro\s+)(?P<name>" + "|".join(OVERRIDDEN) + r")(?P<tail>\s*\()"
)
_SNAPSHOT_KEY = re.compile(
    r"(?P<key>(?<![A-Za-z0-9_])(?P<quote>['\"]?)\+?target_(?P<part>schema|database)(?P=quote))"
    r"(?P<sign>\s*[=:][ \t]*)"
)

# `node.config.database` joins in because two nodes that share schema and alias in two databases
# would meet in one schema otherwise.
_SUFFIXED = """\
{% macro generate_schema_name(custom_schema_name=none, node=none) -%}
    {%- set parts = [target.schema] -%}
    {%- if node is not none and node.config.database -%}
        {%- do parts.append(node.config.database | trim) -%}
    {%- endif -%}
    {%- if custom_schema_name -%}{%- do parts.append(custom_schema_name | trim) -%}{%- endif -%}
    {{ (parts | join('_'))[:63] }}
{%- endmacro %}
"""
_SINGLE = """\
{% macro generate_schema_name(custom_schema_name=none, node=none) -%}
    {{ target.schema }}
{%- endmacro %}
"""
_REST = """
{% macro generate_database_name(custom_database_name=none, node=none) -%}
    {{ target.database }}
{%- endmacro %}

{# Hooks run only where they were declared: neither a node's hooks nor grants belong in a proof. #}
{% macro run_hooks(hooks, inside_transaction=True) %}{% endmacro %}

{% macro apply_grants(relation, grant_config, should_revoke=none) %}{% endmacro %}
"""


def override_macros(*, suffixes: bool) -> str:
    """The macro file of the workspace.

    `suffixes`: custom schemas become `<schema>_<custom>`; without, every node lies in one schema.
    """
    return (_SUFFIXED if suffixes else _SINGLE) + _REST


def moved_relations(moved: Mapping[tuple[str, str], tuple[str, str]]) -> str:
    """Macros by which `source()` and `ref()` read some relations elsewhere.

    `moved`: (source, table), or ("", seed) for a seed, to (schema, identifier).
    """
    sources = {key: place for key, place in moved.items() if key[0]}
    seeds = {key: place for key, place in moved.items() if not key[0]}
    text = ""
    if sources:
        text += (
            "{% macro source(source_name, table_name) %}\n"
            "    {%- set relation = builtins.source(source_name, table_name) -%}\n"
            + _cases(sources, "source_name == {0} and table_name == {1}")
            + "{% endmacro %}\n"
        )
    if seeds:
        text += (
            "{% macro ref() %}\n"
            "    {%- set version = kwargs.get('version') or kwargs.get('v') -%}\n"
            "    {%- if varargs | length == 1 -%}\n"
            "        {%- set relation = builtins.ref(varargs[0], version=version) -%}\n"
            "    {%- else -%}\n"
            "        {%- set relation = builtins.ref(varargs[0], varargs[1], version=version) -%}\n"
            "    {%- endif -%}\n" + _cases(seeds, "varargs[-1] == {1}") + "{% endmacro %}\n"
        )
    return text


def _cases(moved: Mapping[tuple[str, str], tuple[str, str]], condition: str) -> str:
    cases = "".join(
        f"    {{%- if {condition.format(json.dumps(name), json.dumps(table))} -%}}\n"
        f"        {{%- set relation = relation.incorporate(path={{'schema': {json.dumps(schema)},"
        f" 'identifier': {json.dumps(identifier)}}}) -%}}\n"
        "    {%- endif -%}\n"
        for (name, table), (schema, identifier) in sorted(moved.items())
    )
    return cases + "    {%- do return(relation) -%}\n"


def rename_macros(text: str) -> str:
    """Definitions of the macros that the workspace overrides get another name; calls stay."""
    return _MACRO.sub(r"\g<head>agentic_unused_\g<name>\g<tail>", text)


def defines_macro(text: str, name: str) -> bool:
    """True when Jinja text defines a macro of this name."""
    return re.search(r"\{%[-+]?\s*macro\s+" + re.escape(name) + r"\s*\(", text) is not None


def move_snapshots(text: str, *, schema: str, database: str) -> str:
    """Every `target_schema` and `target_database`, in SQL and in YAML, points to the workspace."""
    places = {"schema": f"{schema}_{SNAPSHOT_SUFFIX}", "database": database}
    parts: list[str] = []
    done = 0
    for found in _SNAPSHOT_KEY.finditer(text):
        if found.start() < done:
            continue
        end = _value_end(text, found.end())
        parts += [text[done : found.end()], _quoted(places[found["part"]])]
        done = end
    return "".join([*parts, text[done:]])


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _value_end(text: str, start: int) -> int:
    """Where a value ends: at a comma, a closing bracket or a line's end outside brackets."""
    depth = 0
    quote = ""
    for place in range(start, len(text)):
        char = text[place]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}" and depth:
            depth -= 1
        elif not depth and char in ",)]}\n#":
            # The space before a comment is what makes it one.
            return start + len(text[start:place].rstrip())
    return len(text)


def isolate_file(path: str, text: str, *, schema: str, database: str) -> str:
    """A project file as the workspace holds it; most come back as they are."""
    if path.endswith(".sql"):
        text = rename_macros(text)
    if "target_schema" in text or "target_database" in text:
        text = move_snapshots(text, schema=schema, database=database)
    return text


def rewrite_project_file(
    text: str, *, remove: tuple[str, ...] = HOOK_KEYS, replace: Mapping[str, Any] | None = None
) -> str:
    """dbt_project.yml without some top-level keys, and with others set; the rest stays verbatim.

    Raises WorkspaceError when the text is no YAML mapping.
    """
    wanted = dict(replace or {})
    loaded = _load(text)
    gone = [key for key in (*remove, *wanted) if key in loaded]
    expected = {key: value for key, value in loaded.items() if key not in gone} | wanted
    cut = _cut_keys(text, gone)
    if wanted:
        cut = cut.rstrip() + "\n" + "".join(f"{key}: {json.dumps(wanted[key])}\n" for key in wanted)
    try:
        if _load(cut) == expected:
            return cut
    except WorkspaceError:
        pass
    # A flow mapping or the like: JSON is YAML, only the comments are lost.
    return json.dumps(expected, default=str, indent=1) + "\n"


def without_keys(text: str, keys: tuple[str, ...]) -> str:
    """A property file without some of its top-level keys; as it is where none of them is there."""
    present = tuple(key for key in keys if re.search(rf"^['\"]?{key}['\"]?\s*:", text, re.M))
    return rewrite_project_file(text, remove=present) if present else text


def _load(text: str) -> dict[str, Any]:
    try:
        loaded = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise WorkspaceError(f"dbt_project.yml is no YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise WorkspaceError("dbt_project.yml is not a mapping of keys")
    return loaded


def _cut_keys(text: str, keys: list[str]) -> str:
    lines = text.splitlines(keepends=True)
    dropped = {number for first, last in _spans(text, keys) for number in range(first, last)}
    return "".join(line for number, line in enumerate(lines) if number not in dropped)


def _spans(text: str, keys: list[str]) -> Iterator[tuple[int, int]]:
    root = YAML(typ="rt", pure=True).compose(io.StringIO(text))
    if not isinstance(root, MappingNode):
        return
    starts = [(key.value, key.start_mark.line) for key, _ in root.value]
    ends = [line for _, line in starts[1:]] + [len(text.splitlines())]
    for (name, first), last in zip(starts, ends, strict=True):
        if name in keys:
            yield first, last
