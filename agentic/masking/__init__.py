"""PII and secrets out of any text or row, before it enters a history, a log or a review."""

from agentic.masking.rows import MASK, mask_rows, mask_value
from agentic.masking.secrets import looks_secret, remember_secret
from agentic.masking.text import mask_json, mask_text

__all__ = [
    "MASK",
    "looks_secret",
    "mask_json",
    "mask_rows",
    "mask_text",
    "mask_value",
    "remember_secret",
]
