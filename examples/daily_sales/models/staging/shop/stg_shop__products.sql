select
    id as product_id,
    sku,
    name as product_name,
    category,
    unit_price as list_price,
    unit_cost,
    cast(updated_at as timestamp) as updated_at
from {{ source('raw_shop', 'products') }}
