"""Agents compiled on a small lineage."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.compiler import manifest_text
from agentic.exceptions import Issue
from agentic.records import CompiledAgent
from agentic.tools import toolsets
from tests.support.shop import check_shop, make_manifest

HEAD = "version: 1\nagents:\n"


def agents(root: Path, text: str | None, **more: str) -> tuple[CompiledAgent, ...]:
    if text is not None:
        (root / "agents.yml").write_text(text)
    for name, content in more.items():
        (root / f"{name}.yml").write_text(content)
    _, checked, issues = check_shop(root)
    assert issues == ()
    return checked.compiled.agents


def test_without_a_file_the_standard_agent_takes_every_incident(tmp_path: Path) -> None:
    (agent,) = agents(tmp_path, None)

    assert agent.name == "agentic.triage"
    assert "test_failure" in agent.when and "request" not in agent.when
    assert agent.scope == tuple(sorted(make_manifest().all))
    assert agent.output == "incident_report"


def test_an_extension_takes_what_it_leaves_out(tmp_path: Path) -> None:
    text = HEAD + "  - {name: mine, extends: agentic.triage, tools: [context, edit_file]}\n"

    (agent,) = agents(tmp_path, text)

    assert agent.tools == tuple(sorted({*toolsets()["context"], "edit_file"}))
    assert "{{ incident.kind }}" in agent.instructions
    assert agent.model


def test_when_is_never_inherited(tmp_path: Path) -> None:
    (agent,) = agents(tmp_path, HEAD + "  - {name: mine, extends: agentic.triage}\n")

    assert agent.when == ()


def test_an_agent_of_its_own_has_the_least_tools(tmp_path: Path) -> None:
    (agent,) = agents(tmp_path, HEAD + "  - {name: mine, instructions: Look.}\n")

    assert agent.instructions == "Look."
    assert "edit_file" not in agent.tools
    assert "get_node" in agent.tools


def test_scope_is_what_dbt_selects(tmp_path: Path) -> None:
    text = HEAD + '  - {name: mine, extends: agentic.triage, select: "+tag:finance"}\n'

    (agent,) = agents(tmp_path, text)

    assert agent.scope == (
        "model.shop.stg_orders",
        "source.shop.raw.orders",
        "test.shop.orders_are_positive",
    )


def test_limits_only_tighten(tmp_path: Path) -> None:
    text = (
        HEAD + "  - {name: mine, extends: agentic.triage, limits: {tool_calls: 9, duration: 10m}}\n"
    )
    rails = "version: 1\nlimits: {tool_calls: 40, duration: 5h, nodes_changed: 2}\n"

    (agent,) = agents(tmp_path, text, guardrails=rails)

    assert agent.limits.tool_calls == 9
    assert agent.limits.duration_s == 600
    assert agent.limits.nodes_changed == 2
    assert agent.limits.backfill_days == 7
    assert agent.limits.cost_usd == 2.0


def test_a_switched_off_agent_is_left_out_and_still_checked(tmp_path: Path) -> None:
    text = (
        HEAD + "  - {name: off, extends: agentic.triage, config: {enabled: false}, tools: [nope]}\n"
    )
    (tmp_path / "agents.yml").write_text(text)

    _, checked, issues = check_shop(tmp_path)

    assert checked.compiled.agents == ()
    assert [issue.code for issue in issues] == ["AC201"]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "agents.yml").write_text(HEAD + "  - {name: mine, extends: agentic.triage}\n")
    first = manifest_text(check_shop(tmp_path)[1].compiled)
    second = manifest_text(check_shop(tmp_path)[1].compiled)

    assert first == second
    assert str(tmp_path) not in first


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("  - {name: other, extends: agentic.triage}\n", id="name"),
        pytest.param("  - {name: mine, extends: agentic.triage, when: [anomaly]}\n", id="when"),
        pytest.param("  - {name: mine, extends: agentic.triage, select: orders}\n", id="select"),
    ],
)
def test_another_input_gives_another_hash(tmp_path: Path, text: str) -> None:
    (tmp_path / "agents.yml").write_text(HEAD + "  - {name: mine, extends: agentic.triage}\n")
    before = check_shop(tmp_path)[1].compiled.content_hash
    (tmp_path / "agents.yml").write_text(HEAD + text)

    assert check_shop(tmp_path)[1].compiled.content_hash != before


def test_secrets_do_not_reach_the_compiled_manifest(tmp_path: Path) -> None:
    text = "version: 1\nconnections:\n  oncall: {slack: \"{{ env_var('HOOK') }}\"}\n"
    (tmp_path / "agents.yml").write_text(text)

    _, checked, issues = check_shop(tmp_path, env={"HOOK": "https://hush.test"})

    assert issues == ()
    assert checked.compiled.connections["oncall"]["settings"] == "{{ env_var('HOOK') }}"
    assert "hush" not in manifest_text(checked.compiled)


def test_files_and_lineage_are_told_at_once(tmp_path: Path) -> None:
    text = (
        HEAD + "  - {name: mine, extends: agentic.triage, tools: [nope], wen: x, select: 'tga:x'}\n"
    )
    (tmp_path / "agents.yml").write_text(text)

    issues: tuple[Issue, ...] = check_shop(tmp_path)[2]

    assert sorted(issue.code for issue in issues) == ["AC110", "AC201", "AC430"]
