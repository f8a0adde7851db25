"""One change under judgement: the project before, after, and everything that judges share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

from agentic.policy.changes.macro_effects import MacroJudge
from agentic.policy.changes.nodes_sql import Library
from agentic.policy.changes.paths import SYMLINK
from agentic.policy.changes.pii import Personal
from agentic.policy.changes.shapes import ChangeFinding, ChangeRules, ProjectView
from agentic.policy.changes.tree import Tree, overlay
from agentic.policy.changes.walk import Mark
from agentic.policy.changes.yaml_load import load, mapping
from agentic.records import Verdict
from agentic.sql.rewrite import replace_ref

_REF = re.compile(r"\bref\(\s*(?:['\"][\w-]+['\"]\s*,\s*)?['\"]([\w.-]+)['\"]")
PACKAGES = ("dbt_packages/", "dbt_modules/")


def installed(
    files: Mapping[str, str], packages: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, str], dict[str, Mapping[str, str]]]:
    """The project's own files, and packages with those that lie below dbt_packages/."""
    own: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {}
    for path, text in files.items():
        if path.startswith(PACKAGES) and path.count("/") > 1:
            _, folder, rest = path.split("/", 2)
            found.setdefault(folder, {})[rest] = text
        else:
            own[path] = text
    named = {**packages, **found}
    return own, {package_name(folder, texts): texts for folder, texts in named.items()}


def package_name(folder: str, texts: Mapping[str, str]) -> str:
    """A package's own name for itself; its folder may be called otherwise."""
    settings = mapping(load(texts.get("dbt_project.yml", "")).value)
    return str(settings.get("name") or folder)


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
        below, packages = installed(overlay(project.files, before), project.package_files)
        self.base = Tree(below, packages)
        plain = {
            path: text
            for path, text in files.items()
            if text is None or not text.startswith(SYMLINK)
        }
        self.after = Tree(overlay(self.base.files, plain), packages)
        self.changed = {
            path: text
            for path, text in files.items()
            if self.base.files.get(path) != text or path.startswith(PACKAGES)
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
        known = dict(self.project.columns)
        library = Library(self.base, self.project.dialect, known, self.changed)
        mended = self._mended(library)
        if not mended:
            return library
        tree = Tree({**self.base.files, **mended}, self.base.package_files)
        return Library(tree, self.project.dialect, known, self.changed)

    def _mended(self, base: Library) -> dict[str, str]:
        """Base files whose one dangling ref() the change gives a target, with that target.

        Such a base does not parse, so it has no rows to lose: what the change does to it is told by
        comparing with what it meant.
        """
        found: dict[str, str] = {}
        for path in self.changed:
            was, now = base.variants(path), self.library.variants(path)
            if was is None or now is None:
                continue
            had = {name for one in was.all for name in one.refs}
            has = {name for one in now.all for name in one.refs}
            dangling = [name for name in had - has if name not in self.base.nodes]
            if len(dangling) == 1 and len(has - had) == 1:
                text = replace_ref(self.base.files[path], dangling[0], (has - had).pop())
                found |= {path: text} if text is not None else {}
        return found

    @cached_property
    def library(self) -> Library:
        return Library(self.after, self.project.dialect, dict(self.project.columns), self.changed)

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

    @cached_property
    def dangling(self) -> frozenset[str]:
        """Names that the base's nodes refer to and that no file here defines."""
        found = set()
        for _, text in self.base.of_kind("model", "snapshot", "singular_test", "analysis"):
            found |= set(_REF.findall(text))
        return frozenset(one for one in found if one not in self.base.nodes)

    def calls_already(self, function: str) -> bool:
        """Does a node of the base call a function?"""
        call = re.compile(rf"(?<![\w.]){re.escape(function)}\s*\(", re.IGNORECASE)
        kinds = ("model", "snapshot", "singular_test")
        return any(call.search(text) for _, text in self.base.of_kind(*kinds))

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
