{{ config(enabled=(var('agentic_models_enabled', false) | string | lower) in ['true', '1', 'yes'], materialized='view') }}

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
