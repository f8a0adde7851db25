"""Which nodes an edit is about, what identifies their rows, and what a thin project keeps."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentic.exceptions import IsolationError, WorkspaceError
from agentic.lineage import Graph
from agentic.project import Manifest, Project
from agentic.workspace import changed_nodes, key_of, with_descendants
from agentic.workspace.deferral import parents_outside, write_state
from agentic.workspace.selection import (
    resolve,
    selectors,
    with_changed_ancestors,
    with_missing_ancestors,
)
from agentic.workspace.thin import SMALL, Wanted, plan_thin
from agentic.workspace.verify import verify_isolation


def node(name: str, *parents: str, **fields: Any) -> dict[str, Any]:
    kind = fields.pop("kind", "model")
    text = fields.get("raw_code", f"select 1 as {name}")
    return {
        "unique_id": f"{kind}.shop.{name}",
        "name": name,
        "resource_type": kind,
        "package_name": "shop",
        "original_file_path": f"models/{name}.sql",
        "fqn": ["shop", name],
        "database": "d",
        "schema": "dev",
        "alias": name,
        "relation_name": f'"d"."dev"."{name}"',
        "config": {"materialized": "table", **fields.pop("config", {})},
        "raw_code": text,
        "checksum": {"name": "sha256", "checksum": hashlib.sha256(text.encode()).hexdigest()},
        "depends_on": {"nodes": list(parents), "macros": fields.pop("macros", [])},
        **fields,
    }


def generic(name: str, on: str, column: str | None = None, **fields: Any) -> dict[str, Any]:
    made = node(f"{name}_{on}_{column}", f"model.shop.{on}", kind="test", **fields)
    return {
        **made,
        "original_file_path": f"models/{on}.yml",
        "attached_node": f"model.shop.{on}",
        "column_name": column,
        "test_metadata": {"name": name, "kwargs": fields.get("kwargs", {"column_name": column})},
    }


def manifest(*nodes: dict[str, Any], **sections: Any) -> Manifest:
    parents = {one["unique_id"]: one["depends_on"]["nodes"] for one in nodes}
    children: dict[str, list[str]] = {uid: [] for uid in parents}
    for uid, above in parents.items():
        for one in above:
            children.setdefault(one, []).append(uid)
    content = {
        "metadata": {
            "project_name": "shop",
            "adapter_type": "duckdb",
            "generated_at": "2100-01-01T00:00:00Z",
        },
        "nodes": {one["unique_id"]: one for one in nodes},
        "parent_map": parents,
        "child_map": children,
        **sections,
    }
    return msgspec.convert(content, Manifest)


CHAIN = (
    node("stg"),
    node("eph", "model.shop.stg", config={"materialized": "ephemeral"}),
    node("mart", "model.shop.eph", "model.shop.side"),
    node("side"),
    generic("unique", "mart", "id"),
    generic("not_null", "mart", "id"),
)


def test_names_and_ids_resolve_in_dbts_order() -> None:
    found = manifest(*CHAIN)

    assert resolve(["mart", "model.shop.stg"], found) == ("model.shop.stg", "model.shop.mart")
    assert selectors(["model.shop.stg"], found) == ("fqn:shop.stg",)
    with pytest.raises(WorkspaceError, match="no node 'nothing'"):
        resolve(["nothing"], found)


def test_a_file_changes_its_node_and_what_is_downstream() -> None:
    found = manifest(*CHAIN)

    changed = changed_nodes(["models/stg.sql"], found)

    assert changed == ("model.shop.stg",)
    assert with_descendants(changed, found, Graph(found)) == (
        "model.shop.stg",
        "model.shop.eph",
        "model.shop.mart",
    )


def test_a_file_of_a_package_is_not_the_projects() -> None:
    foreign = {**node("other"), "package_name": "pkg", "original_file_path": "models/stg.sql"}

    assert changed_nodes(["models/stg.sql"], manifest(node("stg"), foreign)) == ("model.shop.stg",)


def test_a_macro_changes_all_that_call_it_also_through_others() -> None:
    macros = {
        uid: {"unique_id": uid, "name": uid, "package_name": "shop", **fields}
        for uid, fields in {
            "macro.shop.low": {"original_file_path": "macros/low.sql"},
            "macro.shop.high": {
                "original_file_path": "macros/high.sql",
                "depends_on": {"macros": ["macro.shop.low"]},
            },
        }.items()
    }
    found = manifest(node("a", macros=["macro.shop.high"]), node("b"), macros=macros)

    assert changed_nodes(["macros/low.sql"], found) == ("model.shop.a",)


def test_a_property_file_changes_only_what_differs() -> None:
    def described(**config: Any) -> Manifest:
        patch = {"patch_path": "shop://models/all.yml"}
        return manifest(node("a", **patch, config=config), node("b", **patch))

    paths, before = ["models/all.yml"], described()

    assert changed_nodes(paths, described(tags=["x"]), before) == ("model.shop.a",)
    assert changed_nodes(paths, described(schema="elsewhere"), before) == ()
    assert changed_nodes(paths, described()) == ("model.shop.a", "model.shop.b")


def test_what_lies_between_a_change_and_a_node_is_built_too() -> None:
    found = manifest(*CHAIN)

    ids = with_changed_ancestors(["model.shop.mart"], ["model.shop.stg"], Graph(found))

    assert set(ids) == {"model.shop.stg", "model.shop.eph", "model.shop.mart"}


def test_parents_are_read_through_ephemeral_nodes() -> None:
    found = manifest(*CHAIN)

    assert parents_outside(found, ["model.shop.mart"]) == {"model.shop.stg", "model.shop.side"}


def test_ancestors_that_the_warehouse_lacks_are_added() -> None:
    found = manifest(*CHAIN)

    assert with_missing_ancestors(["model.shop.mart"], found, found, {("dev", "side")}) == (
        "model.shop.stg",
    )


def test_the_state_holds_only_what_is_needed(tmp_path: Path) -> None:
    write_state(tmp_path, manifest(*CHAIN), ["model.shop.stg"])

    nodes = json.loads((tmp_path / "manifest.json").read_text())["nodes"]
    assert list(nodes) == ["model.shop.stg"]
    assert nodes["model.shop.stg"]["relation_name"] == '"d"."dev"."stg"'


@pytest.mark.parametrize(
    ("nodes", "key"),
    [
        ([node("a", config={"unique_key": "id"})], ("id",)),
        ([node("a", config={"unique_key": ["x", "y"]})], ("x", "y")),
        ([node("a", config={"unique_key": "x || y"})], None),
        ([node("a"), generic("unique", "a", "u"), generic("unique", "a", "k"),
          generic("not_null", "a", "k")], ("k",)),
        ([node("a"), generic("unique", "a", "u")], ("u",)),
        ([node("a"), generic("unique", "a", "u", config={"where": "x"})], None),
        ([node("a"), generic("unique_combination_of_columns", "a",
                             kwargs={"combination_of_columns": ["x", "y"]})], ("x", "y")),
        ([node("a", columns={"p": {"name": "p", "constraints": [{"type": "primary_key"}]}})],
         ("p",)),
        ([node("a")], None),
    ],
    ids=["key", "keys", "expression", "both-tests", "unique-alone", "where", "combination",
         "contract", "nothing"],
)  # fmt: skip
def test_keys(nodes: list[dict[str, Any]], key: tuple[str, ...] | None) -> None:
    assert key_of("model.shop.a", manifest(*nodes)) == key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"schema": "agentic_x_marts"}, None),
        ({"schema": "dev"}, "outside the workspace schema"),
        ({"schema": "agentic_xy"}, "outside the workspace schema"),
        ({"database": "prod"}, "outside the workspace schema"),
        ({"config": {"materialized": "external", "location": "/data/x"}}, "write the file"),
        ({"schema": "dev", "config": {"materialized": "ephemeral"}}, None),
    ],
    ids=["own", "suffix", "other", "prefix", "database", "file", "ephemeral"],
)
def test_every_selected_node_lies_inside(changes: dict[str, Any], message: str | None) -> None:
    found = manifest(node("a", **{"schema": "agentic_x", **changes}))

    def verify() -> None:
        verify_isolation(
            found, ["model.shop.a"], schema="agentic_x", database="D", allowed=["agentic_*"]
        )

    if message is None:
        verify()
    else:
        with pytest.raises(IsolationError, match=message):
            verify()


def test_tests_that_store_failures_and_hooks_count_too() -> None:
    inside = node("a", schema="agentic_x")
    storing = generic("unique", "a", "id", config={"store_failures": True})
    hook = node("h", kind="operation")

    for nodes in ([inside, storing], [inside, hook]):
        with pytest.raises(IsolationError):
            verify_isolation(
                manifest(*nodes),
                ["model.shop.a"],
                schema="agentic_x",
                database="d",
                allowed=["agentic_*"],
            )


def large(root: Path, *more: dict[str, Any], **sections: Any) -> tuple[Project, Manifest]:
    """A project on disk that its manifest describes, large enough to be thinned."""
    nodes = [*CHAIN, *more, *(node(f"filler_{n}") for n in range(SMALL))]
    (root / "models").mkdir()
    (root / "dbt_project.yml").write_text("name: shop")
    for one in nodes:
        if one["resource_type"] == "model":
            (root / one["original_file_path"]).write_text(one["raw_code"] + "\n")
    project = Project(
        root=root,
        name="shop",
        profile="shop",
        target_path=root / "target",
        packages_path=root / "dbt_packages",
    )
    return project, manifest(*nodes, **sections)


KNOWN = {("dev", name) for name in ("stg", "side", "mart")}
EDIT = Wanted(edits={"models/stg.sql": "select * from {{ ref('filler_1') }}"})


def test_a_thin_project_keeps_the_change_and_stubs_what_is_read(tmp_path: Path) -> None:
    thin = plan_thin(*large(tmp_path), EDIT, KNOWN)

    assert thin is not None
    assert thin.selected == {"model.shop.stg", "model.shop.eph", "model.shop.mart"}
    assert set(thin.stubs) == {"models/side.sql", "models/filler_1.sql"}
    assert "models/filler_2.sql" in thin.aside
    assert not {"models/stg.sql", "models/mart.sql"} & {*thin.aside, *thin.stubs}


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda root: (root / "models/side.sql").write_text("x"), id="edited"),
        pytest.param(lambda root: (root / "models/filler_3.sql").unlink(), id="deleted"),
        pytest.param(
            lambda root: os.utime(root / "dbt_project.yml", (5e9, 5e9)), id="newer-than-manifest"
        ),
    ],
)
def test_a_checkout_that_the_manifest_does_not_describe_is_not_thinned(
    tmp_path: Path, spoil: Any
) -> None:
    project, found = large(tmp_path)
    spoil(tmp_path)

    assert plan_thin(project, found, EDIT, KNOWN) is None


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(Wanted(edits={"macros/a.sql": "x"}), id="macro"),
        pytest.param(Wanted(edits={"models/new.sql": "x"}), id="new-file"),
        pytest.param(Wanted(edits={"models/mart.yml": "x"}), id="properties"),
        pytest.param(Wanted(edits={"models/stg.sql": "{{ graph.nodes }}"}), id="graph"),
        pytest.param(Wanted(select=()), id="nothing"),
        pytest.param(Wanted(select=("model.shop.gone",)), id="unknown"),
    ],
)
def test_what_reaches_further_than_its_node_is_not_thinned(tmp_path: Path, wanted: Wanted) -> None:
    assert plan_thin(*large(tmp_path), wanted, KNOWN) is None


def test_a_macro_that_walks_the_graph_is_not_thinned(tmp_path: Path) -> None:
    macro = {"unique_id": "macro.shop.m", "name": "m", "macro_sql": "{% for n in graph.nodes %}"}
    reader = node("reader", "model.shop.stg", macros=["macro.shop.m"])

    project, found = large(tmp_path, reader, macros={"macro.shop.m": macro})

    assert plan_thin(project, found, EDIT, KNOWN) is None
