"""Users' tools on the small lineage of `shop`: declared as YAML, compiled, their bodies called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from agentic.records import OwnTool
from agentic.tools import Bench
from agentic.tools.own import Hands, bodies_of
from tests.support.shop import check_shop

HEAD = "version: 1\nagents:\n  - {name: triage, extends: agentic.triage}\ntools:\n"


def own_tools(root: Path, *lines: str, guardrails: str = "") -> dict[str, OwnTool]:
    """The tools that these lines declare; the files have no issue."""
    (root / "agents.yml").write_text(HEAD + "".join(f"  - {line}\n" for line in lines))
    if guardrails:
        (root / "guardrails.yml").write_text(guardrails)
    _, checked, issues = check_shop(root)
    assert issues == (), issues
    return {tool.name: tool for tool in checked.compiled.own_tools}


def bench_at(root: Path, **more: Any) -> Bench:
    """A bench with a project's folder and whatever else a body needs."""
    given: dict[str, Any] = {"workspace": None, "edits": {}, **more}
    project = SimpleNamespace(root=root, macro_paths=("macros",))
    return cast(Bench, SimpleNamespace(project=project, **given))


def use(
    tool: OwnTool, bench: Bench, /, variables: Mapping[str, Any] | None = None, **given: Any
) -> dict[str, Any]:
    """Call one tool's body as the boundary does."""
    hands = Hands(dict(variables or {}), "dev", lambda: "step-1")
    return bodies_of([tool], hands)[tool.name](bench, **given)
