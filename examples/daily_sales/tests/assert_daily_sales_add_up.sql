-- The mart holds every order that was not cancelled, once.
with orders as (

    select sum(gross_amount) as amount
    from {{ ref('int_orders_enriched') }}
    where order_status <> 'cancelled'

),

mart as (

    select sum(gross_sales) as amount from {{ ref('daily_sales') }}

)

select
    orders.amount as orders_amount,
    mart.amount as mart_amount
from orders
cross join mart
where orders.amount <> mart.amount
