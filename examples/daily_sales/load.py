"""Plays the tool that lands raw data: a shop's database and a payments vendor, day by day.

The same seed and days give the same rows, on DuckDB and on PostgreSQL. A day's rows depend on that
day alone, so `--day` appends exactly what a longer first load would have held.

    python load.py                                  # 90 days into warehouse.duckdb
    python load.py --day 2026-04-01                 # one day more
    python load.py --postgres postgresql://user@host/database
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

SEED = 20260101
FIRST_DAY = date(2026, 1, 1)
DAYS = 90
ORDERS_PER_DAY = (18, 34)
CUSTOMERS = 400
REFUND_AFTER_DAYS = 3
REFUND_SHARE = 0.04

TABLES: dict[str, tuple[tuple[str, str], ...]] = {
    "raw_shop.customers": (
        ("id", "integer"),
        ("first_name", "varchar"),
        ("last_name", "varchar"),
        ("email", "varchar"),
        ("country", "varchar"),
        ("created_at", "timestamp"),
    ),
    "raw_shop.products": (
        ("id", "integer"),
        ("sku", "varchar"),
        ("name", "varchar"),
        ("category", "varchar"),
        ("unit_price", "decimal(12, 2)"),
        ("unit_cost", "decimal(12, 2)"),
        ("updated_at", "timestamp"),
    ),
    "raw_shop.orders": (
        ("id", "integer"),
        ("customer_id", "integer"),
        ("status", "varchar"),
        ("channel", "varchar"),
        ("ordered_at", "timestamp"),
    ),
    "raw_shop.order_items": (
        ("id", "integer"),
        ("order_id", "integer"),
        ("product_id", "integer"),
        ("quantity", "integer"),
        ("unit_price", "decimal(12, 2)"),
        ("discount", "decimal(12, 2)"),
    ),
    "raw_shop.refunds": (
        ("id", "integer"),
        ("order_id", "integer"),
        ("amount", "decimal(12, 2)"),
        ("reason", "varchar"),
        ("refunded_at", "timestamp"),
    ),
    "raw_payments.payments": (
        ("payment_id", "varchar"),
        ("order_ref", "integer"),
        ("method", "varchar"),
        ("amount", "decimal(12, 2)"),
        ("state", "varchar"),
        ("captured_at", "timestamp"),
    ),
    "raw_payments.payouts": (
        ("payout_id", "varchar"),
        ("method", "varchar"),
        ("gross_amount", "decimal(12, 2)"),
        ("fee_amount", "decimal(12, 2)"),
        ("paid_out_on", "date"),
    ),
}

FIRST_NAMES = ("Ada", "Bo", "Chidi", "Dana", "Emre", "Fay", "Goro", "Hana", "Ivo", "Jun", "Kim")
LAST_NAMES = ("Abara", "Berg", "Costa", "Diaz", "Ekman", "Fujita", "Grant", "Haas", "Ito", "O'Neil")
COUNTRIES = ("DE", "FR", "GB", "JP", "NG", "US")
PRODUCTS = (
    ("espresso", ("Dark roast", "Light roast", "Decaf roast", "House blend")),
    ("tea", ("Green tea", "Black tea", "Mint tea")),
    ("equipment", ("Moka pot", "Hand grinder", "Pour-over stand", "Scale")),
    ("books", ("Brewing notes", "The tea atlas")),
)
CHANNELS = ("web", "app", "store")
METHODS = ("card", "bank_transfer", "wallet")
REASONS = ("damaged", "late", "changed_mind")
FEE = {"card": 0.019, "bank_transfer": 0.004, "wallet": 0.025}

Rows = dict[str, list[tuple[Any, ...]]]


def at(day: date, dice: random.Random) -> datetime:
    """A moment of the day."""
    return datetime(day.year, day.month, day.day) + timedelta(seconds=dice.randrange(86_400))


def dimension_rows() -> Rows:
    """Customers and products: what is there before the first order."""
    dice = random.Random(SEED)
    customers = []
    for number in range(1, CUSTOMERS + 1):
        first, last = dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)
        email = f"{first}.{last}.{number}@example.com".lower().replace("'", "")
        joined = at(FIRST_DAY - timedelta(days=dice.randrange(1, 400)), dice)
        customers.append((number, first, last, email, dice.choice(COUNTRIES), joined))
    products = []
    for category, names in PRODUCTS:
        for name in names:
            number = len(products) + 1
            price = round(dice.uniform(4, 90), 2)
            cost = round(price * dice.uniform(0.4, 0.7), 2)
            row = (number, f"SKU-{number:04d}", name, category, price, cost)
            products.append((*row, at(FIRST_DAY - timedelta(days=30), dice)))
    return {"raw_shop.customers": customers, "raw_shop.products": products}


def orders_of(day: date) -> list[dict[str, Any]]:
    """The day's orders with their items, the same whenever they are asked for."""
    dice = random.Random(f"{SEED}:{day.isoformat()}")
    prices = {row[0]: row[4] for row in dimension_rows()["raw_shop.products"]}
    orders = []
    for number in range(dice.randint(*ORDERS_PER_DAY)):
        order_id = (day - FIRST_DAY).days * 100 + number + 1
        items = []
        for line in range(dice.choice((1, 1, 2, 2, 3))):
            product = dice.choice(list(prices))
            quantity = dice.choice((1, 1, 1, 2, 3))
            off = round(prices[product] * quantity * 0.1, 2) if dice.random() < 0.2 else 0.0
            items.append((order_id * 10 + line, order_id, product, quantity, prices[product], off))
        orders.append(
            {
                "id": order_id,
                "customer": dice.randint(1, CUSTOMERS),
                "status": dice.choices(("completed", "shipped", "cancelled"), (80, 14, 6))[0],
                "channel": dice.choice(CHANNELS),
                "at": at(day, dice),
                "method": dice.choices(METHODS, (70, 10, 20))[0],
                "refunded": dice.random() < REFUND_SHARE,
                "reason": dice.choice(REASONS),
                "items": items,
                "total": round(sum(i[3] * i[4] - i[5] for i in items), 2),
            }
        )
    return orders


