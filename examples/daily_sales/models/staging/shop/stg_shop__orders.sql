with source as (

    select * from {{ source('raw_shop', 'orders') }}

),

renamed as (

    select
        id as order_id,
        customer_id,
        status as order_status,
        channel,
        cast(ordered_at as timestamp) as ordered_at,
        cast(ordered_at as date) as order_date
    from source

)

select * from renamed
