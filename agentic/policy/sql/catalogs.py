"""The engines' own catalogs: names, types and sizes may be read, the rest may not."""

from __future__ import annotations

from agentic.sql.tables import CLEAN, SYSTEM, Columns, Refusal, RelationName

# Relations of information_schema that hold names, types and sizes; with the columns that do not.
_INFORMATION: dict[str, frozenset[str]] = {
    name: frozenset()
    for name in [
        "tables",
        "columns",
        "schemata",
        "key_column_usage",
        "table_constraints",
        "referential_constraints",
        "constraint_column_usage",
        "constraint_table_usage",
        "databases",
        "partitions",
        "table_storage",
        "column_field_paths",
        "catalogs",
        "catalog_name",
        "information_schema_catalog_name",
        "element_types",
        "column_udt_usage",
        "domains",
        "tables_ext",
        "external_tables",
        "constraints",
    ]
} | {
    "views": frozenset({"view_definition", "definition"}),
    "tables": frozenset({"ddl"}),
    "columns": frozenset({"column_default", "generation_expression"}),
}
_PLAIN = frozenset({"columns"})
"""Catalog relations whose star may be read."""

_OTHERS: dict[str, dict[str, frozenset[str]]] = {
    "pg_catalog": {
        "pg_tables": frozenset(),
        "pg_class": frozenset({"relacl", "reloptions", "relpartbound"}),
        "pg_namespace": frozenset({"nspacl"}),
        "pg_attribute": frozenset({"attacl", "attmissingval", "attoptions"}),
        "pg_type": frozenset({"typdefault", "typdefaultbin", "typacl"}),
        "pg_views": frozenset({"definition"}),
        "pg_matviews": frozenset({"definition"}),
        "pg_index": frozenset({"indexprs", "indpred"}),
        "pg_constraint": frozenset({"conbin"}),
        "pg_description": frozenset(),
        "svv_tables": frozenset(),
        "svv_columns": frozenset({"column_default"}),
        "svv_all_tables": frozenset(),
        "svv_all_columns": frozenset(),
        "svv_redshift_tables": frozenset({"table_acl"}),
        "svv_redshift_columns": frozenset(),
        "svv_redshift_schemas": frozenset({"schema_acl"}),
        "svv_all_schemas": frozenset({"schema_acl"}),
        "svv_table_info": frozenset(),
        "pg_table_def": frozenset(),
    },
    "system": {
        "tables": frozenset(
            {
                "create_table_query",
                "as_select",
                "engine_full",
                "dependencies_table",
                "metadata_path",
                "data_paths",
            }
        ),
        "columns": frozenset({"default_expression", "default_kind"}),
        "databases": frozenset({"engine_full", "metadata_path", "data_path"}),
        "parts": frozenset({"path"}),
        "one": frozenset(),
        "data_type_families": frozenset(),
    },
    "sys": {
        "tables": frozenset(),
        "columns": frozenset(),
        "schemas": frozenset(),
        "objects": frozenset(),
        "types": frozenset(),
        "views": frozenset(),
        "all_columns": frozenset(),
        "all_objects": frozenset(),
        "indexes": frozenset({"filter_definition"}),
        "index_columns": frozenset(),
        "key_constraints": frozenset(),
        "foreign_keys": frozenset(),
        "partitions": frozenset(),
        "dm_db_partition_stats": frozenset(),
    },
    "sqlite": {
        "sqlite_master": frozenset({"sql"}),
        "sqlite_schema": frozenset({"sql"}),
        "sqlite_temp_master": frozenset({"sql"}),
        "sqlite_temp_schema": frozenset({"sql"}),
        "sqlite_sequence": frozenset(),
    },
    "metadata": {},
}
_SCHEMAS: dict[str, frozenset[str]] = {
    "pg_catalog": frozenset({"postgres", "redshift", "duckdb"}),
    "system": frozenset({"clickhouse", "trino", "databricks", "spark", "duckdb"}),
    "sys": frozenset({"tsql", "mysql"}),
    "mysql": frozenset({"mysql", "clickhouse"}),
    "performance_schema": frozenset({"mysql"}),
    "metadata": frozenset({"trino"}),
    "account_usage": frozenset({"snowflake"}),
    "organization_usage": frozenset({"snowflake"}),
    "reader_account_usage": frozenset({"snowflake"}),
    "runtime": frozenset({"trino"}),
    "msdb": frozenset({"tsql"}),
    "master": frozenset({"tsql"}),
    "pg_toast": frozenset({"postgres"}),
    "pg_internal": frozenset({"redshift"}),
}
_DATABASES = frozenset({"snowflake", "system", "sys", "master", "msdb", "temp", "tempdb", "mysql"})
_SYSTEM_PREFIXES = {
    "postgres": ("pg_",),
    "redshift": ("pg_", "stl_", "stv_", "svl_", "svv_", "sys_", "svcs_"),
    "duckdb": ("pg_", "duckdb_", "sqlite_", "pragma_"),
    "sqlite": ("sqlite_", "pragma_", "dbstat"),
    "tsql": ("sys",),
}
_DUAL = frozenset({"dual"})

