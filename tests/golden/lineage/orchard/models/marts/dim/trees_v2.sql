select tree_id, sort, kilos, 1 as grade from {{ ref('stg_trees') }} left join {{ ref('tree_kilos') }} using (tree_id)
