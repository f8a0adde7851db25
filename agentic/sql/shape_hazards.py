"""What a query may not hold, by an allow list of its syntax: writes, side effects, files, abuse."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlglot import exp

from agentic.exceptions import SqlError
from agentic.sql.shape_masking import function_name
from agentic.sql.shape_parse import parse_query

MAX_ROWS = 1_000_000

_WRITES = tuple(
    getattr(exp, name)
    for name in [
        "Insert",
        "Update",
        "Delete",
        "Merge",
        "Create",
        "Drop",
        "Alter",
        "TruncateTable",
        "Command",
        "Into",
        "Copy",
        "Set",
        "Use",
        "Transaction",
        "Commit",
        "Rollback",
        "Lock",
        "Pragma",
        "Kill",
        "Attach",
        "Detach",
        "Describe",
        "LoadData",
        "Export",
        "Analyze",
        "Cache",
        "Uncache",
        "Refresh",
        "Comment",
        "Grant",
        "Revoke",
        "Put",
        "Get",
        "Show",
        "Summarize",
        "Install",
        "Semicolon",
        "MultitableInserts",
        "QueryTransform",
        "IfBlock",
        "WhileBlock",
        "Declare",
        "Execute",
        "ForIn",
        "Block",
        "Heredoc",
        "Parameter",
        "SessionParameter",
        "Placeholder",
    ]
    if hasattr(exp, name)
)

# Functions that reach outside the query, in any dialect, by name.
_FILES = frozenset(
    [
        "READ_CSV",
        "READ_CSV_AUTO",
        "READ_PARQUET",
        "PARQUET_SCAN",
        "READ_JSON",
        "READ_JSON_AUTO",
        "READ_JSON_OBJECTS",
        "READ_NDJSON",
        "READ_NDJSON_AUTO",
        "READ_NDJSON_OBJECTS",
        "READ_TEXT",
        "READ_BLOB",
        "READ_XLSX",
        "GLOB",
        "SNIFF_CSV",
        "PARQUET_METADATA",
        "PARQUET_SCHEMA",
        "PARQUET_FILE_METADATA",
        "PARQUET_KV_METADATA",
        "SQLITE_SCAN",
        "SQLITE_ATTACH",
        "POSTGRES_SCAN",
        "POSTGRES_QUERY",
        "POSTGRES_ATTACH",
        "MYSQL_SCAN",
        "MYSQL_QUERY",
        "ICEBERG_SCAN",
        "DELTA_SCAN",
        "ST_READ",
        "PG_READ_FILE",
        "PG_READ_BINARY_FILE",
        "PG_LS_DIR",
        "PG_STAT_FILE",
        "LO_IMPORT",
        "LO_EXPORT",
        "DBLINK",
        "DBLINK_EXEC",
        "HTTP_GET",
        "HTTP_POST",
        "URL",
        "REMOTE",
        "REMOTESECURE",
        "S3",
        "S3CLUSTER",
        "FILE",
        "HDFS",
        "LOAD_FILE",
        "OPENROWSET",
        "OPENDATASOURCE",
        "OPENQUERY",
        "EXTERNAL_QUERY",
        "READ_FILES",
        "CLOUD_FILES",
        "GSHEETS",
        "READ_GSHEET",
        "INFER_SCHEMA",
        "POSTGRESQL",
        "MYSQL",
        "JDBC",
        "ODBC",
        "MONGODB",
        "REDIS",
        "AZUREBLOBSTORAGE",
        "GCS",
        "ICEBERG",
        "DELTALAKE",
        "HUDI",
        "EXECUTABLE",
    ]
)
_ACTS = frozenset(
    [
        "QUERY",
        "QUERY_TABLE",
        "QUERY_TO_XML",
        "TABLE_TO_XML",
        "SCHEMA_TO_XML",
        "DATABASE_TO_XML",
        "CURSOR_TO_XML",
        "QUERY_TO_XML_AND_XMLSCHEMA",
        "TS_STAT",
        "TS_REWRITE",
        "CROSSTAB",
        "JSON_EXECUTE_SERIALIZED_SQL",
        "SETVAL",
        "NEXTVAL",
        "PG_SLEEP",
        "PG_SLEEP_FOR",
        "PG_SLEEP_UNTIL",
        "SLEEP",
        "BENCHMARK",
        "WAITFOR",
        "PG_TERMINATE_BACKEND",
        "PG_CANCEL_BACKEND",
        "PG_RELOAD_CONF",
        "PG_ADVISORY_LOCK",
        "PG_ADVISORY_XACT_LOCK",
        "PG_TRY_ADVISORY_LOCK",
        "GET_LOCK",
        "RELEASE_LOCK",
        "PG_NOTIFY",
        "SET_CONFIG",
        "CURRENT_SETTING",
        "GETENV",
        "GETVARIABLE",
        "WRITE_LOG",
        "CHECKPOINT",
        "FORCE_CHECKPOINT",
        "SYSTEM$STREAM_HAS_DATA",
        "SYSTEM$WAIT",
        "SYSTEM$CANCEL_QUERY",
        "RESULT_SCAN",
        "IDENTIFIER",
        "AI_QUERY",
        "AI_COMPLETE",
        "AI_GENERATE",
        "ML_PREDICT",
        "PREDICT",
        "COMPLETE",
        "GENERATE_TEXT",
        "LO_UNLINK",
        "LO_CREATE",
        "LO_PUT",
        "LO_FROM_BYTEA",
        "PG_SWITCH_WAL",
        "PG_CREATE_RESTORE_POINT",
        "PG_LOGICAL_EMIT_MESSAGE",
        "LOAD_EXTENSION",
        "ERROR",
        "SYS_EXEC",
        "SYS_EVAL",
        "XP_CMDSHELL",
        "SP_EXECUTESQL",
        "ENABLE_LOGGING",
        "DISABLE_LOGGING",
        "DUCKDB_SECRETS",
        "DUCKDB_SETTINGS",
        "WHICH_SECRET",
        "PG_EXECUTE",
    ]
)
_SERIES = frozenset(
    [
        "GENERATE_SERIES",
        "RANGE",
        "REPEAT",
        "NUMBERS",
        "NUMBERS_MT",
        "SEQUENCE",
        "GENERATE_ARRAY",
        "GENERATOR",
        "EXPLODING_GENERATE_SERIES",
        "EXPLODINGGENERATESERIES",
        "GENERATE_DATE_ARRAY",
        "SPACE",
        "LPAD",
        "RPAD",
        "ARRAY_REPEAT",
        "REPLICATE",
        "GENERATERANDOM",
        "GENERATE_RANDOM",
        "ZEROS",
        "ZEROS_MT",
        "RANDOMSTRING",
        "RANDSTR",
    ]
)


class Hazard(msgspec.Struct, frozen=True):
    """One thing that a dbt node's query may not do."""

    kind: str
    """write, act, file, code, bound."""
    text: str


