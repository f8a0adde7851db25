"""One change under judgement: the project before, after, and everything that judges share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from agentic.policy.changes.macro_effects import MacroJudge
from agentic.policy.changes.nodes_sql import Library
from agentic.policy.changes.paths import SYMLINK
from agentic.policy.changes.pii import Personal
from agentic.policy.changes.shapes import ChangeFinding, ChangeRules, ProjectView
from agentic.policy.changes.tree import Tree, overlay
from agentic.policy.changes.walk import Mark
from agentic.records import Verdict


class Case:
    """Built once a change. `add` collects findings."""

    def __init__(
        self,
        files: Mapping[str, str | None],
        before: Mapping[str, str | None],
        project: ProjectView,
        rules: ChangeRules,
    ) -> None:
        self.project, self.rules = project, rules
        self.base = Tree(overlay(project.files, before), project.package_files)
        plain = {
            path: text
            for path, text in files.items()
            if text is None or not text.startswith(SYMLINK)
        }
        self.after = Tree(overlay(self.base.files, plain), project.package_files)
        self.changed = {
            path: text for path, text in files.items() if self.base.files.get(path) != text
        }
        self.findings: list[ChangeFinding] = []

    def add(self, path: str, line: int, verdict: Verdict, code: str, reason: str) -> None:
        made = ChangeFinding(path, line, verdict, code, reason)
        if made not in self.findings:
            self.findings.append(made)

    def add_mark(self, path: str, mark: Mark) -> None:
        self.add(path, mark.line, mark.verdict, mark.code, mark.reason)

    @cached_property
    def base_library(self) -> Library:
        return Library(self.base, self.project.dialect, dict(self.project.columns))

    @cached_property
    def library(self) -> Library:
        return Library(self.after, self.project.dialect, dict(self.project.columns))

    @cached_property
    def macro_judge(self) -> MacroJudge:
        return MacroJudge(self.library)

    @cached_property
    def personal(self) -> Personal:
        return Personal(self.library, self.rules)

    @cached_property
    def known_relations(self) -> frozenset[str]:
        """`schema.table` of every declared source, in lower case, as far as it is written out."""
        found = set()
        for table in self.after.resources:
            if table.kind != "table":
                continue
            source_name, _, name = table.name.partition(".")
            source = self.base.declared.get(f"source:{source_name}")
            schema = str((source.keys.get("schema") if source else None) or source_name)
            found.add(f"{schema}.{table.keys.get('identifier') or name}".lower())
        return frozenset(found)

    def removed_nodes(self) -> dict[str, str]:
        """Nodes that the change takes away, with their path."""
        return {
            name: path for name, path in self.base.nodes.items() if name not in self.after.nodes
        }

    def before_path(self, path: str, name: str) -> str | None:
        """Where a node stood before: under the same path, or moved."""
        if path in self.base.files:
            return path
        return self.base.nodes.get(name)
