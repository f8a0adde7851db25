"""What a proof is, and all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Outcome(NamedTuple):
    """What a proof found. It holds when nothing broke."""

    figures: dict[str, object]
    """Name -> number or text, in the order of the report."""
    broken: list[str]
    """A line for each case that did not hold; empty when all did."""


class Proof(NamedTuple):
    """A claim, and the function that tries to refute it in an empty folder."""

    name: str
    claim: str
    """One sentence for the report."""
    run: Callable[[Path], Outcome]


PROOFS: list[Proof] = []


def proof(
    name: str, claim: str
) -> Callable[[Callable[[Path], Outcome]], Callable[[Path], Outcome]]:
    """Register a function as a proof; it is returned unchanged."""

    def register(function: Callable[[Path], Outcome]) -> Callable[[Path], Outcome]:
        PROOFS.append(Proof(name, claim, function))
        return function

    return register
