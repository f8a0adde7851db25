"""The examples of docs/tools.md compile."""

from __future__ import annotations

import re
from pathlib import Path

from agentic.config import ServedTool, write_lock
from tests.support.shop import check_shop

PAGE = Path(__file__).parents[3] / "docs" / "tools.md"


def test_the_example_of_the_page_compiles(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.S)
    macro = re.search(r"  - name: refresh_grants\n(?:    .*\n)+", text)
    assert macro is not None  # the small lineage has no macros
    (tmp_path / "agents.yml").write_text(text.replace(macro[0], "").replace("refresh_grants, ", ""))
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "tools.py").write_text("def reconcile(day): return day\n")
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    names = ("search_code", "create_issue")
    write_lock(tmp_path, {"hub": {name: ServedTool(name, "Words.", schema) for name in names}})

    _, checked, issues = check_shop(tmp_path)

    assert issues == ()
    effects = {one.name: one.spec.effect for one in checked.compiled.own_tools}
    assert effects == {
        "hub__create_issue": "external",
        "hub__search_code": "read",
        "late_orders": "read",
        "open_ticket": "external",
        "reconcile": "read",
        "vendor_status": "read",
    }
    assert set(effects) <= set(checked.compiled.agents[0].tools)
