"""The isolated place: worktrees of the user's state, schemas of its own, real dbt builds.

The user's work tree, index, branch, stash, artifacts and every other schema are only ever read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import msgspec

from agentic.exceptions import GitError, WorkspaceError
from agentic.lineage import Graph
from agentic.project import DbtOutcome, Manifest
from agentic.warehouse import Connection
from agentic.workspace.building import (
    OnLine,
    Order,
    TooThin,
    build_side,
    compile_side,
    undone_renames,
)
from agentic.workspace.frame import (
    Frame,
    Variant,
    clean_up,
    make_side,
    project_in,
    remove_tree,
    tree_of,
)
from agentic.workspace.ground import create_schema, drop_schemas, existing
from agentic.workspace.isolation import moved_relations
from agentic.workspace.outcome import BuildOutcome
from agentic.workspace.selection import (
    changed_nodes,
    present,
    resolve,
    with_changed_ancestors,
    with_descendants,
)
from agentic.workspace.side import Side
from agentic.workspace.thin import Thin, Wanted, plan_thin
from agentic.workspace.verify import in_schema

_OLDER_TRIED = 3
"""Commits before the snapshot that are tried as base when the snapshot does not parse."""


class Workspace:
    """One proposal's isolated place. Close it, or use it as a context manager."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.leftovers: tuple[str, ...] = ()
        """What could not be removed on close; the note stays, so that a sweep can."""
        self._sides: dict[str, Side] = {}
        self._open: list[Connection] = []
        self._lock = threading.RLock()
        self._closed = False
        self._edits: dict[str, str | None] = {}

    @property
    def root(self) -> Path:
        """The worktree of the change."""
        return tree_of(self.frame, "change")

    @property
    def project_root(self) -> Path:
        """The dbt project inside the worktree of the change."""
        return project_in(self.frame, "change")

    @property
    def schema(self) -> str:
        """Schema of the change; custom schemas of nodes become `<schema>_<custom>`."""
        return self.frame.schemas["change"]

    def write_files(self, files: Mapping[str, str | None]) -> None:
        """Lay edits over the change; paths are relative to the dbt project, None deletes.

        Raises WorkspaceError for a path outside the project.
        """
        with self._lock:
            side = self._side("change")
            for path, text in files.items():
                side.write_file(path, text)
                self._edits[path] = text

    def build(
        self,
        select: Sequence[str],
        *,
        variant: Variant = "change",
        rename_undone: Sequence[tuple[str, str, str]] = (),
        revision: str | None = None,
        on_line: OnLine | None = None,
    ) -> BuildOutcome:
        """`dbt build` of explicit nodes (ids or names) and their tests, deferred to the baseline.

        Edited nodes upstream of them, and what lies between, are built too.
        `variant="base"` builds the nodes of the code before the change, without tests, in a schema
        of its own, on the same raw data; `rename_undone` then shows it raw columns under their old
        names, and `revision` is a commit to take instead of the state before the change.

        Raises IsolationError before anything runs, and WorkspaceError.
        """
        with self._lock:
            self._close_connections()
            if variant == "base":
                revisions = [revision] if revision else self._base_revisions()
                return self._build_base(select, rename_undone, revisions, on_line)
            edited = set(self._edits)

            def choose(manifest: Manifest) -> Sequence[str]:
                changed = changed_nodes(edited, manifest, self.frame.baseline) if edited else ()
                return with_changed_ancestors(resolve(select, manifest), changed, Graph(manifest))

            wanted = Wanted(edits=self._edits, select=self._ids(select))
            return self._built(self._side("change"), self._order("change", choose), wanted, on_line)

    def build_changed(
        self, paths: Collection[str], *, on_line: OnLine | None = None
    ) -> BuildOutcome:
        """Build what edits of these files change, and everything downstream of it."""

        def choose(manifest: Manifest) -> Sequence[str]:
            changed = changed_nodes(paths, manifest, self.frame.baseline)
            return with_descendants(changed, manifest, Graph(manifest))

        with self._lock:
            self._close_connections()
            side = self._side("change")
            # Files that were written but are not asked about must not be set aside.
            same = set(self._edits) == set(paths)
            wanted = Wanted(edits=self._edits) if same else None
            return self._built(side, self._order("change", choose), wanted, on_line)

    def revisions_before(self, paths: Collection[str]) -> tuple[str, ...]:
        """Commits with an earlier state of these files, the latest first, at most two.

        HEAD, where they differ from it; then what came before the last commits that touch them.
        """
        frame = self.frame
        folder = frame.repo.relative(frame.project.root)
        inside = [f"{folder}/{path}" if folder else path for path in paths]
        if not inside:
            return ()
        head = frame.repo.head()
        found = [head] if frame.repo.diff(head, frame.snapshot, paths=inside) else []
        for commit in frame.repo.log(inside, limit=_OLDER_TRIED):
            with suppress(GitError):
                found.append(frame.repo.resolve(f"{commit.sha}~1"))
        return tuple(dict.fromkeys(found))[:2]

    def compile(self, select: Sequence[str]) -> BuildOutcome:
        """`dbt compile` of the change; the outcome's manifest holds the compiled code."""
        with self._lock:
            self._close_connections()
            order = self._order("change", lambda _: select)
            return compile_side(self._side("change"), self.frame.ground, order)

    def execute(self, statements: Sequence[str], *, schema: str = "", keep: bool = True) -> None:
        """Run statements that write in the workspace's schemas alone: the caller has judged them.

        `schema`: one of the workspace's, made if it is not there; without `keep` it goes again,
        with all that was made in it. Raises WorkspaceError for another schema, and WarehouseError.
        """
        wanted = schema or self.schema
        if not in_schema(wanted, self.schema):
            raise WorkspaceError(f"{wanted} is no schema of the workspace")
        with self._lock:
            self._close_connections()
            with self.frame.ground.connect(writable=True) as connection:
                create_schema(connection, wanted)
                try:
                    for statement in statements:
                        connection.execute(statement)
                finally:
                    if not keep:
                        drop_schemas(connection, [wanted])

    def run_operation(self, macro: str, arguments: str, *, timeout_s: float) -> DbtOutcome:
        """`dbt run-operation` in the change's project, on its schema; `arguments` is JSON.

        Raises WorkspaceError and WarehouseError.
        """
        with self._lock:
            self._close_connections()
            side = self._side("change")
            if not self.frame.ground.empty:
                with self.frame.ground.connect(writable=True) as connection:
                    create_schema(connection, self.schema)
            return side.run("run-operation", macro, "--args", arguments, timeout_s=timeout_s)

    def connection(self) -> Connection:
        """A read-only session on what the workspace built and all that it may read.

        The next build closes it. Raises WarehouseError.
        """
        with self._lock:
            connection = self.frame.ground.connect()
            self._open.append(connection)
            return connection

    def close(self) -> None:
        """Remove worktrees, copies and schemas. What cannot be removed is in `leftovers`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._close_connections()
            for side in self._sides.values():
                side.keep_cache()
            self.leftovers = clean_up(self.frame)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _close_connections(self) -> None:
        """A DuckDB file that is open here cannot be written by dbt."""
        while self._open:
            self._open.pop().close()

    def _order(self, variant: Variant, choose: Callable[[Manifest], Sequence[str]]) -> Order:
        frame = self.frame
        return Order(
            choose=choose,
            baseline=frame.baseline,
            allowed=frame.build_schemas,
            state_folder=frame.slot.folder / f"state_{variant}",
            revision=frame.snapshot,
        )

    def _side(self, variant: Variant, revision: str | None = None) -> Side:
        if self._closed:
            raise WorkspaceError("the workspace is closed")
        if variant not in self._sides:
            self._sides[variant] = make_side(self.frame, variant, revision or self.frame.snapshot)
        return self._sides[variant]

    def _build_base(
        self,
        select: Sequence[str],
        renames: Sequence[tuple[str, str, str]],
        revisions: Iterable[str],
        on_line: OnLine | None,
    ) -> BuildOutcome:
        """The code before the change; where that does not parse, the last commit that does."""
        frame = self.frame
        if "base" not in frame.schemas:
            raise WorkspaceError(
                "build.schemas leaves no second schema for the code before the change",
                hint="Use a pattern, as in `schemas: [agentic_*]`.",
            )
        views, moved = undone_renames(renames, frame.baseline, frame.schemas["base"])
        outcome = None
        for revision in revisions:
            self._drop_side("base")
            side = self._side("base", revision)
            if moved:
                side.write_macros("agentic_workspace_source.sql", moved_relations(moved))
            order = msgspec.structs.replace(
                self._order("base", lambda manifest: present(select, manifest)),
                tests=False,
                renamed_views=views,
                revision=revision,
            )
            present_ids = self._ids(select)
            same = revision == frame.snapshot
            wanted = Wanted(select=present_ids) if same else None
            outcome = self._built(side, order, wanted, on_line)
            if outcome.manifest is not None:
                return outcome
        assert outcome is not None
        return outcome

    def _built(
        self, side: Side, order: Order, wanted: Wanted | None, on_line: OnLine | None
    ) -> BuildOutcome:
        """Build a thin project where that does, else the whole one."""
        frame = self.frame
        thin = self._plan(wanted) if wanted is not None else None
        if thin is not None:
            side.narrow(thin)
            try:
                narrowed = msgspec.structs.replace(order, thin=thin)
                outcome = build_side(side, frame.ground, narrowed, on_line)
                if outcome.run_results is not None:
                    return outcome
            except TooThin:
                pass
            finally:
                side.widen()
        return build_side(side, frame.ground, order, on_line)

    def _plan(self, wanted: Wanted) -> Thin | None:
        frame = self.frame
        if frame.ground.empty:
            return None
        with frame.ground.connect() as connection:
            known = existing(connection)
        return plan_thin(frame.project, frame.baseline, wanted, known)

    def _ids(self, select: Sequence[str]) -> tuple[str, ...]:
        """Of the baseline's nodes; nothing where one is unknown to it."""
        try:
            return resolve(select, self.frame.baseline)
        except WorkspaceError:
            return ()

    def _base_revisions(self) -> Iterator[str]:
        """The snapshot, HEAD where that is another commit, then older commits of the project."""
        frame = self.frame
        tried = {frame.snapshot}
        yield frame.snapshot
        folder = frame.repo.relative(frame.project.root)
        for commit in frame.repo.log([folder] if folder else [], limit=_OLDER_TRIED):
            if commit.sha not in tried:
                tried.add(commit.sha)
                yield commit.sha

    def _drop_side(self, variant: Variant) -> None:
        if self._sides.pop(variant, None) is not None:
            remove_tree(self.frame, variant)
