"""What a run opens: a reading connection and a workspace, each late, once, and closed for sure."""

from __future__ import annotations

import threading

from agentic.project import Target, list_targets
from agentic.runtime.credentials import build_target
from agentic.runtime.session import Session
from agentic.warehouse import Connection, open_connection
from agentic.workspace import Workspace, open_workspace


class Places:
    """Opens on first use, so that a diagnosis that needs no warehouse opens none."""

    def __init__(self, session: Session, run_id: str) -> None:
        self.session = session
        self.run_id = run_id
        self._connections: dict[int, Connection] = {}
        self._workspace: Workspace | None = None
        self._target: Target | None = None
        self._lock = threading.RLock()

    @property
    def target(self) -> Target:
        """The baseline's data with the credentials of `build.target`, where these reach it."""
        if self._target is None:
            session = self.session
            self._target, why = build_target(
                session.target,
                session.compiled.guardrails.build_target,
                list_targets(session.project),
            )
            if why:
                session.stream.emit("build.target", why, level="warn", run_id=self.run_id)
        return self._target

    def connection(self) -> Connection:
        """The baseline's warehouse, read-only: one a thread, since no driver's connection may be
        used by two at once. Raises WarehouseError."""
        me = threading.get_ident()
        with self._lock:
            if me not in self._connections:
                root = self.session.project.root
                self._connections[me] = open_connection(self.target, project_root=root)
            return self._connections[me]

    def workspace(self) -> Workspace:
        """The run's workspace. Raises WorkspaceError, and IsolationError before anything runs."""
        if self._workspace is None:
            self.release_connection()
            session = self.session
            self._workspace = open_workspace(
                session.project,
                session.repo,
                target=self.target,
                manifest=session.manifest,
                build_schemas=session.compiled.guardrails.build_schemas,
                run_id=self.run_id,
            )
        return self._workspace

    @property
    def schema(self) -> str:
        """The workspace's schema; empty when none was opened."""
        return self._workspace.schema if self._workspace is not None else ""

    def release_connection(self) -> None:
        """Let go of the warehouse: DuckDB's file lock would keep others out while dbt builds."""
        with self._lock:
            while self._connections:
                self._connections.popitem()[1].close()

    def close(self) -> None:
        """Close both; the workspace is removed."""
        self.release_connection()
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None
