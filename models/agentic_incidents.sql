{{ config(enabled=(var('agentic_models_enabled', false) | string | lower) in ['true', '1', 'yes'], materialized='view') }}

select
    incident_id,
    unique_id,
    node,
    kind,
    status,
    message,
    opened_at,
    opened_by,
    closed_at,
    closed_by
from {{ agentic.records('incidents') }}
