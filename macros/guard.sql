{#-
    For a node's pre-hook: speaks up before the node is published over an incident that is still open
    upstream of it.

        {{ config(pre_hook="{{ agentic.guard(on_open='error') }}") }}

    on_open: `warn` (default) warns and builds, `error` stops the node, and dbt skips its children.
    What this invocation builds or tests itself does not count: if it fails again, dbt stops there.
-#}
{% macro guard(on_open='warn') %}
    {%- if on_open not in ['warn', 'error'] -%}
        {%- do exceptions.raise_compiler_error("agentic.guard: on_open is 'warn' or 'error', not '" ~ on_open ~ "'") -%}
    {%- endif -%}
    {%- if agentic.is_building() -%}
        {%- set open = agentic.open_incidents(agentic.ancestors_of(model.unique_id)) -%}
        {%- if open -%}
            {%- set text = 'agentic.guard: ' ~ model.unique_id ~ ' has ' ~ open | length
                ~ ' open incident(s) upstream: ' ~ open | join('; ') -%}
            {%- if on_open == 'error' -%}
                {%- do exceptions.raise_compiler_error(text) -%}
            {%- else -%}
                {%- do exceptions.warn(text) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{#- The node and everything upstream of it, sources included. -#}
{% macro ancestors_of(unique_id) %}
    {% set found = [unique_id] %}
    {#- Jinja has no while: a graph is never deeper than it has nodes, and `found` grows as we go. -#}
    {% for current in found %}
        {% set node = graph.nodes.get(current) %}
        {% for parent in (node.depends_on.nodes if node else []) if parent not in found %}
            {% do found.append(parent) %}
        {% endfor %}
    {% endfor %}
    {% do return(found) %}
{% endmacro %}

{#- Open incidents of some nodes, as text, without those that this invocation decides itself. -#}
{% macro open_incidents(nodes) %}
    {% set relation = agentic.load_record_relation('incidents') %}
    {% if relation is none or not nodes %}{% do return([]) %}{% endif %}
    {% set asked = run_query(agentic.open_incidents_sql(relation, nodes) ~ ' order by opened_at, unique_id') %}
    {% set texts = [] %}
    {% for row in asked.rows %}
        {% do texts.append(row[0] ~ ' (' ~ row[1] ~ ' since ' ~ row[2] ~ ')') %}
    {% endfor %}
    {% do return(texts) %}
{% endmacro %}

{% macro open_incidents_sql(relation, nodes) -%}
    select
        unique_id,
        kind,
        opened_at
    from {{ relation }}
    where
        status = 'open'
        and node in (
        {%- for node in nodes %}
            {{ agentic.text_literal(node) }}{{ ',' if not loop.last }}
        {%- endfor %}
        )
        {%- if selected_resources %}
        and unique_id not in (
            {%- for chosen in selected_resources %}
            {{ agentic.text_literal(chosen) }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
        {%- endif %}
{%- endmacro %}

{#- `unique_id` of the node that a relation belongs to, or none. -#}
{% macro node_of(relation) %}
    {% if execute %}
        {% for node in graph.nodes.values() if node.relation_name and node.relation_name == relation | string %}
            {% do return(node.unique_id) %}
        {% endfor %}
    {% endif %}
    {% do return(none) %}
{% endmacro %}

{% macro last_result_sql(relation, unique_id) -%}
    select
        unique_id,
        status,
        recorded_at
    from {{ relation }}
    where
        unique_id = {{ agentic.text_literal(unique_id) }}
        and status in ('error', 'fail')
        {%- if unique_id in (selected_resources or []) %}
        and 1 = 0
        {%- endif %}
        and recorded_at = (
            select max(recorded_at)
            from {{ relation }}
            where unique_id = {{ agentic.text_literal(unique_id) }}
        )
{%- endmacro %}
