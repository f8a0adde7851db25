select
    invocation_id,
    command,
    target_name,
    dbt_version,
    status,
    nodes,
    nodes_failed,
    started_at,
    completed_at
from {{ agentic.records('runs') }}
