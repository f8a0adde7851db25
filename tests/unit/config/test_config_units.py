"""Durations, sizes, items, nearest names."""

from __future__ import annotations

import pytest

from agentic.config import (
    did_you_mean,
    format_duration,
    format_size,
    nearest,
    parse_duration,
    parse_item,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("30m", 1800), ("1h", 3600), ("1h30m", 5400), ("1.5d", 129600)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-1m", "1 m", "1w", "1m ", "٣m", "1e3s"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("10GB", 10**10), ("1TB", 10**12), ("512MiB", 2**29), ("1.5 KB", 1500), ("0B", 0)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10", "GB", "10gb", "-1GB", "10XB", "1EB"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@pytest.mark.parametrize(("seconds", "text"), [(60, "1m"), (5400, "90m"), (1.5, "1.5s")])
def test_a_shown_duration_reads_back(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(("size", "text"), [(10**12, "1TB"), (1500, "1500B"), (0, "0B")])
def test_a_shown_size_reads_back(size: int, text: str) -> None:
    assert format_size(size) == text
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("tag:gold", "selection", "tag:gold"),
        ("+orders+", "selection", "+orders+"),
        ("path:models/marts/", "path", "models/marts"),
        ("path:models/a+", "selection", "path:models/a+"),
        ("path:a path:b", "selection", "path:a path:b"),
        ("relation:vault.*", "relation", "vault.*"),
        ("relation:db.vault.*", "relation", "db.vault.*"),
        ("column:raw.customers.ssn", "column", "raw.customers.ssn"),
    ],
)
def test_items(text: str, kind: str, value: str) -> None:
    item = parse_item(text)

    assert (item.kind, item.value) == (kind, value)


@pytest.mark.parametrize(
    "text",
    ["", "relation:a", "relation:a.b.c.d", "relation:a..b", "column:a.b", "path:..", "path:/a",
     "path:~/a", "path:c:/x", "path:a/../b", "+relation:a.b", "tag:a,column:a.b.c"],
)  # fmt: skip
def test_no_items(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_item(text)


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("run_slq", ["run_sql", "run"], "run_sql"),
        ("taem", ["team", "tier"], "team"),
        ("verdict", ["version", "read"], None),
        ("x", [], None),
        ("x" * 5000, ["y"], None),
    ],
)
def test_nearest(name: str, known: list[str], found: str | None) -> None:
    assert nearest(name, known) == found


def test_a_short_list_is_told_when_nothing_is_near() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == "known: a, b"
    assert did_you_mean("zzz", [f"name_{n}" for n in range(99)]) == ""
