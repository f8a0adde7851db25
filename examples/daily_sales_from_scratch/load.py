"""Lands the two raw sources in a DuckDB file: a shop's orders and a vendor's payments.

python load.py                  # two weeks into warehouse.duckdb
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import duckdb

STATEMENTS = (
    "create schema if not exists raw_shop",
    "create schema if not exists raw_payments",
    """
    create or replace table raw_shop.orders as
    select
        i as id,
        1 + i % 23 as customer_id,
        case when i % 17 = 0 then 'cancelled' else 'completed' end as status,
        timestamp '2026-01-01 08:00:00' + to_minutes((i * 41)::integer) as ordered_at
    from range(1, 481) as numbers(i)
    """,
    # Every fifth order is paid in two parts; a cancelled one is voided.
    """
    create or replace table raw_payments.payments as
    select
        'pay_' || i || '_' || part as payment_id,
        i as order_ref,
        case
            when i % 5 > 0 then amount
            when part = 1 then 5.00
            else amount - 5.00
        end::decimal(12, 2) as amount,
        case when i % 17 = 0 then 'voided' else 'captured' end as state,
        timestamp '2026-01-01 08:02:00' + to_minutes((i * 41)::integer) as captured_at
    from (select i, (10 + i * 7 % 90)::decimal(12, 2) as amount from range(1, 481) as numbers(i))
    cross join range(1, 3) as parts(part)
    where part = 1 or i % 5 = 0
    """,
)


def main() -> int:
    """Parse the arguments and land the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    default = os.environ.get("DAILY_SALES_DUCKDB", "warehouse.duckdb")
    parser.add_argument("--duckdb", type=Path, default=Path(default), help="database file")
    options = parser.parse_args()
    with duckdb.connect(str(options.duckdb)) as connection:
        for statement in STATEMENTS:
            connection.execute(statement)
        orders = connection.execute("select count(*) from raw_shop.orders").fetchone()
        payments = connection.execute("select count(*) from raw_payments.payments").fetchone()
    print(f"landed {orders[0]} orders and {payments[0]} payments")
    return 0


if __name__ == "__main__":
    sys.exit(main())
