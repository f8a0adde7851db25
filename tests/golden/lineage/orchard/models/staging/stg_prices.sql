select sort, price from {{ source('market', 'prices') }}
