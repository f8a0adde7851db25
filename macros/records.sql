{#- The record tables: what each building invocation did, and which failures are still open. -#}

{% macro record_columns(table) %}
    {%- set columns = {
        'runs': [
            ('invocation_id', dbt.type_string()),
            ('command', dbt.type_string()),
            ('target_name', dbt.type_string()),
            ('dbt_version', dbt.type_string()),
            ('status', dbt.type_string()),
            ('nodes', dbt.type_int()),
            ('nodes_failed', dbt.type_int()),
            ('started_at', dbt.type_timestamp()),
            ('completed_at', dbt.type_timestamp()),
        ],
        'node_results': [
            ('invocation_id', dbt.type_string()),
            ('unique_id', dbt.type_string()),
            ('attached_node', dbt.type_string()),
            ('resource_type', dbt.type_string()),
            ('status', dbt.type_string()),
            ('failures', dbt.type_int()),
            ('message', dbt.type_string()),
            ('execution_seconds', dbt.type_float()),
            ('recorded_at', dbt.type_timestamp()),
        ],
        'incidents': [
            ('incident_id', dbt.type_string()),
            ('unique_id', dbt.type_string()),
            ('node', dbt.type_string()),
            ('kind', dbt.type_string()),
            ('status', dbt.type_string()),
            ('message', dbt.type_string()),
            ('opened_at', dbt.type_timestamp()),
            ('opened_by', dbt.type_string()),
            ('closed_at', dbt.type_timestamp()),
            ('closed_by', dbt.type_string()),
        ],
    } -%}
    {% do return(columns[table]) %}
{% endmacro %}

{#- Named after the target's schema, so that a build in another schema keeps its own records. -#}
{% macro records_schema() %}
    {% do return(var('agentic_records_schema', none) or target.schema ~ '_agentic') %}
{% endmacro %}

{% macro record_relation(table) %}
    {% do return(api.Relation.create(
        database=target.database, schema=agentic.records_schema(), identifier=table, type='table'
    )) %}
{% endmacro %}

{#- The record table if it is there with every column that we use, else none. -#}
{% macro load_record_relation(table) %}
    {% if not execute %}{% do return(none) %}{% endif %}
    {% set relation = adapter.get_relation(target.database, agentic.records_schema(), table) %}
    {% if relation is none %}{% do return(none) %}{% endif %}
    {% set found = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list %}
    {% for name, type in agentic.record_columns(table) if name not in found %}
        {% do log('agentic: ' ~ relation ~ ' has no column ' ~ name ~ '; it is not read or written', info=true) %}
        {% do return(none) %}
    {% endfor %}
    {% do return(relation) %}
{% endmacro %}

{#- For `from`: the record table, or no rows of its shape while nothing has been recorded yet. -#}
{% macro records(table) %}
    {%- set relation = agentic.load_record_relation(table) -%}
    {%- if relation is not none -%}
        {{ relation }}
    {%- else -%}
        (
            select
            {%- for name, type in agentic.record_columns(table) %}
                cast(null as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
            {%- endfor %}
            where 1 = 0
        ) as {{ table }}
    {%- endif -%}
{% endmacro %}

{#- True in invocations that record and guard: not while compiling, and not in an agent's workspace,
    whose schemas begin with `agentic_` and whose failures are nobody's incident. -#}
{% macro is_building() %}
    {% do return(
        execute
        and not target.schema.lower().startswith('agentic_')
        and (var('agentic_records_enabled', true) | string | lower) not in ['false', '0', 'no']
        and flags.WHICH in ['build', 'run', 'test', 'seed', 'snapshot', 'retry', 'freshness', 'source-freshness']
    ) %}
{% endmacro %}

{% macro text_literal(value, length=500) %}
    {%- if value is none -%}
        cast(null as {{ dbt.type_string() }})
    {%- else -%}
        {#- Error texts quote values; an address is the commonest of those that name a person. -#}
        {%- set text = modules.re.sub('[\\w.+-]+@[\\w-]+\\.[\\w.-]+', '<email>', value | string) -%}
        {%- set text = modules.re.sub('\x1b\[[0-9;]*m', '', text) | trim -%}
        {%- set text = text[:length] | replace('\x00', '') | replace("'", "''") -%}
        {%- if target.type not in ['duckdb', 'postgres', 'redshift'] -%}
            {%- set text = text | replace('\\', '\\\\') -%}
        {%- endif -%}
        '{{ text | replace('$agentic', '') }}'
    {%- endif -%}
{% endmacro %}

{% macro number_literal(value) %}
    {%- if value is none -%}null{%- else -%}{{ value | float }}{%- endif -%}
{% endmacro %}

{% macro moment_literal(value) %}
    {%- if value is none -%}
        cast(null as {{ dbt.type_timestamp() }})
    {%- else -%}
        cast('{{ value.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as {{ dbt.type_timestamp() }})
    {%- endif -%}
{% endmacro %}
