"""Nothing secret or personal leaves, and ordinary text stays readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic.masking import MASK, mask_json, mask_rows, mask_text, remember_secret, text


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        pytest.param("mail ana.lopez+x@shop.example now", "ana.lopez", id="email"),
        pytest.param("postgres://bob:hunter22@db/x", "hunter22", id="url"),
        pytest.param("password=correct-horse", "correct-horse", id="assignment"),
        pytest.param('{"api_key": "abcdef123456"}', "abcdef123456", id="json"),
        pytest.param("Authorization: Bearer abc.def-ghi_jkl", "abc.def-ghi_jkl", id="bearer"),
        pytest.param("key sk-ant-api03-AAAABBBBCCCC-dd", "AAAABBBBCCCC", id="anthropic"),
        pytest.param("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE", id="aws"),
        pytest.param("card 4111 1111 1111 1111", "4111 1111", id="card"),
        pytest.param("ssn 078-05-1120", "078-05-1120", id="ssn"),
        pytest.param("call +44 20 7946 0958", "7946", id="phone"),
        pytest.param("call (415) 555-0132", "555-0132", id="us-phone"),
    ],
)
def test_it_is_gone(text: str, gone: str) -> None:
    assert gone not in mask_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "Binder Error: Referenced column amount not found, line 12:4",
        "order 10000000000000000001 at 2026-11-20 03:00:12.123456",
        "fingerprint 3fa9c0de12, 1234567 rows, 12.50",
        "select token_count from usage_tokens where keyword = 'x'",
        "2026-11-20 2026-11-21",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert mask_text(text) == text


def test_environment_secrets_are_known_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "plain words here")

    assert mask_text("it said: plain words here!") == "it said: [secret]!"


def test_a_remembered_secret_is_masked() -> None:
    remember_secret("z9-profile-value")

    assert "z9-profile-value" not in mask_text("x z9-profile-value y")


def test_rows_hide_named_columns_and_keep_nulls() -> None:
    rows = mask_rows(["id", "Email"], [[1, "a@b.co"], [2, None]], masked=["email"])

    assert rows == [[1, MASK], [2, None]]


def test_json_is_masked_inside_and_under_secret_names() -> None:
    masked = mask_json({"a": ["x@y.example"], "api_key": "short1"})

    assert masked == {"a": ["[email]"], "api_key": "[secret]"}


@pytest.mark.parametrize("name", ["key", "unique_key", "PRIMARY_KEY", "tokens", "monkey"])
def test_names_that_only_sound_secret(name: str) -> None:
    assert mask_json({name: "order_id"}) == {name: "order_id"}


@pytest.mark.parametrize("name", ["STRIPE_KEY", "apikey", "DB_PASSWORD", "github_token"])
def test_names_that_are_secret(name: str) -> None:
    assert mask_json({name: "order_id"}) == {name: "[secret]"}


@given(st.text(max_size=200))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = mask_text(text)

    assert mask_text(once) == once


_PIECES = (
    *(
        "password",
        "PASSWORD",
        "=",
        ": ",
        "abcdef123456",
        " ",
        "eyJ",
        "abcdefghij.",
        "AKIA",
        '"',
        "1",
    ),
    *(
        "IOSFODNN7EXAMPLE",
        "sk-ant-",
        "ghp_",
        "Bearer ",
        "bas\u0131c ",
        "https://",
        "u:p4ssw0rd",
        "-",
    ),
    *("@", "host.com", "api_key", "\u017fecret", "to\u212aen", "078-05-1120", "+44 20 7946 0958"),
    *("(415) 555-0132", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "GB", "333"),
    *("-", ".", "1"),
)


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join) | st.text())
def test_no_pattern_is_skipped_that_would_match(masked: str) -> None:
    """What is asked first only saves time: tried in full, no pattern finds more."""
    found = text._mask(masked, ())
    for pattern in text._PATTERNS:
        masked = pattern.expression.sub(pattern.replacement, masked)
    for expression, replacement in text._NUMBERS:
        masked = expression.sub(replacement, masked)
    masked = text._CARD.sub(text._card, text._IBAN.sub("[iban]", masked))

    assert found == masked
