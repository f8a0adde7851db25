{#-
    For on-run-end: writes the invocation, its results and the incidents they open or close.

        on-run-end: ["{{ agentic.record_results(results) }}"]

    A hook that raises turns a green build red, so whatever can be wrong is looked at first, and on
    PostgreSQL an error becomes a warning. Commands that build nothing record nothing.
-#}
{% macro record_results(results) %}
    {%- if agentic.is_building() and results -%}
        {%- set statements = agentic.record_statements(results) -%}
        {%- if statements -%}
            {%- do agentic.run_all(statements) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{% macro record_statements(results) %}
    {% set statements = ['create schema if not exists ' ~ agentic.record_relation('runs').include(database=false, identifier=false)] %}
    {% for table in ['runs', 'node_results', 'incidents'] %}
        {% set wanted = agentic.record_relation(table) %}
        {% set there = adapter.get_relation(target.database, agentic.records_schema(), table) %}
        {% if there is none %}
            {% do statements.append(agentic.create_record_table(table, wanted)) %}
        {% elif agentic.load_record_relation(table) is none %}
            {% do return([]) %}
        {% endif %}
    {% endfor %}
    {% set rows = agentic.result_rows(results) %}
    {% do statements.append(agentic.insert_run(rows)) %}
    {% for chunk in rows | batch(200) %}
        {% do statements.append(agentic.insert_results(chunk)) %}
    {% endfor %}
    {% do statements.extend(agentic.incident_statements(rows)) %}
    {% do return(statements) %}
{% endmacro %}

{#- Results as plain rows; `node` is what a test looks at, else the node itself. -#}
{% macro result_rows(results) %}
    {% set rows = [] %}
    {% for result in results if result.node %}
        {% set node = result.node %}
        {% set attached = node.attached_node if node.attached_node is defined else none %}
        {% if node.tested_node_unique_id is defined %}{% set attached = node.tested_node_unique_id %}{% endif %}
        {% set status = result.status | string | lower | replace('runtime error', 'error') %}
        {% set metadata = node.test_metadata if node.test_metadata is defined else none %}
        {% do rows.append({
            'unique_id': node.unique_id,
            'attached': attached,
            'node': attached or node.unique_id,
            'resource_type': node.resource_type | string,
            'status': status,
            'failed': status in ['error', 'fail', 'partial success'],
            'passed': status in ['success', 'pass', 'warn'],
            'failures': result.failures if result.failures is defined else none,
            'message': result.message if result.message is defined else none,
            'seconds': result.execution_time,
            'is_check': metadata is not none and metadata.name == 'agentic_check',
        }) %}
    {% endfor %}
    {% do return(rows) %}
{% endmacro %}

{% macro create_record_table(table, relation) -%}
    create table if not exists {{ relation }} (
    {%- for name, type in agentic.record_columns(table) %}
        {{ name }} {{ type }}{{ ',' if not loop.last }}
    {%- endfor %}
    )
{%- endmacro %}

{% macro column_names(table) -%}
    {%- for name, type in agentic.record_columns(table) %}{{ name }}{{ ', ' if not loop.last }}{% endfor -%}
{%- endmacro %}

{% macro insert_run(rows) -%}
    {%- set failed = rows | selectattr('failed') | list | length -%}
    insert into {{ agentic.record_relation('runs') }} ({{ agentic.column_names('runs') }})
    values (
        {{ agentic.text_literal(invocation_id) }},
        {{ agentic.text_literal(flags.WHICH) }},
        {{ agentic.text_literal(target.name) }},
        {{ agentic.text_literal(dbt_version) }},
        {{ agentic.text_literal('error' if failed else 'success') }},
        {{ rows | length }},
        {{ failed }},
        {{ agentic.moment_literal(run_started_at) }},
        {{ agentic.moment_literal(modules.datetime.datetime.now(modules.pytz.utc)) }}
    )
{%- endmacro %}

{% macro insert_results(rows) -%}
    {%- set now = agentic.moment_literal(modules.datetime.datetime.now(modules.pytz.utc)) -%}
    insert into {{ agentic.record_relation('node_results') }} ({{ agentic.column_names('node_results') }})
    values
    {%- for row in rows %}
        (
            {{ agentic.text_literal(invocation_id) }},
            {{ agentic.text_literal(row.unique_id) }},
            {{ agentic.text_literal(row.attached) }},
            {{ agentic.text_literal(row.resource_type) }},
            {{ agentic.text_literal(row.status) }},
            {{ agentic.number_literal(row.failures) }},
            {{ agentic.text_literal(row.message) }},
            {{ agentic.number_literal(row.seconds) }},
            {{ now }}
        ){{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- A node that works again closes its incident; a node that fails opens one, once. An `agentic_check`
    reports incidents and so never opens one: it would keep itself alive. -#}
{% macro incident_statements(rows) %}
    {% set statements = [] %}
    {% set passed = rows | selectattr('passed') | map(attribute='unique_id') | list %}
    {% for chunk in passed | batch(200) %}
        {% do statements.append(agentic.close_incidents(chunk)) %}
    {% endfor %}
    {% for row in rows | selectattr('failed') | rejectattr('is_check') %}
        {% do statements.append(agentic.open_incident(row)) %}
    {% endfor %}
    {% do return(statements) %}
{% endmacro %}

{% macro close_incidents(unique_ids) -%}
    update {{ agentic.record_relation('incidents') }}
    set
        status = 'closed',
        closed_at = {{ agentic.moment_literal(modules.datetime.datetime.now(modules.pytz.utc)) }},
        closed_by = {{ agentic.text_literal(invocation_id) }}
    where
        status = 'open'
        and unique_id in (
        {%- for unique_id in unique_ids %}
            {{ agentic.text_literal(unique_id) }}{{ ',' if not loop.last }}
        {%- endfor %}
        )
{%- endmacro %}

{% macro open_incident(row) -%}
    {%- set kinds = {'test': 'test_failure', 'unit_test': 'unit_test_failure', 'source': 'source_stale'} -%}
    insert into {{ agentic.record_relation('incidents') }} ({{ agentic.column_names('incidents') }})
    select
        {{ agentic.text_literal(local_md5(invocation_id ~ row.unique_id)) }},
        {{ agentic.text_literal(row.unique_id) }},
        {{ agentic.text_literal(row.node) }},
        {{ agentic.text_literal(kinds.get(row.resource_type, 'run_error')) }},
        'open',
        {{ agentic.text_literal(row.message) }},
        {{ agentic.moment_literal(run_started_at) }},
        {{ agentic.text_literal(invocation_id) }},
        {{ agentic.moment_literal(none) }},
        {{ agentic.text_literal(none) }}
    where not exists (
        select 1
        from {{ agentic.record_relation('incidents') }} as known
        where known.status = 'open' and known.unique_id = {{ agentic.text_literal(row.unique_id) }}
    )
{%- endmacro %}

{#- Reading what is there has opened a transaction, and dbt does not commit after on-run-end: without
    our own commit the rows would be rolled back in silence. -#}
{% macro run_all(statements) %}
    {%- call statement('agentic_records', auto_begin=true) -%}
        {{ adapter.dispatch('one_batch', 'agentic')(statements) }}
    {%- endcall -%}
    {%- call statement('agentic_commit', auto_begin=false) -%}
        commit
    {%- endcall -%}
{% endmacro %}

{% macro default__one_batch(statements) %}
    {{- statements | join(';\n') -}}
{% endmacro %}

{% macro postgres__one_batch(statements) -%}
do $agentic$
begin
    {#- As text: PL/pgSQL would check the syntax of plain statements before any handler is in place. #}
    {%- for statement in statements %}
    execute $agentic_sql${{ statement }}$agentic_sql$;
    {%- endfor %}
exception when others then
    raise warning 'agentic could not record this invocation: %', sqlerrm;
end
$agentic$
{%- endmacro %}
