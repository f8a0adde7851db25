with captured as (

    select
        payment_method,
        cast(captured_at as date) as captured_on,
        sum(amount) as captured_amount
    from {{ ref('stg_payments__payments') }}
    where payment_state = 'captured'
    group by payment_method, cast(captured_at as date)

)

select
    captured.captured_on,
    captured.payment_method,
    captured.captured_amount,
    payouts.gross_amount as paid_out_amount,
    payouts.fee_amount,
    captured.captured_amount - coalesce(payouts.gross_amount, 0) as difference
from captured
left join {{ ref('stg_payments__payouts') }} as payouts
    on captured.payment_method = payouts.payment_method
    and payouts.paid_out_on = cast({{ dbt.dateadd('day', 1, 'captured.captured_on') }} as date)
