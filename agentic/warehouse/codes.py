"""Pages of the codes that this room's errors carry."""

from __future__ import annotations

from agentic.records import CodePage, publish

publish(
    CodePage(
        code="AC540",
        name="warehouse_error",
        what="A connection or a statement failed; the message is the warehouse's own.",
        why="agentic looks at real columns and values. DuckDB and PostgreSQL are built so far.",
        fix="Check the target with `dbt debug`, and the statement where there is one.",
    ),
    CodePage(
        code="AC541",
        name="warehouse_locked",
        what="Another process holds the DuckDB file, so that not even reading is possible.",
        why="DuckDB lets in one writer or many readers.",
        fix="Let the process that the message names end: a running dbt, a notebook, a shell.",
    ),
)
