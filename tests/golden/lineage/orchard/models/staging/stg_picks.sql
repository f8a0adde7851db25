select tree_id, picked_on, kilos from {{ source('farm', 'picks') }}
