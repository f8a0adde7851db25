-- not readable: shop.raw.customers (a column of it is denied, and snowflake grants whole relations)
-- not readable: shop.raw.orders (read.deny: relation:raw.orders)
-- masked by agentic, not by the warehouse: shop.dev_ana.people (*)
-- masked by agentic, not by the warehouse: shop.dev_ana.stg_customers (Email)
-- dbt makes tables and views anew, and a new one has no grants: run this again after a build, or set `+grants: {select: [agentic]}` where the whole relation is readable
-- a role has no timeout: alter user "<user>" set statement_timeout_in_seconds = 1800
-- other roles of the user must not add rights: default_secondary_roles = ()
create role if not exists "agentic";
grant usage on database "shop" to role "agentic";
grant usage on schema "shop"."dev_ana" to role "agentic";
grant select on table "shop"."dev_ana"."orders" to role "agentic";
grant select on table "shop"."dev_ana"."people" to role "agentic";
grant select on table "shop"."dev_ana"."stg_customers" to role "agentic";
grant select on table "shop"."dev_ana"."stg_orders" to role "agentic";
grant create schema on database "shop" to role "agentic";
