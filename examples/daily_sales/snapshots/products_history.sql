{% snapshot products_history %}

{{
    config(
        target_schema=target.schema ~ '_snapshots',
        unique_key='product_id',
        strategy='timestamp',
        updated_at='updated_at'
    )
}}

select
    product_id,
    sku,
    list_price,
    unit_cost,
    updated_at
from {{ ref('stg_shop__products') }}

{% endsnapshot %}
