{% snapshot trees_history %}
{{ config(unique_key='tree_id', strategy='check', check_cols='all', schema='history') }}
select * from {{ ref('stg_trees') }}
{% endsnapshot %}
