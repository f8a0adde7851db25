{% macro kilos() %}kilos{% endmacro %}
