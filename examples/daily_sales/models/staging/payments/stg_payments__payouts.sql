select
    payout_id,
    method as payment_method,
    gross_amount,
    fee_amount,
    gross_amount - fee_amount as net_amount,
    cast(paid_out_on as date) as paid_out_on
from {{ source('raw_payments', 'payouts') }}
