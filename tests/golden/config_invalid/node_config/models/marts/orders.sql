{{ config(
    tags=['gold'],
    meta={'agentic': {'change': 'allow', 'onwer': 'x', 'escalate': 'nobody'}}
) }}
select 1 as id
