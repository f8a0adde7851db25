with source as (

    select * from {{ source('raw_payments', 'payments') }}

)

select
    payment_id,
    order_ref as order_id,
    method as payment_method,
    amount,
    state as payment_state,
    cast(captured_at as timestamp) as captured_at
from source
