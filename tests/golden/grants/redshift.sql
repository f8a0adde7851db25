-- not readable: shop.raw.orders (read.deny: relation:raw.orders)
-- masked by agentic, not by the warehouse: shop.dev_ana.people (*)
-- masked by agentic, not by the warehouse: shop.dev_ana.stg_customers (Email)
-- only some columns: shop.raw.customers (id, Email)
-- masked by agentic, not by the warehouse: shop.raw.customers (Email)
-- dbt makes tables and views anew, and a new one has no grants: run this again after a build, or set `+grants: {select: [agentic]}` where the whole relation is readable
-- give it to the agent's user: grant role "agentic" to "<user>"
-- a role has no timeout: alter user "<user>" set statement_timeout to 1800000
create role "agentic";
grant create on database "shop" to role "agentic";
grant usage on schema "dev_ana" to role "agentic";
grant usage on schema "raw" to role "agentic";
grant select on "dev_ana"."orders" to role "agentic";
grant select on "dev_ana"."people" to role "agentic";
grant select on "dev_ana"."stg_customers" to role "agentic";
grant select on "dev_ana"."stg_orders" to role "agentic";
grant select ("id", "Email") on "raw"."customers" to role "agentic";
