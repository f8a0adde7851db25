"""A test whose wrong name is corrected is another test to dbt: which one takes its place."""

from __future__ import annotations

from typing import Any

import pytest

from agentic.checks.red_green import heirs_alike
from agentic.project import Node
from agentic.project.manifest import TestMetadata as About


def generic(column: str, kind: str = "not_null", node: str = "orders", **more: Any) -> Node:
    return Node(
        unique_id=f"test.shop.{kind}_{node}_{column}",
        name=kind,
        resource_type="test",
        package_name="shop",
        attached_node=f"model.shop.{node}",
        column_name=column,
        test_metadata=About(name=kind, kwargs={"column_name": column, **more}),
    )


@pytest.mark.parametrize(
    ("new", "heir"),
    [
        (generic("day"), True),
        (generic("day", node="customers"), False),
        (generic("day", "unique"), False),
        (generic("day", where="false"), False),
        (generic("day_old"), False),
    ],
)
def test_only_the_same_test_under_another_column_takes_its_place(new: Node, heir: bool) -> None:
    assert heirs_alike(generic("day_old"), new) is heir
