select tool_id from {{ ref('shed_tools') }}
