"""What a silent change reads like, as a signal with its figures."""

from __future__ import annotations

import pytest

from agentic.history.anomalies import Notice
from agentic.project import Manifest, Metadata, Node, Source
from agentic.project.manifest import DependsOn
from agentic.triggers.anomalies import signal_of
from agentic.triggers.divided import divider_of
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
        (
            Notice("timezone", "paid_at", 0.0, -5.5, "", "the last green build"),
            "payments.paid_at is 5.5 hours earlier than it was, against the last green build",
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


def divided(marts: str) -> str | None:
    staging, mart = (
        Node(
            unique_id=f"model.shop.{name}",
            name=name,
            resource_type="model",
            package_name="shop",
            database="db",
            schema="main",
            alias=name,
            relation_name=f'"db"."main"."{name}"',
            compiled_code=code,
            depends_on=DependsOn(nodes=[parent]),
        )
        for name, code, parent in (
            ("stg", 'select id, price, qty as units from "db"."raw"."payments"', SOURCE.unique_id),
            ("mart", marts, "model.shop.stg"),
        )
    )
    raw = Source(
        **{name: getattr(SOURCE, name) for name in ("unique_id", "name", "source_name")},
        resource_type="source",
        package_name="shop",
        database="db",
        schema="raw",
        identifier="payments",
        relation_name='"db"."raw"."payments"',
    )
    manifest = Manifest(
        metadata=Metadata(),
        nodes={one.unique_id: one for one in (staging, mart)},
        sources={raw.unique_id: raw},
        parent_map={staging.unique_id: [raw.unique_id], mart.unique_id: [staging.unique_id]},
        child_map={raw.unique_id: [staging.unique_id], staging.unique_id: [mart.unique_id]},
    )
    found = divider_of(manifest, raw.unique_id, "qty", "duckdb")
    return found.name if found is not None else None


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ('select id, price / units as each from "db"."main"."stg"', "mart"),
        ('select id, price / nullif(units, 0) as each from "db"."main"."stg"', None),
        ('select id, units / price as each from "db"."main"."stg"', None),
    ],
)
def test_who_divides_by_a_column_is_found_under_its_other_name(code: str, name: str | None) -> None:
    assert divided(code) == name
