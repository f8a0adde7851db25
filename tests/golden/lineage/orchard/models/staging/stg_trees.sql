select tree_id, sort from {{ source('farm', 'trees') }}
