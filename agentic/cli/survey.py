"""What `agentic init` learns of a project: folders, tags, targets, owners."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from agentic.exceptions import GitError
from agentic.project import Manifest, Node, Project, Repo, Target

_EARLY = ("staging", "stage", "stg", "base", "intermediate", "int", "prep", "bronze", "silver")
_LATE = ("marts", "mart", "gold", "reporting", "reports", "presentation", "serving", "exposed")
_PII_TAGS = ("pii", "phi", "gdpr", "sensitive", "confidential", "personal")
_CARE_TAGS = ("gold", "critical", "certified", "contract", "finance", "regulatory", "sox", "tier1")
_PRODUCTION = re.compile(r"(^|[_-])(prod|production|prd|live|main_prod)([_-]|$)", re.IGNORECASE)
_BUILD = ("agentic", "ci", "pr", "test", "staging", "dev")
_PERSONAL = re.compile(
    r"(^|_)(e_?mail|phone|mobile|ssn|iban|passport|birth_?date|date_of_birth|dob|first_?name"
    r"|last_?name|surname|street|address|ip_address|credit_card)(_|$)",
    re.IGNORECASE,
)
_PLAIN_PATH = re.compile(r"[\w.\-]+(/[\w.\-]+)*")
_PLAIN_TAG = re.compile(r"[\w.\-]+")


class Survey(NamedTuple):
    """What the two files are made from."""

    project: str
    adapter: str
    allow: tuple[str, ...]
    """Folders that agents may change."""
    ask: tuple[str, ...]
    """Folders where a person is asked."""
    care_tags: tuple[str, ...]
    pii_tags: tuple[str, ...]
    personal_columns: tuple[str, ...]
    """Columns whose names sound personal and that no tag marks, as schema.table.column."""
    build_target: str
    """Empty: the baseline's, as by default."""
    production_targets: tuple[str, ...]
    """Empty: every target but the build target, as by default."""
    targets: tuple[str, ...]
    schema_pattern: str
    owner: str
    has_sources: bool
    freshness: bool
    """Whether a source declares freshness."""
    has_remote: bool = False
    """Whether there is a git host that a review could be given on."""


def survey_project(
    project: Project, target: Target, targets: Mapping[str, Target], manifest: Manifest | None
) -> Survey:
    """Look at the folders, the profile, and (where there is one) the manifest."""
    nodes = _own_nodes(project, manifest)
    allow, ask = _folders(project)
    tags = {tag for node in nodes for tag in _tags(node)}
    pii = tuple(sorted(tag for tag in tags if tag.lower() in _PII_TAGS))
    build, production = _split(target.name, tuple(targets))
    return Survey(
        project=project.name,
        adapter=target.adapter,
        allow=allow,
        ask=ask,
        care_tags=tuple(sorted(tag for tag in tags if tag.lower() in _CARE_TAGS)),
        pii_tags=pii,
        personal_columns=tuple(_personal(nodes, pii))[:12],
        build_target=build,
        production_targets=production,
        targets=tuple(sorted(targets)),
        schema_pattern=_schema_pattern(
            nodes, [one for one in targets.values() if not build or one.name != build]
        ),
        owner=_owner(nodes, manifest),
        has_sources=any(node.resource_type == "source" for node in nodes),
        freshness=any(getattr(node, "freshness", None) for node in nodes),
        has_remote=_has_remote(project),
    )


def _has_remote(project: Project) -> bool:
    try:
        return bool(Repo.open(project.root).remotes())
    except GitError:
        return False


def _own_nodes(project: Project, manifest: Manifest | None) -> list[Node]:
    found = manifest.all.values() if manifest else ()
    return [node for node in found if node.package_name == project.name]


def _tags(node: Node) -> Iterator[str]:
    every = [*node.tags, *(tag for column in node.columns.values() for tag in column.tags)]
    return (tag for tag in every if _PLAIN_TAG.fullmatch(tag))


def _folders(project: Project) -> tuple[tuple[str, ...], tuple[str, ...]]:
    allow: list[str] = []
    ask: list[str] = []
    for name in project.model_paths:
        for folder in _below(project.root / name, 3):
            relative = folder.relative_to(project.root).as_posix()
            above = [*allow, *ask]
            if any(relative.startswith(f"{other}/") for other in above):
                continue
            if _PLAIN_PATH.fullmatch(relative):
                word = folder.name.lower()
                allow += [relative] if word in _EARLY else []
                ask += [relative] if word in _LATE else []
    for name in (*project.macro_paths, *project.snapshot_paths, *project.seed_paths):
        if _PLAIN_PATH.fullmatch(name) and (project.root / name).is_dir():
            ask.append(name)
    return tuple(dict.fromkeys(allow)), tuple(dict.fromkeys(ask))


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """Folders below, nearest first."""
    level = [folder]
    for _ in range(depth):
        level = [
            child
            for parent in level
            if parent.is_dir()
            for child in sorted(parent.iterdir())
            if child.is_dir() and not child.name.startswith(".")
        ]
        yield from level


def _split(default: str, targets: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The build target and production's; empty where the defaults say it better."""
    production = tuple(sorted(name for name in targets if _PRODUCTION.search(name)))
    others = [name for name in targets if name not in production]
    if not production or not others:
        return "", ()
    named = [name for word in _BUILD for name in others if name.lower() == word]
    preferred = default if default in others else (named or sorted(others))[0]
    return ("ci" if "ci" in others else preferred), production


def _schema_pattern(nodes: Iterable[Node], targets: Iterable[Target]) -> str:
    taken = {target.schema.lower() for target in targets}
    taken |= {node.schema.lower() for node in nodes if node.schema}
    candidates = ["agentic_*", "agentic_ws_*", "agentic_workspace_*"]
    free = [
        pattern
        for pattern in candidates
        if not any(fnmatchcase(schema, pattern) for schema in taken)
    ]
    return (free or candidates)[0]


def _personal(nodes: Iterable[Node], pii: tuple[str, ...]) -> Iterator[str]:
    found = set()
    for node in nodes:
        if node.resource_type not in ("source", "seed") or not node.schema:
            continue
        for column in node.columns.values():
            marked = set(column.tags) & set(pii) or column.meta.get("pii") is True
            if _PERSONAL.search(column.name) and not marked:
                found.add(f"{node.schema}.{node.alias or node.name}.{column.name}".lower())
    return iter(sorted(name for name in found if re.fullmatch(r"[\w$]+(\.[\w$]+){2}", name)))


def _owner(nodes: Iterable[Node], manifest: Manifest | None) -> str:
    owners = Counter(
        owner for node in nodes if manifest and (owner := manifest.owner_of(node.unique_id))
    )
    best = sorted(owners.items(), key=lambda pair: (-pair[1], pair[0]))
    return best[0][0] if best else ""
