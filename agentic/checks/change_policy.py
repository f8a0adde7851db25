"""The change policy's verdict on a proposal, worked out once and shared by the static checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentic.checks.subject import Subject
from agentic.lineage import EmittedColumns
from agentic.policy import ChangeRule, ChangeRules, ChangeVerdict, ProjectView, judge_change
from agentic.project import text_files
from agentic.records import Rule


def files_of(subject: Subject) -> tuple[Mapping[str, str | None], Mapping[str, str | None]]:
    """(after, before) of every edit that changes something."""
    edits = [edit for edit in subject.proposal.edits if edit.before != edit.after]
    return {one.path: one.after for one in edits}, {one.path: one.before for one in edits}


def verdict_of(subject: Subject) -> ChangeVerdict:
    """The verdict on all edits together."""
    if "change_verdict" not in subject.memo:
        files, before = files_of(subject)
        subject.memo["change_verdict"] = judge_change(
            files, before, project=view_of(subject), rules=rules_of(subject)
        )
    found: ChangeVerdict = subject.memo["change_verdict"]
    return found


def view_of(subject: Subject) -> ProjectView:
    """The project's files as they are, without what dbt makes."""
    if "change_view" not in subject.memo:
        project = subject.project
        made = {project.target_path.name, project.packages_path.name, "logs"}
        packages = project.packages_path
        subject.memo["change_view"] = ProjectView(
            files=text_files(project.root, leave_out=made),
            package_files={
                folder.name: text_files(folder)
                for folder in (sorted(packages.iterdir()) if packages.is_dir() else [])
                if folder.is_dir()
            },
            dialect=subject.dialect,
            unique_ids=_unique_ids(subject),
            relations=_relations(subject),
            emitted=EmittedColumns(subject.manifest, subject.graph, subject.dialect, project.root),
        )
    found: ProjectView = subject.memo["change_view"]
    return found


def _unique_ids(subject: Subject) -> dict[str, str]:
    return {
        node.original_file_path: uid
        for uid, node in subject.manifest.all.items()
        if uid.startswith(("model.", "snapshot.", "seed.", "analysis."))
        and node.package_name == subject.project.name
    }


def _relations(subject: Subject) -> dict[str, str]:
    return {
        uid: f"{node.schema}.{node.alias or node.name}".lower()
        for uid, node in subject.manifest.all.items()
        if uid.startswith(("model.", "snapshot.", "seed.")) and node.schema
    }


def rules_of(subject: Subject) -> ChangeRules:
    """The compiled rules in the policy's shape; none: every change is `ask`."""
    rails: Any = subject.guardrails
    if rails is None:
        return ChangeRules()
    world = subject.world
    return ChangeRules(
        allow=_rules(rails.change_allow),
        ask=_rules(rails.change_ask),
        deny=_rules(rails.change_deny),
        read_deny=world.read_deny if world is not None else (),
        pii_columns=(*world.columns_deny, *world.pii_columns) if world is not None else (),
    )


def _rules(rules: Iterable[Rule]) -> tuple[ChangeRule, ...]:
    return tuple(
        ChangeRule(one.text, unique_ids=one.nodes, paths=one.paths, relations=one.relations)
        for one in rules
    )
