"""Rows that a green reader made of another column of the same name have to change."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agentic.checks import Subject
from agentic.checks.given_back import given_back
from agentic.lineage import Graph
from agentic.project import Manifest, Metadata, Node
from agentic.project.manifest import DependsOn
from agentic.warehouse import Column, Relation

PARENT, READER, BELOW = "model.shop.months", "model.shop.churned", "model.shop.all_months"
READS = 'select id, false as is_last from "db"."main"."months" where is_last'


def node(name: str, code: str, parents: list[str]) -> Node:
    return Node(
        unique_id=f"model.shop.{name}",
        name=name,
        resource_type="model",
        package_name="shop",
        database="db",
        schema="main",
        alias=name,
        relation_name=f'"db"."main"."{name}"',
        compiled_code=code,
        raw_code=code,
        depends_on=DependsOn(nodes=parents),
    )


class Live:
    """The columns of relations, by schema and name."""

    def __init__(self, **columns: str) -> None:
        self.known = columns

    def columns(self, relation: Relation) -> tuple[Column, ...]:
        text = self.known.get(f"{relation.schema}_{relation.identifier}", "")
        return tuple(Column(name, "INTEGER") for name in text.split())


def said(uid: str, reads: str, before: str, after: str) -> str:
    nodes = [
        node("months", "select 1 as id", []),
        node("churned", reads, [PARENT]),
        node("all_months", 'select * from "db"."main"."churned"', [READER]),
    ]
    manifest = Manifest(
        metadata=Metadata(project_name="shop"),
        nodes={one.unique_id: one for one in nodes},
        parent_map={PARENT: [], READER: [PARENT], BELOW: [READER]},
        child_map={PARENT: [READER], READER: [BELOW], BELOW: []},
    )
    nothing: Any = None
    subject = Subject(nothing, nothing, manifest, Graph(manifest), "duckdb")
    sides = [{PARENT: Relation("db", place, "months")} for place in ("old", "new")]
    live = cast("Any", Live(old_months=before, new_months=after))
    return given_back(subject, live, uid, *sides)


@pytest.mark.parametrize("uid", [READER, BELOW])
def test_a_reader_of_a_column_that_was_not_there_had_wrong_rows(uid: str) -> None:
    assert "churned read is_last" in said(uid, READS, "id is_last_value", "id is_last")


def test_no_other_difference_is_excused() -> None:
    assert said(READER, READS, "id is_last", "id is_last") == ""
    assert said(PARENT, READS, "id is_last_value", "id is_last") == ""
    other = 'select id from "db"."main"."months"'
    assert said(READER, other, "id is_last_value", "id is_last") == ""
    assert said(READER, READS, "", "id is_last") == "", "a relation that cannot be asked"
