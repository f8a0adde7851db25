"""Which nodes an edit of a properties file changes: those whose entry it touches."""

from __future__ import annotations

import pytest

from agentic.checks.reach import nodes_of_edits
from agentic.project import Manifest, Metadata, Node, Source
from agentic.records import Edit

PATH = "models/all.yml"
TEXT = """version: 2
models:
  - name: orders
    columns:
      - name: id
sources:
  - name: raw
    schema: landing
    tables:
      - name: orders
      - name: items
        description: lines
metrics:
  - name: revenue
    label: Revenue
  - name: cost
    label: Cost
"""


def node(uid: str, kind: str) -> Node:
    return Node(
        unique_id=uid,
        name=uid.rsplit(".", 1)[-1],
        resource_type=kind,
        package_name="shop",
        original_file_path=PATH,
    )


def table(name: str) -> Source:
    return Source(
        unique_id=f"source.shop.raw.{name}",
        name=name,
        source_name="raw",
        resource_type="source",
        package_name="shop",
        original_file_path=PATH,
    )


def changed(old: str, new: str) -> set[str]:
    others = [node(f"metric.shop.{name}", "metric") for name in ("revenue", "cost")]
    others.append(node("unit_test.shop.orders.sums", "unit_test"))
    manifest = Manifest(
        metadata=Metadata(),
        nodes={one.unique_id: one for one in others},
        sources={one.unique_id: one for one in (table("orders"), table("items"))},
    )
    edit = Edit(path=PATH, before=TEXT, after=TEXT.replace(old, new))
    return {uid.split(".", 2)[2] for uid in nodes_of_edits([edit], manifest, "shop")}


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("- name: id", "- name: order_id", set()),
        ("label: Cost", "label: Costs", {"cost"}),
        ("    label: Cost\n", "", {"cost"}),
        ("description: lines", "description: rows", {"raw.items"}),
        ("schema: landing", "schema: other", {"raw.orders", "raw.items"}),
        ("  - name: cost\n    label: Cost\n", "", {"revenue", "cost"}),
        ("version: 2", "version: 3", set()),
        ("label: Cost", "label: [", {"raw.orders", "raw.items", "revenue", "cost"}),
        ("label: Cost", "label: &x Cost", {"raw.orders", "raw.items", "revenue", "cost"}),
        ("nothing", "of it", set()),
    ],
)
def test_only_entries_that_an_edit_touches_count(old: str, new: str, names: set[str]) -> None:
    assert changed(old, new) == names
