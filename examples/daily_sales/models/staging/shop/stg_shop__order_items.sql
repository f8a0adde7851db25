select
    id as order_item_id,
    order_id,
    product_id,
    quantity,
    unit_price,
    discount as discount_amount
from {{ source('raw_shop', 'order_items') }}
