select
    customers.customer_id,
    customers.email,
    customers.country,
    customers.created_at,
    count(orders.order_id) as order_count,
    min(orders.order_date) as first_order_date,
    max(orders.order_date) as last_order_date,
    coalesce(sum(orders.paid_amount - orders.refunded_amount), 0) as lifetime_value
from {{ ref('stg_shop__customers') }} as customers
left join {{ ref('fct_orders') }} as orders
    on customers.customer_id = orders.customer_id
    and orders.order_status <> 'cancelled'
group by
    customers.customer_id,
    customers.email,
    customers.country,
    customers.created_at
