"""What an agent's model is sent: rendered, counted, and known again by its hashes."""

from __future__ import annotations

from pathlib import Path

from agentic.compiler import Prompt, prompts_of
from tests.support.shop import check_shop

HEAD = "version: 1\nagents:\n"


def prompt(root: Path, agent: str, prompt_file: str = "Look at {{ incident.node }}.\n") -> Prompt:
    (root / "prompts").mkdir(exist_ok=True)
    (root / "prompts" / "mine.md.j2").write_text(prompt_file)
    (root / "agents.yml").write_text(HEAD + agent)
    _, checked, issues = check_shop(root)
    assert issues == ()
    (found,) = prompts_of(checked.compiled)
    return found


MINE = "  - {name: mine, instructions: prompts/mine.md.j2, tools: [report]}\n"


def test_facts_of_a_run_stand_by_their_names(tmp_path: Path) -> None:
    found = prompt(tmp_path, MINE, "{{ incident.node }} of {{ lineage.nodes | length }}.\n")

    assert found.text == "<node> of 4.\n"
    assert found.request == ""
    assert found.prompt_tokens == 4
    assert "estimated" in found.counted


def test_a_task_in_words_has_a_prompt_of_its_own(tmp_path: Path) -> None:
    text = "{% if incident.request %}Do {{ incident.request }}{% else %}Mend{% endif %}"

    found = prompt(tmp_path, MINE, text)

    assert (found.text, found.request) == ("Mend", "Do <request>")


def test_a_change_of_prompt_tool_or_report_shows_in_a_hash(tmp_path: Path) -> None:
    one = prompt(tmp_path, MINE)
    same = prompt(tmp_path, MINE)
    words = prompt(tmp_path, MINE, "Look hard at {{ incident.node }}.\n")
    tools = prompt(tmp_path, MINE.replace("[report]", "[report, read_file]"))
    output = prompt(tmp_path, MINE.replace("[report]", "[report], output: CostFinding"))

    assert one == same
    assert (words.prompt_hash != one.prompt_hash, words.tools_hash) == (True, one.tools_hash)
    assert (tools.tools_hash != one.tools_hash, tools.prompt_hash) == (True, one.prompt_hash)
    assert output.tools_hash not in (one.tools_hash, tools.tools_hash)
