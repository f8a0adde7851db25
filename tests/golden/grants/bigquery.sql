-- not readable: shop.raw.customers (a column of it is denied, and bigquery grants whole relations)
-- not readable: shop.raw.orders (read.deny: relation:raw.orders)
-- masked by agentic, not by the warehouse: shop.dev_ana.people (*)
-- masked by agentic, not by the warehouse: shop.dev_ana.stg_customers (Email)
-- dbt makes tables and views anew, and a new one has no grants: run this again after a build, or set `+grants: {select: [agentic]}` where the whole relation is readable
-- to run queries and make datasets of its own: gcloud projects add-iam-policy-binding shop --member=agentic --role=roles/bigquery.user
-- a member has no timeout: write `job_execution_timeout_seconds: 1800` in the target of profiles.yml
grant `roles/bigquery.dataViewer` on table `shop`.`dev_ana`.`orders` to "agentic";
grant `roles/bigquery.dataViewer` on table `shop`.`dev_ana`.`people` to "agentic";
grant `roles/bigquery.dataViewer` on table `shop`.`dev_ana`.`stg_customers` to "agentic";
grant `roles/bigquery.dataViewer` on table `shop`.`dev_ana`.`stg_orders` to "agentic";
create schema if not exists `shop`.`agentic_fixed`;
grant `roles/bigquery.dataEditor` on schema `shop`.`agentic_fixed` to "agentic";