def hazards(sql: str, dialect: str) -> tuple[Hazard, ...]:
    """Every hazard of one query. Raises SqlError when it is not one statement."""
    tree = parse_query(sql, dialect)
    if not isinstance(tree, exp.Query):
        return (Hazard("write", f"{type(tree).__name__} is no query; a dbt node is one SELECT."),)
    try:
        return tuple(dict.fromkeys(_walk(tree, dialect)))
    except RecursionError as error:
        raise SqlError("the query is nested too deeply") from error


def _walk(tree: exp.Expr, dialect: str) -> Iterator[Hazard]:
    for node in tree.walk():
        if isinstance(node, _WRITES):
            yield Hazard("write", f"{type(node).__name__} does not belong in a query.")
        elif isinstance(node, exp.With) and node.args.get("recursive"):
            yield from _recursion(node)
        elif isinstance(node, exp.Table):
            yield from _table(node)
        elif isinstance(node, exp.Func):
            yield from _function(node, dialect)
        elif isinstance(node, exp.Select) and (node.args.get("locks") or node.args.get("into")):
            yield Hazard("write", "A query that locks or writes rows is no plain read.")


def _table(node: exp.Table) -> Iterator[Hazard]:
    name = node.name
    if isinstance(node.this, exp.Identifier) and (
        "/" in name
        or "\\" in name
        or "://" in name
        or name.startswith("@")
        or name.lower().endswith(
            (
                ".csv",
                ".parquet",
                ".json",
                ".txt",
                ".db",
                ".duckdb",
                ".gz",
                ".ndjson",
                ".xlsx",
                ".tsv",
            )
        )
    ):
        yield Hazard("file", f"{name} is a file, not a relation.")


def _function(node: exp.Func, dialect: str) -> Iterator[Hazard]:
    name = function_name(node).replace(" ", "")
    plain = type(node).__name__.upper()
    if name in _FILES or plain in ("READCSV", "READPARQUET"):
        yield Hazard("file", f"{name.lower()}() reads or writes outside the warehouse.")
    elif name in _ACTS or (
        name.startswith(("PG_", "LO_", "SYSTEM$", "XP_", "SP_", "DBMS_", "UTL_"))
        and isinstance(node, exp.Anonymous)
    ):
        yield Hazard("act", f"{name.lower()}() has effects, or runs what it is given.")
    elif name in _SERIES or plain in _SERIES:
        yield from _series(node, name, dialect)


def _series(node: exp.Func, name: str, dialect: str) -> Iterator[Hazard]:
    for literal in node.find_all(exp.Literal):
        if (
            not literal.is_string
            and literal.name.replace("_", "").isdigit()
            and int(literal.name.replace("_", "")) > MAX_ROWS
        ):
            yield Hazard("bound", f"{name.lower()}() makes more than a million rows or characters.")
    for power in node.find_all(exp.Pow):
        yield Hazard("bound", f"{name.lower()}() over {power.sql(dialect)} has no plain bound.")


def _recursion(node: exp.With) -> Iterator[Hazard]:
    for cte in node.expressions:
        body = cte.this
        if not isinstance(body, exp.SetOperation):
            continue
        names = {cte.alias.lower()}
        if not any(table.name.lower() in names for table in body.find_all(exp.Table)):
            continue
        step = body.expression
        if not any(step.find_all(exp.Where, exp.Limit)) and not any(
            join.args.get("on") is not None or join.args.get("using")
            for join in step.find_all(exp.Join)
        ):
            yield Hazard("bound", f"{cte.alias} calls itself without a bound.")
