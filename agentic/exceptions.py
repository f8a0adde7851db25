"""Every error that agentic raises on purpose, on one page.

    AgenticError                    a clear message with a next step; the CLI prints it and exits 2
    ├── ConfigError                 agents.yml or guardrails.yml: carries every Issue at once
    ├── ProjectError                no dbt project, no profile, artifacts that cannot be used
    │   ├── ArtifactError           a dbt artifact is missing, truncated or foreign
    │   └── DbtError                the user's dbt could not be started, or failed before building
    ├── GitError                    no repository, shallow clone, a git command failed
    ├── WarehouseError              a connection or a statement failed
    │   └── WarehouseLocked         another process holds the database file
    ├── SqlError                    text that is not SQL of the dialect
    ├── SelectorError               a node selection that cannot be evaluated here
    ├── WorkspaceError              the isolated place could not be made or used
    │   └── IsolationError          a selected node would have been written outside the workspace
    ├── StoreError                  durable state that cannot be read or written
    ├── ApprovalError               a decision that cannot be taken, or was taken already
    ├── ServiceError                a service under `connections` failed or refused
    └── EngineError                 an engine cannot go on
        ├── CredentialsMissing      no key for an engine that needs one
        └── EngineUnavailable       the service is gone, refuses, or keeps failing

A guardrail's denial is never an exception: it is a `Decision` (agentic.records).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec


class Issue(msgspec.Struct, frozen=True, order=True):
    """A fault in a file that a person wrote: prints as `file:line:col CODE message — hint`."""

    file: str
    line: int
    """1-based."""
    column: int
    """1-based."""
    code: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        head = f"{self.file}:{self.line}:{self.column} {self.code} {self.message}"
        return f"{head} — {self.hint}" if self.hint else head


class AgenticError(Exception):
    """What went wrong, where, why, and what to do next.

    `code` is one of the published codes (`agentic explain CODE`); `hint` is the next step, one
    sentence; `where` is a path or `file:line:col`.
    """

    code = "AC500"

    def __init__(
        self, message: str, *, hint: str = "", where: str = "", code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\n  {self.hint}" if self.hint else head


class ConfigError(AgenticError):
    """One or more faults in agents.yml or guardrails.yml, all of them at once."""

    code = "AC100"

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__("\n".join(str(issue) for issue in self.issues))


class ProjectError(AgenticError):
    code = "AC501"


class ArtifactError(ProjectError):
    code = "AC510"


class DbtError(ProjectError):
    code = "AC520"


class GitError(AgenticError):
    code = "AC530"


class WarehouseError(AgenticError):
    code = "AC540"


class WarehouseLocked(WarehouseError):
    code = "AC541"


class SqlError(AgenticError):
    code = "AC550"


class SelectorError(AgenticError):
    code = "AC430"


class WorkspaceError(AgenticError):
    code = "AC560"


class IsolationError(WorkspaceError):
    code = "AC561"


class StoreError(AgenticError):
    code = "AC570"


class ApprovalError(AgenticError):
    code = "AG180"


class ServiceError(AgenticError):
    code = "AC585"


class EngineError(AgenticError):
    code = "AC580"


class CredentialsMissing(EngineError):
    code = "AC581"


class EngineUnavailable(EngineError):
    code = "AC582"
