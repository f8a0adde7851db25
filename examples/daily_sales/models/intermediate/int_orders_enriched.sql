select
    orders.order_id,
    orders.customer_id,
    orders.order_status,
    orders.channel,
    orders.ordered_at,
    orders.order_date,
    totals.item_count,
    totals.units,
    totals.gross_amount,
    totals.discount_amount,
    totals.net_amount,
    totals.cost_amount,
    coalesce(payments.paid_amount, 0) as paid_amount,
    coalesce(payments.refunded_amount, 0) as refunded_amount
from {{ ref('stg_shop__orders') }} as orders
left join {{ ref('int_order_totals') }} as totals
    on orders.order_id = totals.order_id
left join {{ ref('int_payments_by_order') }} as payments
    on orders.order_id = payments.order_id
