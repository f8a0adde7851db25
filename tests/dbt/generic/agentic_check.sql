{#-
    A check over what earlier invocations recorded about a node.

        data_tests:
          - agentic.agentic_check:
              arguments: {check: no_open_incident}

    check: `no_open_incident` fails with one row for each incident that is open on the node or upstream
           of it; `last_run_ok` fails when the node's last recorded result is a failure.
    What this invocation builds or tests itself does not count. No records yet: the check passes.
-#}
{% test agentic_check(model, check='no_open_incident') %}
    {%- if check not in ['no_open_incident', 'last_run_ok'] -%}
        {%- do exceptions.raise_compiler_error(
            "agentic_check: check is 'no_open_incident' or 'last_run_ok', not '" ~ check ~ "'"
        ) -%}
    {%- endif -%}
    {%- set table = 'incidents' if check == 'no_open_incident' else 'node_results' -%}
    {%- set relation = agentic.load_record_relation(table) -%}
    {%- set tested = agentic.node_of(model) -%}
    {%- if relation is none or tested is none -%}
        select 'nothing recorded' as unique_id where 1 = 0
    {%- elif check == 'no_open_incident' -%}
        {{ agentic.open_incidents_sql(relation, agentic.ancestors_of(tested)) }}
    {%- else -%}
        {{ agentic.last_result_sql(relation, tested) }}
    {%- endif -%}
{% endtest %}
