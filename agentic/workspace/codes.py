"""Pages of the codes that this room's errors carry."""

from __future__ import annotations

from agentic.records import CodePage, publish

publish(
    CodePage(
        code="AC560",
        name="workspace_error",
        what="The isolated place for a build could not be made or used.",
        why="A proposal is proved in a worktree and a schema of its own; yours are only read.",
        fix="Do what the message says; `agentic clean` removes what earlier runs left.",
    ),
    CodePage(
        code="AC561",
        name="isolation_error",
        what="A node or a hook would have written outside the workspace. Nothing was run.",
        why="A schema of one's own does not isolate by itself: names are set in many places. So "
        "what dbt resolved is looked at before anything runs.",
        fix="Let the node take its schema from generate_schema_name, or its file location from "
        "the target.",
    ),
)
