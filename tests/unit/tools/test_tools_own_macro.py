"""A macro in a step of a plan: run as people have it, never as an earlier step wrote it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agentic.project import Project
from agentic.records import Compiled, CompiledGuardrails, OwnTool, ToolSpec
from agentic.runtime.session import Session
from agentic.tools import Bench, ToolError
from agentic.tools.own import Hands, bodies_of

MACRO = "{% macro grants(word) %}{% endmacro %}\n"
PROFILE = "shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb, schema: main}}}\n"


def grants(effect: Any) -> OwnTool:
    schema = {"type": "object", "properties": {"word": {"type": "string"}}}
    spec = ToolSpec("grants", "Grants.", schema, effect, "own", 30.0)
    return OwnTool("grants", "macro", spec, {"macro": "grants"}, 20.0)


@pytest.fixture
def checkout(bench: Bench) -> Project:
    """The checkout; the bench works on a worktree in which an earlier step changed a macro."""
    root = bench.project.root
    (root / "macros").mkdir()
    (root / "macros" / "grants.sql").write_text(MACRO)
    (root / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    (root / "profiles.yml").write_text(PROFILE)
    here = replace(bench.project, profile="shop", profiles_dir=root)
    tree = root.parent / "tree"
    shutil.copytree(root, tree)
    (tree / "macros" / "grants.sql").write_text(MACRO.replace("grants(", "grants(more, "))
    bench.project = replace(here, root=tree)
    return here


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a dbt of nobody's was called with: its folder and its arguments."""
    (tmp_path / "lib" / "python3.11" / "site-packages" / "dbt_core-1.9.0.dist-info").mkdir(
        parents=True
    )
    dbt, said = tmp_path / "bin" / "dbt", tmp_path / "said"
    dbt.parent.mkdir()
    dbt.write_text(f'#!/bin/sh\necho "$PWD $*" > "{said}"\n')
    dbt.chmod(0o755)
    monkeypatch.setenv("AGENTIC_DBT", str(dbt))
    return said


def test_an_effect_on_the_target_is_that_of_the_checkouts_macro(
    bench: Bench, checkout: Project, told: Path
) -> None:
    hands = Hands({}, "dev", home=checkout)

    assert bodies_of([grants("external")], hands)["grants"](bench, word="x")["ok"] is True

    here, said = told.read_text().split(" ", 1)
    assert Path(here) == checkout.root
    assert f"--project-dir {checkout.root} " in said
    assert str(bench.project.root) not in said


def test_a_macro_that_an_earlier_step_changed_is_not_run_in_the_workspace(
    bench: Bench, checkout: Project
) -> None:
    bench.workspace = lambda: pytest.fail("nothing is opened")
    hands = Hands({}, "dev", home=checkout)

    with pytest.raises(ToolError, match=r"changes macros/grants\.sql"):
        bodies_of([grants("workspace")], hands)["grants"](bench, word="x")


def test_a_step_has_the_code_that_the_checkout_was_compiled_with() -> None:
    def compiled(said: str) -> Compiled:
        tools = [replace(grants("external"), body={"sha256": said})]
        tools.append(replace(grants("read"), name="asks", kind="sql", body={"sql": said}))
        return Compiled("shop", (), CompiledGuardrails(), own_tools=tuple(tools))

    none: Any = None
    fields = dict.fromkeys(Session.__dataclass_fields__, none)
    step = Session(**{**fields, "compiled": compiled("step"), "outer": compiled("people")})

    assert [one.body for one in step.own_tools] == [{"sha256": "people"}, {"sql": "step"}]
