"""What `check changes` judges against: the project's files, its rules, a checkout's change."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agentic.cli.check_world import read_guardrails
from agentic.cli.options import Flags
from agentic.config import load_files, parse_item
from agentic.exceptions import AgenticError, ArtifactError, ConfigError, Issue
from agentic.policy import ChangeRule, ChangeRules, ProjectView
from agentic.project import Project, Repo, load_manifest, read_target, text_files
from agentic.records import Rule

_DIALECTS = {"sqlserver": "tsql", "fabric": "tsql", "synapse": "tsql", "spark": "databricks"}
SYMLINK_MODE = "120000"


def find_view(project: Project, dialect: str | None) -> ProjectView:
    """The project as the policy sees it; the manifest helps where there is one."""
    manifest = None
    try:
        manifest = load_manifest(project.manifest_path)
    except ArtifactError:
        manifest = None
    made = {project.target_path.name, project.packages_path.name, "logs"}
    packages = project.packages_path
    return ProjectView(
        files=text_files(project.root, leave_out=made),
        package_files={
            folder.name: text_files(folder)
            for folder in (sorted(packages.iterdir()) if packages.is_dir() else [])
            if folder.is_dir()
        },
        dialect=dialect or _dialect(project, manifest),
        unique_ids={
            node.original_file_path: uid
            for uid, node in (manifest.all.items() if manifest is not None else ())
            if uid.startswith(("model.", "snapshot.", "seed.", "analysis."))
            and node.package_name == project.name
        },
        relations={
            uid: f"{node.schema}.{node.alias or node.name}".lower()
            for uid, node in (manifest.all.items() if manifest is not None else ())
            if uid.startswith(("model.", "snapshot.", "seed.")) and node.schema
        },
    )


def _dialect(project: Project, manifest: Any) -> str:
    try:
        return read_target(project).relation_dialect
    except AgenticError:
        adapter = manifest.metadata.adapter_type if manifest is not None else None
        return _DIALECTS.get(adapter or "", adapter or "duckdb")


def find_rules(flags: Flags, project: Project, guardrails: Path | None) -> ChangeRules:
    """The rules of guardrails.yml. dbt selections are resolved by compiling, paths need no dbt.

    Raises ConfigError for a file that cannot be used: nothing is judged without it.
    """
    if guardrails is not None:
        written = read_guardrails(guardrails)
        lists = {
            f"{part}.{verb}": (written.get(part) or {}).get(verb) or [] for part, verb in _LISTS
        }
    else:
        specs = load_files(project.root)
        lists = {
            f"{part}.{verb}": list(getattr(getattr(specs.guardrails, part), verb) or ())
            for part, verb in _LISTS
        }
    selections = [
        text
        for items in lists.values()
        for text in items
        if parse_item(str(text)).kind == "selection"
    ]
    if selections and guardrails is None:
        return _compiled(flags)
    if selections:
        message = (
            f"{selections[0]!r} is a dbt selection, which needs the project's own guardrails.yml"
        )
        raise ConfigError([Issue(str(guardrails), 1, 1, "AC140", message, "use path: here")])
    return ChangeRules(
        allow=_rules(lists["change.allow"]),
        ask=_rules(lists["change.ask"]),
        deny=_rules(lists["change.deny"]),
        read_deny=_named(lists["read.deny"], "relation"),
        pii_columns=(*_named(lists["read.deny"], "column"), *_named(lists["read.mask"], "column")),
    )


_LISTS = (
    ("change", "allow"),
    ("change", "ask"),
    ("change", "deny"),
    ("read", "deny"),
    ("read", "mask"),
)


def _rules(items: Iterable[str]) -> tuple[ChangeRule, ...]:
    made = []
    for text in items:
        item = parse_item(str(text))
        made.append(
            ChangeRule(
                text=item.text,
                paths=(item.value,) if item.kind == "path" else (),
                relations=(item.value.lower(),) if item.kind == "relation" else (),
            )
        )
    return tuple(made)


def _named(items: Iterable[str], kind: str) -> tuple[str, ...]:
    found = (parse_item(str(text)) for text in items)
    return tuple(item.value.lower() for item in found if item.kind == kind)


def _compiled(flags: Flags) -> ChangeRules:
    from agentic.cli.compilation import compile_here

    compilation = compile_here(flags, quiet=True)
    if compilation.failure is not None:
        raise compilation.failure
    if compilation.errors or compilation.checked is None:
        raise ConfigError(compilation.errors)
    rails = compilation.checked.compiled.guardrails
    return ChangeRules(
        allow=_resolved(rails.change_allow),
        ask=_resolved(rails.change_ask),
        deny=_resolved(rails.change_deny),
        read_deny=tuple(name for rule in rails.read_deny for name in rule.relations),
        pii_columns=tuple(
            name for rule in (*rails.read_deny, *rails.read_mask) for name in rule.columns
        ),
    )


def _resolved(rules: Iterable[Rule]) -> tuple[ChangeRule, ...]:
    return tuple(
        ChangeRule(one.text, paths=one.paths, unique_ids=one.nodes, relations=one.relations)
        for one in rules
    )


def checkout_change(project: Project, base: str) -> dict[str, Any]:
    """What the checkout, uncommitted and untracked files included, changes since a revision.

    Raises GitError without a repository or for a revision that is not there.
    """
    repo = Repo.open(project.root)
    old, new = repo.resolve(base), repo.snapshot()
    prefix = repo.relative(project.root)
    prefix = "" if prefix in ("", ".") else prefix.rstrip("/") + "/"
    files: dict[str, str | None] = {}
    before: dict[str, str | None] = {}
    for path in repo.diff_paths(old, new):
        name = path.removeprefix(prefix) if path.startswith(prefix) else f"../{path}"
        files[name] = _text(repo, new, path)
        before[name] = _text(repo, old, path)
    return {"id": base, "files": files, "before": before}


def _text(repo: Repo, revision: str, path: str) -> str | None:
    """A file's text in a revision; `SYMLINK:target` for a link, None where it is not."""
    entry = repo.git("ls-tree", "--full-tree", revision, "--", path)
    text = repo.show(revision, path)
    if entry.startswith(SYMLINK_MODE):
        return f"SYMLINK:{text or ''}"
    return "SYMLINK:a submodule" if entry.startswith("160000") else text
