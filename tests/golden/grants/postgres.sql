-- not readable: shop.raw.orders (read.deny: relation:raw.orders)
-- masked by agentic, not by the warehouse: shop.dev_ana.people (*)
-- masked by agentic, not by the warehouse: shop.dev_ana.stg_customers (Email)
-- only some columns: shop.raw.customers (id, Email)
-- masked by agentic, not by the warehouse: shop.raw.customers (Email)
-- dbt makes tables and views anew, and a new one has no grants: run this again after a build, or set `+grants: {select: [agentic]}` where the whole relation is readable
-- give it a password: alter role "agentic" password '...'
-- PostgreSQL lets a role make schemas of any name or none; what it makes is its own, and nothing else becomes writable
do $agentic$ begin if not exists (select from pg_catalog.pg_roles where rolname = 'agentic') then create role "agentic" login; end if; end $agentic$;
alter role "agentic" nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
alter role "agentic" set statement_timeout = '1800000ms';
revoke all on all tables in schema "dev_ana" from "agentic";
revoke all on schema "dev_ana" from "agentic";
revoke all on all tables in schema "raw" from "agentic";
revoke all on schema "raw" from "agentic";
grant connect on database "shop" to "agentic";
grant create on database "shop" to "agentic";
grant usage on schema "dev_ana" to "agentic";
grant usage on schema "raw" to "agentic";
grant select on "dev_ana"."orders" to "agentic";
grant select on "dev_ana"."people" to "agentic";
grant select on "dev_ana"."stg_customers" to "agentic";
grant select on "dev_ana"."stg_orders" to "agentic";
grant select ("id", "Email") on "raw"."customers" to "agentic";
