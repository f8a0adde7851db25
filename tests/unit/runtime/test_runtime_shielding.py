"""What may be a value goes out of an error's text; what is a name stays."""

from __future__ import annotations

import pytest

from agentic.runtime.shielding import without_values


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "Conversion Error: Could not convert string 'Zorblax Q' to INT32 when casting",
            "Conversion Error: Could not convert string '[masked]' to INT32 when casting",
        ),
        (
            'invalid input syntax for type integer: "Zorblax"',
            'invalid input syntax for type integer: "[masked]"',
        ),
        (
            "duplicate key value violates unique constraint\n"
            "DETAIL: Key (email)=(zorblax(at)example) already exists.",
            "duplicate key value [masked] unique constraint\n"
            "DETAIL: Key (email)=([masked]) already exists.",
        ),
        ("Invalid Input Error: Zorblax and more", "Invalid Input Error: [masked]"),
        (
            "Conversion Error: Type INT64 with value 4012888 can't be cast",
            "Conversion Error: Type INT64 with value [masked] can't be cast",
        ),
        ("could not convert 'O''Hara' \"x\"\"y\"", "could not convert '[masked]' \"[masked]\""),
        (
            'invalid value "Zorb" for "YYYY"',
            'invalid value "[masked]" for "[masked]"',
        ),
    ],
)
def test_values_go(message: str, shown: str) -> None:
    assert without_values(message) == shown


@pytest.mark.parametrize(
    "message",
    [
        'Binder Error: Referenced column "amount" not found, candidates: "amount_usd"',
        'column "amount" does not exist\nHINT: Perhaps "o.amount_usd"',
        'Parser Error: syntax error at or near "form"',
        'relation "raw.orders" does not exist',
        "Got 3 results, configured to fail if != 0",
    ],
)
def test_names_stay(message: str) -> None:
    assert without_values(message) == message
