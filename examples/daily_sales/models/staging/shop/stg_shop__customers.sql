select
    id as customer_id,
    first_name,
    last_name,
    lower(email) as email,
    country,
    cast(created_at as timestamp) as created_at
from {{ source('raw_shop', 'customers') }}
