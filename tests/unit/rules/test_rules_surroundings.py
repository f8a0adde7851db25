"""What lies outside the project is never answered by an edit; what nobody knows is said."""

from __future__ import annotations

import pytest
from rules_world import World, case_of, failed, model, source

NODE = model("orders", "select 1", [])


@pytest.mark.parametrize(
    ("message", "cls", "decision"),
    [
        pytest.param(
            'IO Error: Could not set lock on file "shop.duckdb": Conflicting lock is held',
            "transient",
            "wait",
            id="lock",
        ),
        pytest.param(
            "could not connect to server: Connection refused", "transient", "wait", id="connection"
        ),
        pytest.param(
            "permission denied for table customers", "permission_denied", "escalate", id="grant"
        ),
        pytest.param(
            'password authentication failed for user "ci"',
            "credentials_expired",
            "escalate",
            id="password",
        ),
        pytest.param(
            "could not extend file: No space left on device", "disk_full", "escalate", id="disk"
        ),
        pytest.param(
            "Out of Memory Error: could not allocate block",
            "resource_exhausted",
            "escalate",
            id="memory",
        ),
        pytest.param(
            "canceling statement due to statement timeout", "timeout", "escalate", id="timeout"
        ),
        pytest.param(
            "dbt found 1 package(s) specified in packages.yml, but only 0 package(s) installed "
            'in dbt_packages. Run "dbt deps" to install package dependencies.',
            "package_missing",
            "escalate",
            id="deps",
        ),
        pytest.param(
            "This version of dbt is not supported with the 'shop' package.",
            "version_mismatch",
            "escalate",
            id="version",
        ),
    ],
)
def test_surroundings_are_named_and_nothing_is_edited(
    message: str, cls: str, decision: str
) -> None:
    world = World()

    report = world.run(case_of([NODE], failed("model.shop.orders", message)))

    assert report["finding"]["cls"] == cls
    assert report["decision"] == decision
    assert report["finding"]["next_step"]
    assert world.names() == ["submit_report"]


def test_the_missing_grant_is_spelt_out() -> None:
    report = World().run(
        case_of([NODE], failed("model.shop.orders", "permission denied for schema raw"))
    )

    assert "grant usage on schema raw" in report["finding"]["next_step"]


def test_an_unknown_failure_says_what_was_ruled_out() -> None:
    report = World().run(case_of([NODE], failed("model.shop.orders", "something new")))

    assert report["finding"]["code"] == "AR000"
    assert report["decision"] == "escalate"
    assert "Ruled out" in report["finding"]["evidence"][-1]["text"]


def test_a_stale_source_is_compared_with_its_siblings() -> None:
    nodes = [source("orders", loaded_at_field="loaded_at"), source("refunds")]
    incident = failed("source.shop.raw.orders", "last loaded at 2026-01-01", "source_stale")

    report = World().run(case_of(nodes, incident))

    assert report["finding"]["cls"] == "stale_source"
    assert report["finding"]["root_cause"]["column"] == "loaded_at"
    assert report["decision"] == "escalate"


@pytest.mark.parametrize(
    "message",
    [
        "Table with name orders does not exist!",
        'Not able to get columns for unit test \'orders\' from relation "db"."raw"."orders" '
        "because the relation doesn't exist",
    ],
)
def test_a_missing_table_names_the_one_that_fits(message: str) -> None:
    nodes = [
        source("orders"),
        model("stg", "select id from {{ source('raw', 'orders') }}", ["source.shop.raw.orders"]),
    ]
    world = World(
        answers=[
            ("information_schema", [{"table_name": "orders_v2", "column_name": "id"}]),
        ]
    )

    report = world.run(case_of(nodes, failed("model.shop.stg", message)))

    assert report["finding"]["cls"] == "source_table_missing"
    assert report["finding"]["root_cause"]["observed"] == "orders_v2"
    assert report["decision"] == "escalate"
    assert "edit_file" not in world.names()
