"""What a workspace is made of, and how its parts are made and removed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from agentic.exceptions import AgenticError, GitError, WorkspaceError
from agentic.project import (
    Dbt,
    Manifest,
    Project,
    Repo,
    Target,
    child_environment,
    find_dbt,
    named_variables,
)
from agentic.workspace.ground import Ground, drop_schemas, make_ground
from agentic.workspace.places import (
    Entry,
    Slot,
    empty_slot,
    host,
    now,
    process_id,
    project_key,
    remove_entry,
    take_slot,
    write_entry,
)
from agentic.workspace.profile import write_profile
from agentic.workspace.side import Place, Side

Variant = Literal["change", "base"]

_TREES = {"change": "tree", "base": "base"}


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What a workspace is made of."""

    project: Project
    repo: Repo
    dbt: Dbt
    baseline: Manifest
    slot: Slot
    ground: Ground
    environment: dict[str, str]
    build_schemas: tuple[str, ...]
    schemas: dict[str, str]
    """Variant -> schema; no `base` when build.schemas names a single schema."""
    suffixes: bool
    snapshot: str
    """The commit of HEAD plus the uncommitted state."""
    run_id: str


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for."""

    project: Project
    repo: Repo
    target: Target
    baseline: Manifest
    build_schemas: tuple[str, ...]
    run_id: str
    home: Path | None = None
    dbt: Dbt | None = None


def make_frame(wish: Wish) -> Frame:
    """Take a slot, note it, then snapshot the user's state and copy the warehouse file.

    Raises WorkspaceError, GitError, WarehouseError; nothing is left behind then.
    """
    root = wish.project.root
    dbt = wish.dbt or find_dbt()
    slot = take_slot(root, wish.home)
    try:
        key = f"{project_key(root)}_{slot.number}"
        schemas, suffixes = name_schemas(wish.build_schemas, key)
        empty_slot(slot.folder)
        write_entry(root, _entry(slot, wish.run_id, wish.target, schemas))
        return Frame(
            project=wish.project,
            repo=wish.repo,
            dbt=dbt,
            baseline=wish.baseline,
            slot=slot,
            ground=make_ground(wish.target, root, slot.folder / "copy", schemas["change"]),
            environment=child_environment(named=_variables(wish.project, wish.target)),
            build_schemas=wish.build_schemas,
            schemas=schemas,
            suffixes=suffixes,
            snapshot=wish.repo.snapshot(),
            run_id=wish.run_id,
        )
    except BaseException:
        empty_slot(slot.folder)
        remove_entry(root, wish.run_id)
        slot.release()
        raise


def _entry(slot: Slot, run_id: str, target: Target, schemas: dict[str, str]) -> Entry:
    return Entry(
        run_id=run_id,
        pid=process_id(),
        host=host(),
        slot=str(slot.folder),
        worktrees=tuple(str(slot.folder / name) for name in _TREES.values()),
        adapter=target.adapter,
        target=target.name,
        schemas=tuple(schemas.values()),
        started_at=now(),
    )


def _variables(project: Project, target: Target) -> frozenset[str]:
    """Read from the user's checkout: an edit in the workspace must not widen what dbt sees."""
    files = [target.profiles_path] if target.profiles_path else []
    return named_variables(project, *files)


def name_schemas(patterns: Sequence[str], key: str) -> tuple[dict[str, str], bool]:
    """The schemas of both variants, and whether custom schemas may be appended to them.

    Raises WorkspaceError when build.schemas is empty.
    """
    for pattern in patterns:
        head, star, tail = pattern.partition("*")
        if star and not any(sign in head + tail for sign in "*?["):
            change, base = f"{head}{key}{tail}", f"{head}{key}b{tail}"
            return {"change": change, "base": base}, not tail
    exact = [pattern for pattern in patterns if not any(sign in pattern for sign in "*?[")]
    if not exact:
        raise WorkspaceError(
            "build.schemas names no schema to build in",
            hint="Write `schemas: [agentic_*]` in guardrails.yml.",
        )
    return dict(zip(("change", "base"), exact, strict=False)), False


def tree_of(frame: Frame, variant: Variant) -> Path:
    """The worktree of a variant."""
    return frame.slot.folder / _TREES[variant]


def project_in(frame: Frame, variant: Variant) -> Path:
    """The dbt project inside the worktree of a variant."""
    return tree_of(frame, variant) / frame.repo.relative(frame.project.root)


def make_side(frame: Frame, variant: Variant, revision: str) -> Side:
    """Check a revision out and make it buildable. Raises GitError, WorkspaceError."""
    schema = frame.schemas[variant]
    profile = write_profile(
        frame.slot.folder / f"profiles_{variant}",
        frame.ground.source,
        schema=schema,
        changes=frame.ground.changes,
    )
    place = Place(
        name=variant,
        tree=tree_of(frame, variant),
        project_root=project_in(frame, variant),
        target_path=frame.slot.folder / f"target_{variant}",
        schema=schema,
        database=frame.ground.target.database,
        suffixes=frame.suffixes,
        cache=frame.slot.cache / variant,
    )
    side = Side(
        place,
        project=frame.project,
        dbt=frame.dbt,
        profile=profile,
        environment=frame.environment,
    )
    frame.repo.add_worktree(place.tree, revision)
    side.prepare(frame.repo.root)
    return side


def remove_tree(frame: Frame, variant: Variant) -> None:
    """Remove a worktree and git's note of it. Raises GitError."""
    frame.repo.remove_worktree(tree_of(frame, variant))


def clean_up(frame: Frame) -> tuple[str, ...]:
    """Remove all that the workspace made; returns what could not be removed, and why.

    The note goes last, and only when nothing is left: a sweep finds the rest by it.
    """
    left: list[str] = []
    variants: tuple[Variant, ...] = ("change", "base")
    for variant in variants:
        try:
            remove_tree(frame, variant)
        except GitError as error:
            left.append(f"worktree {tree_of(frame, variant)}: {error.message}")
    if frame.ground.database_path is None:
        try:
            with frame.ground.connect(writable=True) as connection:
                drop_schemas(connection, frame.schemas.values())
        except AgenticError as error:
            left.append(f"schema {frame.schemas['change']}: {error.message}")
    empty_slot(frame.slot.folder)
    if not left:
        remove_entry(frame.project.root, frame.run_id)
    frame.slot.release()
    return tuple(left)