def day_rows(day: date) -> Rows:
    """Everything that both sources send for one day."""
    rows: Rows = {name: [] for name in TABLES}
    captured: dict[str, float] = {}
    for order in orders_of(day):
        key, moment = order["id"], order["at"]
        row = (key, order["customer"], order["status"], order["channel"], moment)
        rows["raw_shop.orders"].append(row)
        rows["raw_shop.order_items"].extend(order["items"])
        kept = order["status"] != "cancelled"
        state = "captured" if kept else "voided"
        paid = moment + timedelta(minutes=2)
        payment = (f"pay_{key:08d}", key, order["method"], order["total"], state, paid)
        rows["raw_payments.payments"].append(payment)
        if kept:
            captured[order["method"]] = captured.get(order["method"], 0.0) + order["total"]
    for method in sorted(captured):
        gross = round(captured[method], 2)
        payout = f"po_{day:%Y%m%d}_{method}"
        rows["raw_payments.payouts"].append(
            (payout, method, gross, round(gross * FEE[method], 2), day + timedelta(days=1))
        )
    refund_day = day - timedelta(days=REFUND_AFTER_DAYS)
    for order in orders_of(refund_day) if refund_day >= FIRST_DAY else []:
        if order["refunded"] and order["status"] != "cancelled":
            moment = order["at"] + timedelta(days=REFUND_AFTER_DAYS)
            half = round(order["total"] / 2, 2)
            row = (order["id"], order["id"], half, order["reason"], moment)
            rows["raw_shop.refunds"].append(row)
    return rows


