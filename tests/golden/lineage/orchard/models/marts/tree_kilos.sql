{{ config(materialized='ephemeral', tags='helper') }} select tree_id, sum(kilos) as kilos from {{ ref('stg_picks') }} group by 1
