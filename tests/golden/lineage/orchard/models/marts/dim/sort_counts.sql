select sort, count(*) as trees from {{ ref('trees', v=2) }} join {{ ref('sorts') }} using (sort) group by 1
