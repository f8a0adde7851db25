select
    id as refund_id,
    order_id,
    amount as refund_amount,
    reason as refund_reason,
    cast(refunded_at as timestamp) as refunded_at
from {{ source('raw_shop', 'refunds') }}
