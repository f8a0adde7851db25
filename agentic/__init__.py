"""A dbt project that repairs itself, safely.

One idea a room; a room imports only rooms below it (tests/unit/test_rooms.py holds this):

    cli          one file a command
    evals        fault injection
    runtime      loop, boundary, orchestration, engines
    compiler     specs + project -> target/agentic/manifest.json
    tools  guardrails  rules  triggers      neighbours: they may not import each other
    review       checked proposal -> branch, pull request body
    checks       one file a check; proposal -> CheckReport
    workspace    git worktree + own schema + defer + build + data diff
    policy       pure judgement of one SQL statement, one project change
    history      how nodes ran and what relations held, invocation by invocation
    lineage      networkx graph, selectors, column lineage, impact
    warehouse    connections with the least rights
    project      find the dbt project, read artifacts, run dbt as a subprocess, git
    config  events  store  sql  outputs
    masking      PII and secrets out of any text or row
    records      frozen shapes that cross rooms
    exceptions   the whole tree on one page
"""

__version__ = "0.1.0"
