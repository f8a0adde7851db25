"""Guardrails on a whole proposal: the change policy, the table rules and the blast radius."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from agentic.checks.reach import NOT_COUNTED, nodes_of_edits
from agentic.guardrails.situation import Situation
from agentic.lineage import EmittedColumns
from agentic.policy import ChangeRule, ChangeRules, ProjectView, judge_change
from agentic.project import Project, text_files
from agentic.records import CodePage, Decision, Edit, Rule, publish, strictest

publish(
    CodePage(
        "AG140",
        "change-denied",
        "An edit is not allowed by guardrails.yml or by the change policy.",
        "What no rule can decide is denied, and some files are never an agent's to edit.",
        "`agentic check changes` explains; a person can make the change by hand.",
    ),
    CodePage(
        "AG150",
        "blast-radius",
        "A proposal changes more nodes, or has more nodes downstream, than the limits allow.",
        "A small change is one that a person can review in a minute.",
        "Raise `limits.nodes_changed` or `limits.nodes_downstream`, or make the change by hand.",
    ),
    CodePage(
        "AG151",
        "node-protected",
        "A proposal changes a node whose `config.meta.agentic.change` says `deny`.",
        "A node can narrow what agents may do to it, and nothing can widen that.",
        "Its owner makes the change, or lifts the setting.",
    ),
    CodePage(
        "AG152",
        "statements-to-run",
        "A proposal holds SQL (`propose_ddl`) that changes relations outside of dbt.",
        "Such a statement is tried on an empty copy in the workspace, and run nowhere else.",
        "Read it under Statements in the pull request, and run it with your own rights.",
    ),
)


class ProposalVerdict(msgspec.Struct, frozen=True):
    """The strictest decision on a proposal, and everything that a person is asked about."""

    decision: Decision
    asks: tuple[Decision, ...] = ()


def judge_proposal(edits: Iterable[Edit], situation: Situation) -> ProposalVerdict:
    """Judge all edits together; the strictest answer wins, whatever the order."""
    changed = [edit for edit in edits if edit.before != edit.after]
    decisions = [
        *_policy(changed, situation),
        *_scope(changed, situation),
        *_protected(changed, situation),
        *_blast_radius(changed, situation),
    ]
    asks = tuple(one for one in decisions if one.verdict == "ask")
    fine = Decision("allow", "OK_CHANGE", "No guardrail objects to the change.")
    return ProposalVerdict(strictest(decisions) or fine, asks)


def about_statements(statements: Sequence[str]) -> tuple[Decision, ...]:
    """What a person is asked because a proposal holds statements: nobody else runs them."""
    if not statements:
        return ()
    count = "a statement" if len(statements) == 1 else f"{len(statements)} statements"
    sentence = f"The proposal holds {count} that a person has to run."
    return (Decision("ask", "AG152", sentence, rule="policy: statements"),)


def change_rules(situation: Situation) -> ChangeRules:
    """The compiled rules in the policy's shape."""
    guardrails = situation.guardrails
    return ChangeRules(
        allow=_rules(guardrails.change_allow),
        ask=_rules(guardrails.change_ask),
        deny=_rules(guardrails.change_deny),
        read_deny=situation.world.read_deny,
        pii_columns=(*situation.world.columns_deny, *situation.world.pii_columns),
    )


def project_view(situation: Situation) -> ProjectView:
    """The project's files for the policy, read when it asks for them."""
    nodes = situation.manifest.all
    return ProjectView(
        files=text_files(situation.project.root, leave_out=_made_folders(situation.project)),
        package_files={
            folder.name: text_files(folder)
            for folder in sorted(situation.project.packages_path.glob("*/"))
        },
        dialect=situation.dialect,
        unique_ids={
            node.original_file_path: uid
            for uid, node in nodes.items()
            if uid.startswith(("model.", "snapshot.", "seed.", "analysis."))
            and node.package_name == situation.project.name
        },
        emitted=EmittedColumns(
            situation.manifest, situation.graph, situation.dialect, situation.project.root
        ),
    )


def _made_folders(project: Project) -> frozenset[str]:
    return frozenset({project.target_path.name, project.packages_path.name, "logs"})


def _rules(rules: Iterable[Rule]) -> tuple[ChangeRule, ...]:
    return tuple(
        ChangeRule(one.text, unique_ids=one.nodes, paths=one.paths, relations=one.relations)
        for one in rules
    )


def _policy(edits: Iterable[Edit], situation: Situation) -> list[Decision]:
    files = {edit.path: edit.after for edit in edits}
    before = {edit.path: edit.before for edit in edits}
    verdict = judge_change(
        files, before, project=project_view(situation), rules=change_rules(situation)
    )
    return [
        Decision(one.verdict, one.code, f"{one.path}: {one.reason}", rule="policy: change")
        for one in verdict.findings
    ] or [Decision(verdict.verdict, verdict.code, verdict.reason, rule="policy: change")]


def changed_nodes(edits: Iterable[Edit], situation: Situation) -> tuple[str, ...]:
    """Nodes whose own file an edit changes, sorted."""
    paths = {edit.path for edit in edits}
    return tuple(
        sorted(
            uid
            for uid, node in situation.manifest.all.items()
            if node.original_file_path in paths and not uid.startswith(("test.", "macro.", "doc."))
        )
    )


def _scope(edits: Iterable[Edit], situation: Situation) -> Iterable[Decision]:
    if not situation.agent.select:
        return
    for uid in changed_nodes(edits, situation):
        if uid not in situation.agent.scope:
            sentence = f"{uid} is outside this agent's scope `{situation.agent.select}`."
            rule = f"select: {situation.agent.select}"
            yield Decision("deny", "AG120", sentence, rule=rule)


def _protected(edits: Iterable[Edit], situation: Situation) -> Iterable[Decision]:
    for uid in changed_nodes(edits, situation):
        setting = situation.manifest.all[uid].meta.get("agentic")
        wish = setting.get("change") if isinstance(setting, Mapping) else None
        if wish in ("deny", "ask"):
            sentence = f"{uid} says of itself that agents may not change it."
            rule = f"config.meta.agentic.change: {wish}"
            yield Decision(wish, "AG151", sentence, rule=rule)


def _blast_radius(edits: Iterable[Edit], situation: Situation) -> Iterable[Decision]:
    nodes = nodes_of_edits(edits, situation.manifest, situation.project.name)
    below = {
        uid
        for node in nodes
        for uid in situation.graph.descendants(node)
        if not uid.startswith(NOT_COUNTED)
    } - set(nodes)
    limits = situation.agent.limits
    counts = (
        ("nodes_changed", len(nodes), limits.nodes_changed),
        ("nodes_downstream", len(below), limits.nodes_downstream),
    )
    for name, count, limit in counts:
        if count > limit:
            sentence = f"The change has {name} {count}, and {limit} are allowed."
            yield Decision("deny", "AG150", sentence, rule=f"limits.{name}: {limit}")
