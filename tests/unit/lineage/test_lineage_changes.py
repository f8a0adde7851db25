"""What changed code changes below it, and lineage of what is odd, broken or hostile."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from agentic.lineage import (
    ColumnLineage,
    Consequences,
    Graph,
    changes_of,
    column_lineage,
    consequences,
    drawing,
    impact,
    resolve,
)
from agentic.project import Manifest

RAW = "source.shop.raw.orders"
STG, MART, TOP = "model.shop.stg", "model.shop.mart", "model.shop.top"
CODE = {
    STG: "select id, amount, status from {{ source('raw', 'orders') }}",
    MART: "select *, amount * 2 as twice from {{ ref('stg') }}",
    TOP: "select id, twice, status from {{ ref('mart') }}",
}
Code = Mapping[str, str]


def project(code: Code = CODE, **more: Mapping[str, object]) -> Manifest:
    names = {"stg": RAW, "mart": STG, "top": MART}
    nodes: dict[str, dict[str, object]] = {}
    for uid, text in code.items():
        name = uid.rpartition(".")[2]
        parents = [names[name]] if name in names else []
        nodes[uid] = {
            "unique_id": uid,
            "name": name,
            "alias": name,
            "resource_type": "model",
            "package_name": "shop",
            "schema": "main",
            "original_file_path": f"models/{name}.sql",
            "fqn": ["shop", name],
            "config": {"materialized": "table"},
            "raw_code": text,
            "depends_on": {"nodes": parents, "macros": []},
            **more.get(name, {}),
        }
    orders = {"unique_id": RAW, "name": "orders", "source_name": "raw", "identifier": "orders"}
    return made(nodes, {RAW: {**orders, "resource_type": "source", "schema": "raw"}})


def made(
    nodes: Mapping[str, Mapping[str, object]], sources: Mapping[str, Mapping[str, object]]
) -> Manifest:
    parents: dict[str, list[str]] = {uid: [] for uid in sources}
    for uid, one in nodes.items():
        depends = one.get("depends_on") or {}
        assert isinstance(depends, dict)
        parents[uid] = [str(up) for up in depends.get("nodes", [])]
    children: dict[str, list[str]] = {uid: [] for uid in parents}
    for uid, ups in parents.items():
        for up in ups:
            children.setdefault(up, []).append(uid)
    return msgspec.convert(
        {
            "metadata": {"adapter_type": "duckdb", "project_name": "shop"},
            "nodes": nodes,
            "sources": sources,
            "parent_map": parents,
            "child_map": children,
        },
        Manifest,
    )


def traced(manifest: Manifest) -> ColumnLineage:
    schemas = {RAW: {"id": "integer", "amount": "integer", "status": "varchar"}}
    return column_lineage(manifest, schemas=schemas, dialect="duckdb")


def told(before: Mapping[str, str | None], after: Mapping[str, str | None],
         manifest: Manifest | None = None) -> Consequences:  # fmt: skip
    manifest = manifest or project()
    lineage = traced(manifest)
    found = changes_of(before, after, manifest=manifest, lineage=lineage, dialect="duckdb")
    return consequences(
        found, manifest=manifest, graph=Graph(manifest), lineage=lineage, dialect="duckdb"
    )


def stg(text: str) -> Consequences:
    return told({"models/stg.sql": CODE[STG]}, {"models/stg.sql": text})


def columns(found: Consequences) -> list[tuple[str, str]]:
    return [(one.node, one.column) for one in found.columns]


def test_a_comment_is_no_change() -> None:
    found = stg(CODE[STG].replace("select", "-- look\nSELECT"))

    assert found.verdict == "non_breaking"
    assert [one.change for one in found.changes] == ["none"]
    assert (found.nodes, found.fails) == ((), ())


def test_an_added_column_breaks_nothing() -> None:
    found = stg(CODE[STG].replace("amount,", "amount, 1 as one,"))

    assert (found.verdict, found.fails, found.nodes) == ("non_breaking", (), ())


def test_a_gone_column_breaks_the_first_that_names_it_even_behind_a_star() -> None:
    dropped = stg(CODE[STG].replace(", status", ""))
    renamed = stg(CODE[STG].replace("amount", "amount as total"))

    assert (dropped.verdict, dropped.fails) == ("breaking", (TOP,))
    assert columns(dropped) == [(MART, "status"), (TOP, "status")]
    assert renamed.fails == (MART,)
    assert columns(renamed) == [(MART, "amount"), (MART, "twice"), (TOP, "twice")]


def test_another_expression_reaches_what_is_made_of_it_and_no_more() -> None:
    found = stg(CODE[STG].replace("amount", "amount + 1 as amount"))

    assert (found.verdict, found.fails, found.rows) == ("breaking", (), ())
    assert columns(found) == [(MART, "amount"), (MART, "twice"), (TOP, "twice")]


def test_a_filter_changes_all_below() -> None:
    found = stg(CODE[STG] + " where id > 3")

    assert found.verdict == "breaking"
    assert found.rows == (MART, STG, TOP)


def test_contracts_fail_by_themselves() -> None:
    contract = {
        "config": {"contract": {"enforced": True}},
        "columns": {name: {"name": name} for name in ("id", "amount", "status")},
    }
    manifest = project(stg=contract)
    before = {"models/stg.sql": CODE[STG]}
    added = told(before, {"models/stg.sql": CODE[STG].replace("id,", "id, 1 as one,")}, manifest)
    dropped = told(before, {"models/stg.sql": CODE[STG].replace(", status", "")}, manifest)

    assert (added.verdict, added.fails) == ("breaking", (STG,))
    assert dropped.fails == (STG, TOP)
    assert dropped.contracts == (STG,)


def test_files_that_come_and_go() -> None:
    gone = told({"models/mart.sql": CODE[MART]}, {"models/mart.sql": None})
    new = told({"models/new.sql": None}, {"models/new.sql": "select 1 as one"})
    other = told({"README.md": "a"}, {"README.md": "b"})

    assert (gone.verdict, gone.fails) == ("breaking", (TOP,))
    assert [(one.node, one.change) for one in new.changes] == [("models/new.sql", "added")]
    assert new.verdict == "non_breaking"
    assert other.changes == ()


def test_seeds_by_their_columns_and_macros_not_at_all() -> None:
    seed = {
        "unique_id": "seed.shop.codes", "name": "codes", "alias": "codes", "resource_type": "seed",
        "package_name": "shop", "original_file_path": "seeds/codes.csv",
    }  # fmt: skip
    manifest = made({"seed.shop.codes": seed}, {})
    found = told({"seeds/codes.csv": "a,b\n1,2\n"}, {"seeds/codes.csv": "a,c\n9,2\n"}, manifest)
    (change,) = found.changes

    assert [(one.column, one.kind) for one in change.difference.columns] == [
        ("b", "removed"), ("c", "added"), ("a", "changed"),
    ]  # fmt: skip


def test_impact_behind_what_cannot_be_followed_is_incomplete() -> None:
    code = {**CODE, MART: "select * from {{ ref('stg') }} pivot ("}
    manifest = project(code)
    found = impact(
        STG, "amount", manifest=manifest, graph=Graph(manifest), lineage=traced(manifest)
    )

    assert (found.verdict, found.complete) == ("unknown", False)
    assert found.unknown[0][0] == MART


def test_python_nodes_are_opaque_and_said_to_be() -> None:
    manifest = project(mart={"language": "python", "raw_code": "def model(dbt, session): ..."})
    lineage = traced(manifest)

    assert "python" in lineage.opaque_reason(MART)
    found = told({"models/mart.sql": "a"}, {"models/mart.sql": "b"}, manifest)
    assert (found.verdict, found.complete) == ("unknown", False)


def test_a_cycle_ends_everywhere() -> None:
    manifest = project(stg={"depends_on": {"nodes": [TOP], "macros": []}})
    graph = Graph(manifest)

    assert graph.descendants(STG) == [MART, TOP]
    assert resolve("+stg+", manifest, graph).uids == {STG, MART, TOP}
    assert list(drawing.tree(list(graph), graph))
    assert drawing.html([STG, MART, TOP], graph, title="x")
    assert set(traced(manifest).nodes) >= {STG, MART, TOP}


def test_two_nodes_of_one_relation_are_told_apart_by_their_children() -> None:
    def other(name: str, alias: str, text: str, *parents: str) -> dict[str, object]:
        uid = f"model.shop.{name}"
        return {
            "unique_id": uid,
            "name": name,
            "alias": alias,
            "resource_type": "model",
            "schema": "main",
            "raw_code": text,
            "compiled_code": text,
            "depends_on": {"nodes": list(parents)},
        }

    twin = other("twin", "stg", "select 1 as id")
    reader = other("reads", "reads", "select id from main.stg", "model.shop.twin")
    both = {uid: msgspec.to_builtins(one) for uid, one in project().nodes.items()}
    manifest = made({**both, "model.shop.twin": twin, "model.shop.reads": reader}, {})
    (edge,) = traced(manifest).upstream("model.shop.reads", "id")

    assert edge.node == "model.shop.twin"


HOSTILE = 'x"]; click a "javascript:alert(1)"<script>alert(1)</script>\n--> 😀 `'


@pytest.mark.parametrize("name", [HOSTILE, "a.b.c", "Ünï 'quoted'", "\u202egnp.exe", "x" * 300])
def test_hostile_names_stay_text(name: str) -> None:
    uid = f"model.shop.{name}"
    manifest = made({uid: {"unique_id": uid, "name": name, "resource_type": "model"}}, {})
    graph = Graph(manifest)
    page = drawing.html([uid], graph, title=name)
    chart = list(drawing.mermaid([uid], graph))
    columns = list(drawing.column_mermaid([(uid, name, uid, name, "renamed")]))

    drawn = drawing.column_html([("", "", uid, name, "constant")], graph, title=name)

    assert "<script" not in page + drawn
    assert len(chart) == 2
    assert all(line.count('"') in (0, 2) and "<" not in line for line in (*chart, *columns[:4]))
