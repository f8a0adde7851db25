"""How fast the SQL policy judges 200 statements in ten dialects, beside sqlglot's bare parse.

    python benchmarks/sql_policy.py [--repeat N] [--output json]

Prints p50, p95 and max in milliseconds per verdict and per bare parse, statements a second, the
ratio of the p95s, and the same for sqlfluff's parse where sqlfluff is installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import sqlglot

from agentic.policy import World, judge_sql

FIXTURE = Path(__file__).parents[1] / "tests" / "fixtures" / "sql_verdicts.jsonl"
MOST_OVER_PARSE = 4.0


def statements(count: int) -> list[tuple[str, str, str]]:
    """An even sample over the labelled set: (sql, dialect, role), those that sqlglot parses."""
    cases = [json.loads(line) for line in FIXTURE.read_text(encoding="utf-8").splitlines()]
    cases = [case for case in cases if case["verdict"] == "allow" and len(case["sql"]) > 60]
    step = max(len(cases) // count, 1)
    return [(case["sql"], case["dialect"], case["role"]) for case in cases[::step]][:count]


def measure(action: Callable[[str, str, str], object], repeat: int, count: int) -> list[float]:
    """Best of `repeat` in milliseconds for each statement."""
    times = []
    for sql, dialect, role in statements(count):
        best = float("inf")
        for _ in range(repeat):
            start = time.perf_counter()
            action(sql, dialect, role)
            best = min(best, time.perf_counter() - start)
        times.append(best * 1000)
    return times


def summary(times: list[float]) -> dict[str, float]:
    """p50, p95, max and statements a second."""
    ordered = sorted(times)
    return {
        "p50_ms": round(statistics.median(ordered), 3),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 3),
        "max_ms": round(ordered[-1], 3),
        "per_second": round(1000 * len(ordered) / sum(ordered)),
    }


def main() -> int:
    """Measure and print. Returns 1 when the p95 is more than four times the bare parse's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--output", choices=["text", "json"], default="text")
    options = parser.parse_args()
    world = labelled_world()

    def judge_afresh(sql: str, dialect: str, role: str) -> object:
        world.__dict__.pop("verdicts", None)
        return judge_sql(sql, dialect=dialect, role=role, world=world)  # type: ignore[arg-type]

    def judge_again(sql: str, dialect: str, role: str) -> object:
        return judge_sql(sql, dialect=dialect, role=role, world=world)  # type: ignore[arg-type]

    def parse(sql: str, dialect: str, _role: str) -> object:
        return sqlglot.parse_one(sql, dialect=dialect)

    results = {
        "parse_one": summary(measure(parse, options.repeat, options.count)),
        "judge_sql": summary(measure(judge_afresh, options.repeat, options.count)),
        "judge_sql again": summary(measure(judge_again, options.repeat, options.count)),
    }
    if importlib.util.find_spec("sqlfluff") is not None:
        results["sqlfluff parse"] = summary(measure(fluff, 1, min(options.count, 40)))
    ratio = results["judge_sql"]["p95_ms"] / results["parse_one"]["p95_ms"]
    if options.output == "json":
        print(json.dumps({"results": results, "p95_over_parse": round(ratio, 2)}))
    else:
        for name, figures in results.items():
            print(f"{name:16}", "  ".join(f"{key} {value}" for key, value in figures.items()))
        print(f"p95 over bare parse: {ratio:.2f} (at most {MOST_OVER_PARSE})")
    return int(ratio > MOST_OVER_PARSE)


def fluff(sql: str, dialect: str, _role: str) -> object:
    """sqlfluff's parse of the same statement."""
    sqlfluff = importlib.import_module("sqlfluff")
    return sqlfluff.parse(sql, dialect={"databricks": "databricks"}.get(dialect, dialect))


def labelled_world() -> World:
    """The world of the labelled set."""
    path = Path(__file__).parents[1] / "tests" / "fixtures" / "sql_world.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    return World.from_guardrails(
        raw["guardrails"],
        raw["relations"],
        default_schema=raw["default_schema"],
        default_database=raw["default_database"],
    )


if __name__ == "__main__":
    raise SystemExit(main())
