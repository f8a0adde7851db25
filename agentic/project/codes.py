"""Pages of the codes that this room's errors carry."""

from __future__ import annotations

from agentic.records import CodePage, publish

publish(
    CodePage(
        code="AC501",
        name="project_not_usable",
        what="There is no dbt project or profile here, or it cannot be read.",
        why="Every command is about one dbt project and one target, found as dbt finds them.",
        fix="Change into the project or give --project-dir, --profiles-dir, --target.",
        example="agentic run --project-dir warehouse --target dev",
    ),
    CodePage(
        code="AC510",
        name="artifact_not_usable",
        what="A dbt artifact (manifest.json, run_results.json) is missing, cut off or foreign.",
        why="agentic reads what dbt wrote: manifest v11 and v12, run results v4 to v6.",
        fix="Run the dbt command that the message names; it writes the file again.",
        example="dbt parse",
    ),
    CodePage(
        code="AC520",
        name="dbt_not_usable",
        what="dbt could not be found or started, or stopped for a reason that no edit can mend.",
        why="agentic runs your own dbt, 1.8 to 1.12, as a subprocess; it brings none along.",
        fix="Install dbt and its adapter, run `dbt deps`, or point AGENTIC_DBT elsewhere.",
        example="AGENTIC_DBT=~/.venvs/dbt/bin/dbt agentic run",
    ),
    CodePage(
        code="AC530",
        name="git_not_usable",
        what="There is no git repository or commit here, or a git command failed.",
        why="A proposal is a commit on a branch of its own, and workspaces are worktrees.",
        fix="Make a repository and a first commit, or do what the message says.",
        example="git init && git add -A && git commit -m start",
    ),
)
