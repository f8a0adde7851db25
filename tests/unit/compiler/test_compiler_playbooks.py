"""Playbooks compile to what the rules follow; what they may not say is told with its place."""

from __future__ import annotations

from pathlib import Path

from agentic.compiler.playbooks import FINDING
from agentic.records import Finding, RootCause
from agentic.rules import Diagnosis
from agentic.rules.playbooks import told
from tests.support.shop import check_shop

TEXT = """version: 1
rules: [timeout]
playbooks:
  - name: vendor_late
    when: "incident.kind == 'source_stale'"
    steps:
      - {id: age, tool: freshness, input: {node: "{{ incident.node }}"}}
    holds: "steps.age.tables[0].rows == 0"
    decision: wait
    class: stale_source
    summary: "Nothing came for {{ incident.node }}."
  - name: ask_finance
    when: "finding.class == 'unit_scale_change'"
    decision: escalate
    summary: "{{ finding.summary }}"
    owner: finance@example.com
    question: "Cents or dollars?"
  - name: switched_off
    config: {enabled: false}
    when: "true"
    decision: no_change
    summary: "Never."
"""


def write(root: Path, text: str) -> None:
    folder = root / "playbooks"
    folder.mkdir()
    (folder / "mine.yml").write_text(text)


def test_playbooks_are_compiled_in_order(tmp_path: Path) -> None:
    write(tmp_path, TEXT)

    _, checked, issues = check_shop(tmp_path)

    compiled = checked.compiled
    assert not [one for one in issues if one.severity == "error"]
    first, second = compiled.playbooks
    assert (first.name, first.cls, first.after_rules) == ("vendor_late", "stale_source", False)
    assert first.steps[0].input == {"node": "{{ incident.node }}"}
    assert (second.name, second.after_rules) == ("ask_finance", True)
    assert second.where == "playbooks/mine.yml:12"
    assert compiled.rule_order == ("timeout",)


def test_a_playbook_changes_the_compiled_hash(tmp_path: Path) -> None:
    before = check_shop(tmp_path)[1].compiled.content_hash
    write(tmp_path, TEXT)

    assert check_shop(tmp_path)[1].compiled.content_hash != before


def test_another_ending_is_not_silently_left_out(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "mine.yaml").write_text(TEXT)

    issues = check_shop(tmp_path)[2]

    assert any(one.code == "AC108" and one.file == "playbooks/mine.yaml" for one in issues)


def test_what_an_expression_may_ask_of_a_finding_is_what_it_is_told() -> None:
    finding = Finding("AR000", "unknown", RootCause("model.a.b"), 0.5, "Something.")

    assert set(FINDING) <= set(told(Diagnosis(finding, "escalate", "t")))
