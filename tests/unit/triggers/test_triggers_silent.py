"""What a silent change reads like, as a signal with its figures."""

from __future__ import annotations

import pytest

from agentic.history.anomalies import Notice
from agentic.project import Source
from agentic.triggers.anomalies import signal_of
from agentic.triggers.grouping import fingerprint_of

SOURCE = Source(
    unique_id="source.shop.raw.payments",
    name="payments",
    source_name="raw",
    resource_type="source",
    package_name="shop",
    original_file_path="models/_sources.yml",
)


@pytest.mark.parametrize(
    ("notice", "words"),
    [
        (
            Notice("volume_drop", "", 30.0, 3.0, "2026-03-31", "60 days by paid_at"),
            "payments has 3 rows where 30 were usual since 2026-03-31, against 60 days by paid_at",
        ),
        (
            Notice("null_keys", "order_ref", 0.0, 0.9, "", "the last green build"),
            "payments.order_ref is null in 90% of the rows, against the last green build",
        ),
        (
            Notice("unit_scale_change", "amount", 26.0, 2600.0, "", "the last build", "cents"),
            "payments.amount is 100 times what it was on average (cents), against the last build",
        ),
        (
            Notice("value_shift", "channel", 0.0, 0.6, "", "the last green builds"),
            "payments.channel holds other values than before, against the last green builds",
        ),
    ],
)
def test_a_notice_is_one_sentence_and_its_figures(notice: Notice, words: str) -> None:
    signal = signal_of(SOURCE, notice)

    assert signal.message == words
    assert (signal.kind, signal.node) == ("anomaly", SOURCE.unique_id)
    assert signal.figures["change"] == notice.change
    assert (signal.figures["before"], signal.figures["now"]) == (notice.before, notice.now)


def test_the_same_change_on_another_day_is_the_same_incident() -> None:
    one = signal_of(SOURCE, Notice("volume_drop", "", 30.0, 3.0, "2026-03-31", "60 days by at"))
    two = signal_of(SOURCE, Notice("volume_drop", "", 31.0, 4.0, "2026-04-01", "60 days by at"))
    other = signal_of(SOURCE, Notice("null_keys", "id", 0.0, 0.9, "2026-04-01", "60 days by at"))

    assert fingerprint_of(one) == fingerprint_of(two)
    assert fingerprint_of(one) != fingerprint_of(other)
