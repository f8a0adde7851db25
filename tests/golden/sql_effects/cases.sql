-- Pairs: a statement, then what the policy reads in it. `pytest --update-golden` rewrites the answers.
-- duckdb writer
with recent as (select * from raw.orders where order_ts > date '2024-01-01') select r.order_id, c.country from recent r join gold.customers c using (customer_id);
-- postgres writer
merge into agent_dev.scratch t using gold.orders s on t.id = s.order_id when matched then update set val = s.status;
-- snowflake writer
create or replace table agent_dev.t clone gold.orders;
-- bigquery reader
select order_id from `analytics.gold.orders`, unnest([1, 2]) as n;
-- tsql writer
delete s from agent_dev.scratch s join gold.orders o on o.order_id = s.id;
-- mysql writer
replace into agent_dev.scratch values (1, 'a');
-- clickhouse reader
select count() from gold.orders final settings max_threads = 2;
-- duckdb reader
explain select order_id from gold.orders;
