select picked_on, income, t.tool_id from {{ ref('income') }} cross join {{ ref('shed_tools') }} t
