select
    items.order_item_id,
    items.order_id,
    items.product_id,
    products.category,
    items.quantity,
    items.quantity * items.unit_price as gross_amount,
    items.discount_amount,
    items.quantity * items.unit_price - items.discount_amount as net_amount,
    items.quantity * products.unit_cost as cost_amount
from {{ ref('stg_shop__order_items') }} as items
left join {{ ref('stg_shop__products') }} as products
    on items.product_id = products.product_id
