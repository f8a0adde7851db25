"""Durations and sizes as people write them, to seconds and bytes."""

from __future__ import annotations

import re

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
BYTES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "PB": 10**15,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
DURATION_PATTERN = r"^([0-9]{1,6}(\.[0-9]{1,3})?[smhd])+$"
SIZE_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,3})? ?(B|[KMGTP]B|[KMGT]iB)$"


def parse_duration(text: str) -> float:
    """Seconds of `60s`, `30m`, `1h30m`. Raises ValueError."""
    if not re.match(DURATION_PATTERN, text, re.ASCII):
        raise ValueError(f"{text[:40]!r} is not a duration")
    parts = re.findall(r"([0-9.]+)([smhd])", text)
    return float(sum(float(number) * SECONDS[unit] for number, unit in parts))


def format_duration(seconds: float) -> str:
    """`31m` of 1860."""
    for unit in ("h", "m"):
        if seconds >= SECONDS[unit] and seconds % SECONDS[unit] == 0:
            return f"{seconds / SECONDS[unit]:g}{unit}"
    return f"{seconds:g}s"


def format_size(size: int) -> str:
    """`10GB` of 10,000,000,000; the largest unit of ten that divides it."""
    for unit in ("PB", "TB", "GB", "MB", "KB"):
        if size and size % BYTES[unit] == 0:
            return f"{size // BYTES[unit]}{unit}"
    return f"{size}B"


def parse_size(text: str) -> int:
    """Bytes of `10GB`, `1TB`, `512MiB`. Raises ValueError."""
    found = re.match(SIZE_PATTERN, text, re.ASCII)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a size")
    number = re.match(r"[0-9.]+", text)
    assert number is not None
    return int(float(number.group()) * BYTES[found.group(2)])
