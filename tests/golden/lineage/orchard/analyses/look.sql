select * from {{ ref('income') }}