# Table functions that show the catalog: "relation" names a relation in its first argument.
_TABLE_FUNCTIONS: dict[str, str] = {
    "pragma_table_info": "relation",
    "pragma_table_xinfo": "relation",
    "pragma_index_list": "relation",
    "pragma_show": "relation",
    "pragma_foreign_key_list": "relation",
    "duckdb_tables": "sql",
    "duckdb_views": "sql",
    "duckdb_indexes": "sql",
    "duckdb_schemas": "sql",
    "duckdb_databases": "path options",
    "duckdb_columns": "column_default",
    "duckdb_constraints": "",
    "duckdb_types": "",
    "pragma_table_list": "",
    "pragma_database_size": "",
}


def catalog_relation(name: RelationName, dialect: str) -> Columns | Refusal | None:
    """Columns of a catalog relation, a refusal, or None when it is not the engine's own."""
    schema = name.schema.text.lower() if name.schema is not None else ""
    table = name.name.text.lower()
    database = name.database.text.lower() if name.database is not None else ""
    if not schema and table in _DUAL:
        return Columns([("dummy", CLEAN)])
    if "information_schema" in (schema, database) or schema.startswith("region-"):
        own = schema == "information_schema" and database not in _DATABASES
        plain = own and table in _INFORMATION and "region-" not in database
        return _columns(_INFORMATION[table], table in _PLAIN) if plain else _refused(name)
    if database in _DATABASES and database != "temp":
        return _refused(name)
    if schema == "system" and table.startswith(("numbers", "zeros")):
        return Refusal("RESOURCE_ABUSE", f"{name.text} has no end; numbers(n) has")
    if schema in _SCHEMAS and dialect in _SCHEMAS[schema]:
        known = _OTHERS.get(schema, {}).get(table)
        wrong = schema == "system" and dialect != "clickhouse"
        return _refused(name) if known is None or wrong else _columns(known, table in _PLAIN)
    if not schema or schema == "main":
        return _unqualified(name, table, dialect)
    return None


def _unqualified(name: RelationName, table: str, dialect: str) -> Columns | Refusal | None:
    if not table.startswith(_SYSTEM_PREFIXES.get(dialect, ("\0",))):
        return None
    place = "sqlite" if table.startswith("sqlite_") else "pg_catalog"
    known = _OTHERS[place].get(table)
    if known is not None and dialect != "tsql":
        return _columns(known)
    return _refused(name) if dialect != "tsql" else None


def table_function(name: str) -> str | None:
    """`relation`, the columns that may not be read, or None when it shows no catalog."""
    return _TABLE_FUNCTIONS.get(name)


def catalog_columns(hidden: str) -> Columns:
    """Columns of a catalog function; those in `hidden` hold definitions."""
    return _columns(frozenset(hidden.split()))


def _columns(hidden: frozenset[str], plain: bool = False) -> Columns:
    # A star would show the hidden columns too; the lists of relations and of their columns are
    # names and types all the same, and only a definition that is asked for by name is refused.
    star = SYSTEM if hidden and not plain else CLEAN
    return Columns([], CLEAN, dict.fromkeys(hidden, SYSTEM), star)


def _refused(name: RelationName) -> Refusal:
    return Refusal("SYSTEM_CATALOG", f"{name.text} is not a list of names, types or sizes")
