"""Permission creep: every way in which the two files can allow more, and its reverse, which is
nothing to report."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentic.compiler import widened_between
from agentic.compiler.compare import Widening
from agentic.compiler.coverage import covers, covers_name
from agentic.records import Compiled
from tests.support.shop import check_shop

AGENT = "version: 1\nagents:\n  - {name: triage, extends: agentic.triage%s}\n"
RAILS = "version: 1\n%s\n"


def compiled(root: Path, rails: str, agent: str = "", more: str = "") -> Compiled:
    root.mkdir(exist_ok=True)
    (root / "guardrails.yml").write_text(RAILS % rails)
    (root / "agents.yml").write_text(AGENT % agent + more)
    _, checked, issues = check_shop(root)
    errors = [str(one) for one in issues if one.severity == "error"]
    assert not errors
    return checked.compiled


def widened(root: Path, before: tuple[str, ...], after: tuple[str, ...]) -> tuple[Widening, ...]:
    return widened_between(compiled(root / "a", *before), compiled(root / "b", *after))


RAIL_PAIRS = [
    # tighter, looser, what is told
    ("read: {deny: ['relation:vault.*']}", "", "guardrails.read.deny"),
    ("read: {deny: ['tag:gold']}", "read: {mask: ['tag:gold']}", "guardrails.read.deny"),
    ("read: {mask: ['column:raw.orders.x']}", "", "guardrails.read.mask"),
    (
        "read: {deny: ['relation:raw.*']}",
        "read: {deny: ['relation:raw.x']}",
        "guardrails.read.deny",
    ),
    ("", "read: {mask: ['tag:pii']}", "guardrails.read.deny"),
    ("", "change: {allow: ['path:models/staging']}", "guardrails.change.allow"),
    ("change: {deny: ['source:*']}", "", "guardrails.change.deny"),
    ("change: {deny: ['tag:gold']}", "change: {ask: ['tag:gold']}", "guardrails.change.deny"),
    (
        "change: {allow: ['path:models'], ask: ['tag:gold']}",
        "change: {allow: ['path:models']}",
        "guardrails.change.ask",
    ),
    (
        "change: {allow: ['path:models/staging']}",
        "change: {allow: ['path:models']}",
        "guardrails.change.allow",
    ),
    (
        "change: {allow: ['path:models'], deny: ['path:models']}",
        "change: {allow: ['path:models'], deny: ['path:models/marts']}",
        "guardrails.change.deny",
    ),
    (
        "build: {target: ci}",
        "build: {target: ci, schemas: ['agentic_*', 'x']}",
        "guardrails.build.schemas",
    ),
    (
        "build: {target: ci, schemas: ['agentic_ci_*']}",
        "build: {target: ci, schemas: ['agentic_*']}",
        "guardrails.build.schemas",
    ),
    (
        "production: {targets: [prod, ci]}",
        "production: {targets: [ci]}",
        "guardrails.production.targets",
    ),
    ("sql: {max_rows: 10}", "sql: {max_rows: 11}", "guardrails.sql.max_rows"),
    ("sql: {max_bytes_scanned: 1MB}", "", "guardrails.sql.max_bytes_scanned"),
    ("sql: {timeout: 5s}", "sql: {timeout: 6s}", "guardrails.sql.timeout"),
    ("limits: {tokens: 5}", "limits: {tokens: 6}", "guardrails.limits.tokens"),
    ("limits: {backfill: {days: 1}}", "", "guardrails.limits.backfill.days"),
    ("limits: {duration: 1m}", "limits: {duration: 2m}", "guardrails.limits.duration"),
    ("escalate: {after: 5m}", "escalate: {after: 6m}", "guardrails.escalate.after"),
    ("approve: {by: [git_review]}", "approve: {by: [git_review, local]}", "guardrails.approve.by"),
    ("", "approve: {for: [backfill]}", "guardrails.approve.for"),
]


@pytest.mark.parametrize(("tight", "loose", "what"), RAIL_PAIRS)
def test_guardrails_that_widened_are_told_and_nothing_else(
    tmp_path: Path, tight: str, loose: str, what: str
) -> None:
    assert [one.what for one in widened(tmp_path, (tight,), (loose,))] == [what]


@pytest.mark.parametrize(("tight", "loose", "what"), RAIL_PAIRS)
def test_guardrails_that_tightened_are_no_matter(
    tmp_path: Path, tight: str, loose: str, what: str
) -> None:
    assert widened(tmp_path, (loose,), (tight,)) == (), what


AGENT_PAIRS = [
    (", engine: rules", ", engine: auto", "agents.triage.engine"),
    (", engine: rules", ", engine: anthropic", "agents.triage.engine"),
    (", tools: [context, report]", ", tools: [context, sql, report]", "agents.triage.tools"),
    (", when: [test_failure]", ", when: [test_failure, run_error]", "agents.triage.when"),
    (", select: 'tag:finance'", ", select: 'tag:finance tag:gold'", "agents.triage.select"),
    (", select: 'tag:finance'", "", "agents.triage.select"),
    (", limits: {tool_calls: 3}", ", limits: {tool_calls: 4}", "agents.triage.limits.tool_calls"),
    (", limits: {duration: 3m}", "", "agents.triage.limits.duration"),
]


@pytest.mark.parametrize(("tight", "loose", "what"), AGENT_PAIRS)
def test_agents_that_widened_are_told_and_their_reverse_is_not(
    tmp_path: Path, tight: str, loose: str, what: str
) -> None:
    assert [one.what for one in widened(tmp_path, ("", tight), ("", loose))] == [what]
    assert widened(tmp_path, ("", loose), ("", tight)) == ()


def test_a_selection_that_matches_nothing_more_today_is_told(tmp_path: Path) -> None:
    before, after = ("", ", select: 'tag:gold'"), ("", ", select: 'tag:gold tag:later'")

    assert [one.what for one in widened(tmp_path, before, after)] == ["agents.triage.select"]


def test_an_agent_more_and_a_connection_elsewhere(tmp_path: Path) -> None:
    one = "connections:\n  oncall: {webhook: 'https://one.example/x'}\n"
    two = (
        "  - {name: second, extends: agentic.triage}\n"
        "connections:\n  oncall: {webhook: 'https://two.example/x'}\n"
    )

    found = widened(tmp_path, ("", "", one), ("", "", two))

    assert [item.what for item in found] == ["agents.second", "connections.oncall"]
    assert found[0].before is None


def test_both_values_and_the_nodes_are_told(tmp_path: Path) -> None:
    (found,) = widened(
        tmp_path, ("change: {deny: ['tag:gold']}",), ("change: {ask: ['tag:gold']}",)
    )

    assert (found.before, found.after) == ("deny tag:gold", "ask tag:gold")
    assert found.nodes == ("model.shop.orders",)
    assert str(found).startswith("guardrails.change.deny: deny tag:gold -> ask tag:gold  ")


def test_the_same_files_widen_nothing(tmp_path: Path) -> None:
    rails = "read: {deny: ['tag:gold'], mask: ['tag:pii']}\nchange: {allow: ['path:models']}"

    assert widened(tmp_path, (rails,), (rails,)) == ()


@pytest.mark.parametrize(
    ("general", "special", "answer"),
    [
        ("path:models", "path:models/marts", True),
        ("path:models/marts", "path:models", False),
        ("path:models/*", "path:models/marts", False),
        ("path:models", "path:models/../macros", False),
        ("relation:raw.*", "relation:raw.orders", True),
        ("relation:raw.*", "relation:raw.*.x", False),
        ("relation:raw.?", "relation:raw.*", False),
        ("tag:a tag:b", "tag:a", True),
        ("tag:a", "tag:a tag:b", False),
        ("tag:a", "path:a", False),
    ],
)
def test_what_one_rule_covers_of_another(general: str, special: str, answer: bool) -> None:
    assert covers(general, special) is answer


def test_a_pattern_with_a_rare_wildcard_covers_only_itself() -> None:
    assert covers_name("agentic_?", "agentic_?")
    assert not covers_name("agentic_?", "agentic_*")
    assert covers_name("agentic_*", "agentic_[ab]")
