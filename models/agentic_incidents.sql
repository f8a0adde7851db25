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
