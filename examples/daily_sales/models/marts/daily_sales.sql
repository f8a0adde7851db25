{{ config(pre_hook="{{ agentic.guard() }}") }}

select
    order_date,
    channel,
    cast(count(*) as integer) as order_count,
    cast(count(distinct customer_id) as integer) as customer_count,
    cast(sum(gross_amount) as numeric(18, 2)) as gross_sales,
    cast(sum(discount_amount) as numeric(18, 2)) as discounts,
    cast(sum(refunded_amount) as numeric(18, 2)) as refunds,
    cast(sum(net_amount) - sum(refunded_amount) as numeric(18, 2)) as net_sales
from {{ ref('int_orders_enriched') }}
where order_status <> 'cancelled'
group by order_date, channel