def as_csv(rows: list[tuple[Any, ...]], loaded_at: datetime) -> str:
    """Rows as CSV text, each with the time it was landed."""
    text = io.StringIO()
    csv.writer(text).writerows([*row, loaded_at.isoformat(sep=" ")] for row in rows)
    return text.getvalue()


def create_statements(*, replace: bool) -> Iterator[str]:
    """DDL that DuckDB and PostgreSQL both read; every name in it is a constant of this file."""
    for schema in sorted({name.split(".")[0] for name in TABLES}):
        yield f"create schema if not exists {schema}"
    for name, columns in TABLES.items():
        if replace:
            yield f"drop table if exists {name} cascade"
        body = ", ".join(
            f"{column} {kind}" for column, kind in (*columns, ("_loaded_at", "timestamp"))
        )
        yield f"create table if not exists {name} ({body})"


def land_in_duckdb(path: Path, rows: Rows, loaded_at: datetime, *, replace: bool) -> None:
    """Write rows to a DuckDB file."""
    import duckdb  # noqa: PLC0415 - only one of the two drivers is needed

    with duckdb.connect(str(path)) as connection, tempfile.TemporaryDirectory() as folder:
        connection.execute("begin")
        for statement in create_statements(replace=replace):
            connection.execute(statement)
        for name, table_rows in rows.items():
            file = Path(folder) / f"{name}.csv"
            file.write_text(as_csv(table_rows, loaded_at), encoding="utf-8")
            if table_rows:
                connection.execute(f"copy {name} from '{file}' (header false)")
        connection.execute("update raw_shop.customers set _loaded_at = ?", [loaded_at])
        connection.execute("update raw_shop.products set _loaded_at = ?", [loaded_at])
        connection.execute("commit")
        connection.execute("checkpoint")


def land_in_postgres(url: str, rows: Rows, loaded_at: datetime, *, replace: bool) -> None:
    """Write rows to a PostgreSQL database."""
    import psycopg  # noqa: PLC0415

    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for statement in create_statements(replace=replace):
            cursor.execute(statement)
        for name, table_rows in rows.items():
            with cursor.copy(f"copy {name} from stdin (format csv)") as copy:
                copy.write(as_csv(table_rows, loaded_at))
        for table in ("customers", "products"):
            cursor.execute(f"update raw_shop.{table} set _loaded_at = %s", [loaded_at])


def collect(days: list[date], *, with_dimensions: bool) -> Rows:
    """Rows of some days, with customers and products for a first load."""
    rows: Rows = {name: [] for name in TABLES}
    parts = [dimension_rows()] if with_dimensions else []
    for part in (*parts, *(day_rows(day) for day in days)):
        for name, table_rows in part.items():
            rows[name].extend(table_rows)
    return rows


def main() -> int:
    """Parse the arguments and land the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    default = os.environ.get("DAILY_SALES_DUCKDB", "warehouse.duckdb")
    parser.add_argument("--duckdb", type=Path, default=Path(default), help="database file")
    parser.add_argument("--postgres", metavar="URL", help="land in PostgreSQL instead")
    parser.add_argument("--days", type=int, default=DAYS, help="days of a first load")
    parser.add_argument("--day", type=date.fromisoformat, help="append this day only")
    parser.add_argument("--loaded-at", type=datetime.fromisoformat, help="UTC; default: now")
    options = parser.parse_args()

    first = options.day is None
    days = [FIRST_DAY + timedelta(days=n) for n in range(options.days)] if first else [options.day]
    rows = collect(days, with_dimensions=first)
    loaded_at = options.loaded_at or datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    if options.postgres:
        land_in_postgres(options.postgres, rows, loaded_at, replace=first)
    else:
        land_in_duckdb(options.duckdb, rows, loaded_at, replace=first)
    count = sum(len(table_rows) for table_rows in rows.values())
    print(f"landed {count} rows of {len(days)} day(s) in {len(TABLES)} tables")
    return 0


if __name__ == "__main__":
    sys.exit(main())
