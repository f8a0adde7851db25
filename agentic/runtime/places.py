"""What a run opens: a reading connection and a workspace, each late, once, and closed for sure."""

from __future__ import annotations

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
        self._connection: Connection | None = None
        self._workspace: Workspace | None = None
        self._target: Target | None = None

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
        """The baseline's warehouse, read-only. Raises WarehouseError."""
        if self._connection is None:
            self._connection = open_connection(self.target, project_root=self.session.project.root)
        return self._connection

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
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Close both; the workspace is removed."""
        self.release_connection()
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None
