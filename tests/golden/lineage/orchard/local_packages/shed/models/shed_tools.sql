{{ config(tags=['daily']) }}
select 1 as tool_id
