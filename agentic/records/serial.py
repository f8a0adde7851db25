"""Records to JSON and back, and the one content hash that the whole project uses."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def dump(record: object) -> Any:
    """A record as JSON-ready builtins (dict, list, str, int, float, bool, None)."""
    return msgspec.to_builtins(record)


def load(shape: type[T], value: object) -> T:
    """Builtins back to a record of `shape`. Raises `msgspec.ValidationError` on a mismatch."""
    return msgspec.convert(value, shape)


def dumps(value: object, *, indent: int = 0) -> str:
    """Canonical JSON text: keys sorted, so that equal values give equal bytes."""
    raw = msgspec.json.encode(value, order="sorted")
    if indent:
        raw = msgspec.json.format(raw, indent=indent)
    return raw.decode()


def loads(text: str | bytes, shape: type[T]) -> T:
    """JSON text to a record of `shape`. Raises `msgspec.ValidationError` or `DecodeError`."""
    return msgspec.json.decode(text, type=shape)


def content_hash(value: object) -> str:
    """SHA-256 (hex, 64 characters) of the canonical JSON of a value."""
    return hashlib.sha256(dumps(value).encode()).hexdigest()
