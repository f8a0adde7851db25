select tree_id, sort, kilos from {{ ref('stg_trees') }} left join {{ ref('tree_kilos') }} using (tree_id)
