"""The names that dbt offers to templates: which are free, and what dbt's own SQL macros print."""

from __future__ import annotations

from typing import Any

from agentic.policy.changes.values import Opaque, Relation, text_of

# Free to use in any template.
FREE = frozenset(
    [
        "ref",
        "source",
        "this",
        "config",
        "is_incremental",
        "execute",
        "log",
        "print",
        "return",
        "set",
        "zip",
        "set_strict",
        "zip_strict",
        "tojson",
        "fromjson",
        "toyaml",
        "fromyaml",
        "range",
        "dict",
        "namespace",
        "loop",
        "caller",
        "varargs",
        "kwargs",
        "var",
        "true",
        "false",
        "none",
        "True",
        "False",
        "None",
        "project_name",
        "dbt_version",
        "run_started_at",
        "invocation_id",
        "thread_id",
        "doc",
        "local_md5",
        "exceptions",
        "adapter",
        "api",
        "modules",
        "dbt",
        "joiner",
        "cycler",
        "partition_range",
        "load_relation",
        "metric",
        "function",
        "as_text",
        "should_store_failures",
        "Dimension",
        "TimeDimension",
        "Entity",
        "Metric",
        "Measure",
    ]
)
# Names whose value differs between environments or runs.
ENVIRONMENT = frozenset(
    [
        "target",
        "flags",
        "selected_resources",
        "graph",
        "model",
        "schema",
        "database",
        "schemas",
        "should_full_refresh",
        "this_run",
    ]
)
RUN_ONLY = frozenset(["run_started_at", "invocation_id", "thread_id"])
SECRET = frozenset(["env_var", "invocation_args_dict", "dbt_metadata_envs"])
# Names that act, or that reach anything by a name made up at run time.
ACTING = frozenset(
    [
        "run_query",
        "statement",
        "context",
        "builtins",
        "write",
        "submit_python_job",
        "load_result",
        "store_result",
        "store_raw_result",
        "run_hooks",
        "render",
        "create_schema",
        "drop_schema",
        "drop_relation",
        "drop_relation_if_exists",
        "truncate_relation",
        "rename_relation",
        "create_table_as",
        "create_view_as",
        "get_columns_in_query",
        "call_dcl_statements",
        "apply_grants",
        "load_csv_rows",
        "noop_statement",
        "set_sql_header",
        "persist_docs",
        "get_columns_in_relation_query",
        "collect_freshness",
    ]
)

# Methods that only read or build values.
READING = {
    "adapter": frozenset(
        [
            "dispatch",
            "quote",
            "get_relation",
            "get_columns_in_relation",
            "get_missing_columns",
            "load_relation",
            "check_schema_exists",
            "quote_as_configured",
            "type",
            "convert_type",
            "already_exists",
            "Relation",
            "Column",
            "get_partitions_metadata",
            "parse_partition_by",
            "is_replaceable",
        ]
    ),
    "api": frozenset(["Relation", "Column"]),
    "exceptions": frozenset(
        [
            "raise_compiler_error",
            "warn",
            "raise_not_implemented",
            "raise_database_error",
            "raise_fail_fast_error",
            "raise_parsing_error",
            "raise_contract_error",
            "relation_wrong_type",
            "column_type_missing",
            "missing_config",
        ]
    ),
    "modules": frozenset(["datetime", "pytz", "re", "itertools"]),
    "target": frozenset(
        [
            "name",
            "schema",
            "database",
            "type",
            "profile_name",
            "threads",
            "dbname",
            "dataset",
            "project",
            "target_name",
            "warehouse",
        ]
    ),
}
# Libraries of `modules` hold references to the interpreter: only what templates really use.
MODULE_ATTRIBUTES = frozenset(
    [
        "datetime",
        "date",
        "time",
        "timedelta",
        "timezone",
        "utcnow",
        "now",
        "today",
        "strptime",
        "fromisoformat",
        "combine",
        "fromtimestamp",
        "pytz",
        "utc",
        "UTC",
        "re",
        "match",
        "search",
        "sub",
        "split",
        "findall",
        "compile",
        "fullmatch",
        "escape",
        "IGNORECASE",
        "group",
        "groups",
        "itertools",
        "chain",
        "product",
        "combinations",
        "permutations",
        "count",
        "islice",
        "zip_longest",
        "groupby",
        "accumulate",
        "from_iterable",
        "strftime",
        "isoformat",
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "second",
        "weekday",
        "isoweekday",
        "days",
        "seconds",
        "total_seconds",
        "replace",
        "start",
        "end",
    ]
)

