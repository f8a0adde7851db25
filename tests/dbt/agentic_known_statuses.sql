{#- Not `accepted_values`: how its arguments are written changed between dbt 1.8 and 1.11. -#}
{{ config(enabled=(var('agentic_models_enabled', false) | string | lower) in ['true', '1', 'yes']) }}

select status
from {{ ref('agentic_runs') }}
where status not in ('success', 'error')

union all

select status
from {{ ref('agentic_incidents') }}
where status not in ('open', 'closed')
