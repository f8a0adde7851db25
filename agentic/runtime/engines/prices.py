"""What tokens cost. The SDK has no prices: a dated file ships, and can be overridden."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from agentic.exceptions import EngineError


class Price(msgspec.Struct, frozen=True):
    """USD per million tokens."""

    input: float
    output: float
    cache_write: float | None = None
    cache_read: float | None = None


class _File(msgspec.Struct, frozen=True):
    as_of: str
    models: dict[str, Price]


def price_of(model: str) -> Price:
    """The price of a model. Raises EngineError when it is not in the file: a cost that cannot be
    counted cannot be limited."""
    path = Path(os.environ.get("AGENTIC_PRICES") or Path(__file__).with_name("prices.json"))
    try:
        prices = msgspec.json.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.MsgspecError) as error:
        raise EngineError(
            f"the price file cannot be read: {error}",
            where=str(path),
            hint="Set AGENTIC_PRICES to a file like the one that ships with agentic.",
        ) from error
    if model not in prices.models:
        raise EngineError(
            f"no price is known for the model {model!r}, so `limits.cost_usd` cannot hold",
            hint=f"Known: {', '.join(sorted(prices.models))}; add others with AGENTIC_PRICES=FILE.",
        )
    return prices.models[model]


def cost_usd(price: Price, *, fresh: int, written: int, read: int, output: int) -> float:
    """USD for one request: tokens uncached, written to the cache, read from it, and out."""
    write = price.input if price.cache_write is None else price.cache_write
    cached = price.input if price.cache_read is None else price.cache_read
    total = fresh * price.input + written * write + read * cached + output * price.output
    return total / 1_000_000
