"""Sentences that begin with a name keep the name as it is."""

from __future__ import annotations

import pytest

from agentic.records import sentence_start


@pytest.mark.parametrize(
    ("said", "begins"),
    [
        ("it is nested too deeply", "It is nested too deeply"),
        ("raw.orders is not listed", "raw.orders is not listed"),
        ("stg_orders reads it", "stg_orders reads it"),
        ("the name Amount is back", "The name Amount is back"),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_letter_but_for_a_name(said: str, begins: str) -> None:
    assert sentence_start(said) == begins
