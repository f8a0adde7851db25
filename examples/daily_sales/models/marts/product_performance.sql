select
    products.product_id,
    products.sku,
    products.product_name,
    products.category,
    coalesce(sum(items.quantity), 0) as units_sold,
    coalesce(sum(items.net_amount), 0) as net_sales,
    coalesce(sum(items.net_amount - items.cost_amount), 0) as margin
from {{ ref('stg_shop__products') }} as products
left join {{ ref('int_order_items_priced') }} as items
    on products.product_id = items.product_id
group by
    products.product_id,
    products.sku,
    products.product_name,
    products.category