# dbt's cross-database macros and what they print: enough to read the SQL, not to run it.
_PRINTED = {
    "date_trunc": "date_trunc('{0}', {1})",
    "dateadd": "({2} + {1} * interval '1' {0})",
    "datediff": "date_diff('{2}', {0}, {1})",
    "safe_cast": "try_cast({0} as {1})",
    "cast": "cast({0} as {1})",
    "cast_bool_to_text": "cast({0} as varchar)",
    "hash": "md5(cast({0} as varchar))",
    "string_literal": "'{0}'",
    "escape_single_quotes": "{0}",
    "any_value": "any_value({0})",
    "bool_or": "bool_or({0})",
    "listagg": "string_agg({0}, {1})",
    "length": "length({0})",
    "position": "strpos({1}, {0})",
    "replace": "replace({0}, {1}, {2})",
    "right": "right({0}, {1})",
    "split_part": "split_part({0}, {1}, {2})",
    "last_day": "last_day({0})",
    "date": "make_date({0}, {1}, {2})",
    "except": "except",
    "intersect": "intersect",
    "current_timestamp": "current_timestamp",
    "current_timestamp_backcompat": "current_timestamp",
    "current_timestamp_in_utc_backcompat": "current_timestamp",
    "snapshot_get_time": "current_timestamp",
    "type_string": "varchar",
    "type_timestamp": "timestamp",
    "type_float": "double",
    "type_numeric": "numeric(28, 6)",
    "type_bigint": "bigint",
    "type_int": "int",
    "type_boolean": "boolean",
    "array_concat": "list_concat({0}, {1})",
    "array_append": "list_append({0}, {1})",
    "equals": "({0} = {1})",
    "information_schema_name": "information_schema",
}
_LISTED = frozenset(
    [
        "concat",
        "array_construct",
        "date_spine",
        "generate_series",
        "get_intervals_between",
        "get_powers_of_two",
        "partition_range",
    ]
)
DBT_SQL = frozenset(_PRINTED) | _LISTED

EFFECTS = FREE | ENVIRONMENT | SECRET | ACTING


def dbt_sql(name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """What one of dbt's SQL macros prints."""
    words = [text_of(one) for one in (*args, *kwargs.values())]
    if name == "concat":
        parts = args[0] if args and isinstance(args[0], list | tuple) else words
        return "(" + " || ".join(text_of(one) for one in parts) + ")"
    if name == "array_construct":
        parts = args[0] if args and isinstance(args[0], list | tuple) else []
        return "array[" + ", ".join(text_of(one) for one in parts) + "]"
    if name == "date_spine":
        return "select cast(null as date) as date_" + (words[0].strip("'\"") if words else "day")
    if name == "generate_series":
        return "select 1 as generated_number"
    if name in _LISTED:
        return Opaque(f"{name}({words})")
    wanted = max(
        (int(mark) + 1 for mark in "0123" if "{" + mark + "}" in _PRINTED[name]), default=0
    )
    words += ["null"] * max(0, wanted - len(words))
    return _PRINTED[name].format(*words)


_PRINTING_QUERIES = frozenset(
    [
        "union_relations",
        "deduplicate",
        "unpivot",
        "date_spine",
        "generate_series",
        "get_date_dimension",
        "get_base_dates",
    ]
)


def pure_sql(name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """What a package's well-known macro prints, where the package itself is not installed here."""
    values = [*args, *kwargs.values()]
    if name not in _PRINTING_QUERIES:
        return Opaque(f"{name}({[text_of(one) for one in values]})")
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    relations = [text_of(one) for one in flat if isinstance(one, Relation)]
    if not relations:
        return "select cast(null as date) as date_day"
    distinct = "distinct" if name == "deduplicate" else ""
    # only judged, never run
    return " union all ".join(" ".join(("select", distinct, "* from", one)) for one in relations)
