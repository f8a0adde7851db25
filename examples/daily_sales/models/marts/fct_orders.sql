{{
    config(
        materialized='incremental',
        unique_key='order_id',
        incremental_strategy='delete+insert',
        on_schema_change='append_new_columns'
    )
}}

select
    order_id,
    customer_id,
    order_status,
    channel,
    ordered_at,
    order_date,
    item_count,
    net_amount,
    paid_amount,
    refunded_amount
from {{ ref('int_orders_enriched') }}
{% if is_incremental() %}
where order_date >= (
    select {{ dbt.dateadd('day', -var('late_days'), 'max(order_date)') }} from {{ this }}
)
{% endif %}
