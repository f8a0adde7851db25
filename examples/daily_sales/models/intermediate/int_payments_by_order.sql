with captured as (

    select * from {{ ref('stg_payments__payments') }}
    where payment_state = 'captured'

),

refunds as (

    select
        order_id,
        sum(refund_amount) as refunded_amount
    from {{ ref('stg_shop__refunds') }}
    group by order_id

)

select
    captured.order_id,
    sum(captured.amount) as paid_amount,
    max(coalesce(refunds.refunded_amount, 0)) as refunded_amount
from captured
left join refunds
    on captured.order_id = refunds.order_id
group by captured.order_id
