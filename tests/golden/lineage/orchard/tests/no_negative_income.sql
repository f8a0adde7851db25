select * from {{ ref('income') }} where income < 0
