"""Loading both files: defaults, missing files, references, positions."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.config import load_files, standard_agents, standard_dir, standard_guardrails
from agentic.exceptions import ConfigError

AGENT = "version: 1\nagents:\n  - name: a\n    extends: agentic.triage\n"


def write(root: Path, agents: str | None = None, guardrails: str | None = None) -> Path:
    for name, text in (("agents.yml", agents), ("guardrails.yml", guardrails)):
        if text is not None:
            (root / name).write_text(text, encoding="utf-8")
    return root


def codes(error: ConfigError) -> list[str]:
    return [issue.code for issue in error.issues]


def test_nothing_there_is_the_standard_agent_and_the_safest_guardrails(tmp_path: Path) -> None:
    specs = load_files(tmp_path)

    assert not specs.agents_found
    assert [agent.extends for agent in specs.agents.agents or ()] == ["agentic.triage"]
    assert specs.guardrails == standard_guardrails()
    assert specs.guardrails.change.allow == ()


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_guardrails_file_is_the_safest_configuration(tmp_path: Path, text: str) -> None:
    specs = load_files(write(tmp_path, guardrails=text))

    assert specs.guardrails == standard_guardrails()


def test_missing_keys_take_the_shipped_values(tmp_path: Path) -> None:
    text = "version: 1\nsql: {max_rows: 7}\nlimits: {backfill: {days: 1}}\n"

    rails = load_files(write(tmp_path, guardrails=text)).guardrails

    assert rails.sql.max_rows == 7
    assert rails.sql.timeout_s == 60
    assert rails.limits.backfill is not None
    assert (rails.limits.backfill.days, rails.limits.backfill.ask_above_bytes) == (1, 10**12)
    assert rails.limits.tool_calls == 40
    assert rails.build.schemas == ("agentic_*",)


def test_the_shipped_guardrails_leave_nothing_open() -> None:
    rails = standard_guardrails()
    limits = rails.limits.model_dump()

    assert rails.change.allow == ()
    assert all(value is not None for value in limits.values())
    assert rails.sql.max_rows and rails.sql.max_bytes_scanned and rails.sql.timeout_s


def test_a_file_without_agents_uses_the_standard_one(tmp_path: Path) -> None:
    text = "version: 1\nconnections:\n  oncall: {slack: \"{{ env_var('HOOK') }}\"}\n"

    specs = load_files(write(tmp_path, agents=text))

    assert [agent.name for agent in specs.agents.agents or ()] == ["triage"]


def test_references_in_connections_stay_as_written(tmp_path: Path) -> None:
    text = "version: 1\nagents: []\nconnections:\n  oncall: {slack: \"{{ env_var('HOOK') }}\"}\n"

    specs = load_files(write(tmp_path, agents=text), env={"HOOK": "https://secret.test"})

    assert specs.agents.connections["oncall"].kind == "slack"
    assert specs.agents.connections["oncall"].settings == "{{ env_var('HOOK') }}"


def test_var_and_env_var_are_rendered_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text(
        "name: shop\nvars: {team: finance, shop: {calls: 7}, other: {team: no}}\n"
    )
    agents = AGENT + "    select: \"tag:{{ var('team') }}\"\n"
    rails = (
        "version: 1\nbuild: {target: \"{{ env_var('CI_TARGET', 'ci') }}\"}\n"
        "limits: {tool_calls: \"{{ var('calls') }}\", cost_usd: \"{{ env_var('MAX') }}\"}\n"
    )

    specs = load_files(write(tmp_path, agents, rails), env={"MAX": "1.5"})

    assert (specs.agents.agents or ())[0].select == "tag:finance"
    assert specs.guardrails.build.target == "ci"
    assert specs.guardrails.limits.tool_calls == 7
    assert specs.guardrails.limits.cost_usd == 1.5


def test_given_variables_win_over_the_project_file(tmp_path: Path) -> None:
    text = (
        "version: 1\nagents:\n  - {name: a, extends: agentic.triage, select: \"{{ var('s') }}\"}\n"
    )

    specs = load_files(write(tmp_path, agents=text), variables={"s": "orders"})

    assert (specs.agents.agents or ())[0].select == "orders"


def test_both_files_are_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, "version: 1\nagent: []\nagents: {}\n", "version: 1\nreads: {}\nsql: 3\n")

    with pytest.raises(ConfigError) as caught:
        load_files(tmp_path)

    assert codes(caught.value) == ["AC110", "AC112", "AC110", "AC112"]
    assert "agents.yml:2:1 AC110 unknown key 'agent' — did you mean 'agents'?" in str(caught.value)


def test_positions_survive_faulty_items_before_them(tmp_path: Path) -> None:
    text = (
        "version: 1\nagents:\n  - nam: x\n  - {name: a, extends: agentic.triage}\n"
        "  - {name: a, extends: agentic.triage}\n"
    )

    with pytest.raises(ConfigError) as caught:
        load_files(write(tmp_path, agents=text))

    twice = [issue for issue in caught.value.issues if issue.code == "AC115"]
    assert [(issue.line, issue.column) for issue in twice] == [(5, 12)]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "guardrails.yml").write_bytes(b"\xef\xbb\xbfversion: 1\r\nsql: {max_rows: 3}\r\n")

    assert load_files(tmp_path).guardrails.sql.max_rows == 3


def test_a_few_aliases_are_no_fault(tmp_path: Path) -> None:
    text = 'version: 1\nread: {deny: &secret ["source:hr"]}\nchange: {deny: *secret}\n'

    assert load_files(write(tmp_path, guardrails=text)).guardrails.change.deny == ("source:hr",)


def test_yaml_is_version_1_2(tmp_path: Path) -> None:
    text = "version: 1\nagents:\n  - {name: on, extends: agentic.triage, description: yes}\n"

    agent = (load_files(write(tmp_path, agents=text)).agents.agents or ())[0]

    assert (agent.name, agent.description) == ("on", "yes")


def test_a_broken_link_is_told(tmp_path: Path) -> None:
    (tmp_path / "guardrails.yml").symlink_to(tmp_path / "nowhere.yml")

    with pytest.raises(ConfigError) as caught:
        load_files(tmp_path)

    assert codes(caught.value) == ["AC101"]


def test_a_huge_file_is_told_without_reading_it_all(tmp_path: Path) -> None:
    (tmp_path / "agents.yml").write_bytes(b"# " + b"x" * 600_000)

    with pytest.raises(ConfigError) as caught:
        load_files(tmp_path)

    assert codes(caught.value) == ["AC101"]


def test_the_standard_files_are_those_of_the_repository() -> None:
    assert (standard_dir() / "guardrails.yml").is_file()
    assert (standard_dir() / "prompts" / "triage.md.j2").is_file()
    assert "agentic.triage" in standard_agents()
