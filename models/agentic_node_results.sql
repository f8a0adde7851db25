{{ config(enabled=(var('agentic_models_enabled', false) | string | lower) in ['true', '1', 'yes'], materialized='view') }}

select
    invocation_id,
    unique_id,
    attached_node,
    resource_type,
    status,
    failures,
    message,
    execution_seconds,
    recorded_at
from {{ agentic.records('node_results') }}
