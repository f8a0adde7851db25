"""Patterns of secrets and of personal data in free text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from agentic.masking.secrets import known_secrets, looks_secret


class _Pattern(NamedTuple):
    """What to hide. Text in which none of `signs` stands cannot match: that is asked first, since
    nearly all text is ordinary and most of these patterns try every letter of it."""

    expression: re.Pattern[str]
    replacement: str
    signs: tuple[str, ...]
    """In lower case."""


# Hostile text must not cost more than its length: no pattern scans far from each of many starts.
_PATTERNS: tuple[_Pattern, ...] = (
    _Pattern(
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.{0,8000}?"
            r"-----END [A-Z ]{0,40}PRIVATE KEY-----",
            re.S,
        ),
        "[secret]",
        ("-----begin",),
    ),
    _Pattern(
        re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{8,4000}+\.[\w-]{8,}+\.[\w-]*"),
        "[secret]",
        ("eyj",),
    ),
    _Pattern(re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "[secret]", ("akia", "asia")),
    _Pattern(
        re.compile(r"\b(?:sk-(?:ant-)?|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|dapi)[\w-]{12,}"),
        "[secret]",
        ("sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "dapi"),
    ),
    _Pattern(
        re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{12,}"), r"\1 [secret]", ("bearer", "basic")
    ),
    # scheme://user:password@host
    _Pattern(
        re.compile(r"(?i)([a-z][a-z0-9+.-]{0,30}://[^\s/:@]{1,300}):[^\s/@]{1,1000}@"),
        r"\1:[secret]@",
        ("://",),
    ),
    _Pattern(
        re.compile(
            r"(?i)(password|passwd|pwd|secret|token|api_?key|private_key)"
            r"(\"?'?\s*[:=]\s*)(\"[^\"]{4,}\"|'[^']{4,}'|[^\s,;'\"(){}\[\]]{6,})"
        ),
        r"\1\2[secret]",
        ("password", "passwd", "pwd", "secret", "token", "api_key", "apikey", "private_key"),
    ),
    _Pattern(re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[email]", ("@",)),
)
_NUMBERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), "[ssn]"),
    (re.compile(r"(?<![\w+])\+\d{1,3}[ .-]?(?:\(?\d{2,4}\)?[ .-]?){2,4}\d{2,4}(?!\w)"), "[phone]"),
    (re.compile(r"(?<![\w-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"), "[phone]"),
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\w-])(?:\d[ -]?){12,18}\d(?![\w-])")
_TWO_DIGITS = re.compile(r"\d\d")
_LONG_NUMBER = re.compile(r"\d[\d .()-]{6}")
"""Seven places of digits and what stands between them: no number that is hidden is shorter."""


def mask_text(text: str) -> str:
    """The text without secrets, mail addresses, phone, card, bank and social security numbers."""
    return _mask(text, known_secrets())


def _mask(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, "[secret]")
    # Of other letters some are the small forms of ASCII ones in one place and not in another.
    low = text.lower() if text.isascii() else None
    for pattern in _PATTERNS:
        if low is None or any(map(low.__contains__, pattern.signs)):
            text = pattern.expression.sub(pattern.replacement, text)
    return _mask_numbers(text)


def _mask_numbers(text: str) -> str:
    long = _LONG_NUMBER.search(text) is not None
    if long:
        for pattern, replacement in _NUMBERS:
            text = pattern.sub(replacement, text)
    if _TWO_DIGITS.search(text):
        text = _IBAN.sub("[iban]", text)
    return _CARD.sub(_card, text) if long else text


def mask_json(value: Any) -> Any:
    """Every string inside a JSON value masked; values under a secret's name are masked whole."""
    secrets = known_secrets()
    return _walk(value, lambda text: _mask(text, secrets))


def _walk(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {
            key: "[secret]"
            if isinstance(inner, str) and inner and looks_secret(str(key))
            else _walk(inner, mask)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_walk(inner, mask) for inner in value]
    return value


def _card(match: re.Match[str]) -> str:
    digits = [int(char) for char in match.group() if char.isdigit()]
    # Luhn's formula (ISO/IEC 7812-1, annex B); other long numbers are ids and stay readable.
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return "[card]" if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 else match.group()
