-- not readable: shop.raw.customers (a column of it is denied, and databricks grants whole relations)
-- not readable: shop.raw.orders (read.deny: relation:raw.orders)
-- masked by agentic, not by the warehouse: shop.dev_ana.people (*)
-- masked by agentic, not by the warehouse: shop.dev_ana.stg_customers (Email)
-- dbt makes tables and views anew, and a new one has no grants: run this again after a build, or set `+grants: {select: [agentic]}` where the whole relation is readable
-- a group has no timeout: set statement_timeout = 1800 on its SQL warehouse
grant use catalog on catalog `shop` to `agentic`;
grant use schema on schema `shop`.`dev_ana` to `agentic`;
grant select on table `shop`.`dev_ana`.`orders` to `agentic`;
grant select on table `shop`.`dev_ana`.`people` to `agentic`;
grant select on table `shop`.`dev_ana`.`stg_customers` to `agentic`;
grant select on table `shop`.`dev_ana`.`stg_orders` to `agentic`;
grant create schema on catalog `shop` to `agentic`;
