"""The isolated place where a proposal is built: worktree, own schema, deferral, data diff."""

from agentic.workspace import codes
from agentic.workspace.copies import local_file
from agentic.workspace.diff import RelationDiff, diff_relations
from agentic.workspace.keys import clock_columns, key_of
from agentic.workspace.opening import open_workspace, sweep
from agentic.workspace.outcome import GREEN, BuildOutcome
from agentic.workspace.selection import changed_nodes, with_descendants
from agentic.workspace.spot import Spot, take_spot
from agentic.workspace.workspace import Workspace

__all__ = [
    "GREEN",
    "BuildOutcome",
    "RelationDiff",
    "Spot",
    "Workspace",
    "changed_nodes",
    "clock_columns",
    "codes",
    "diff_relations",
    "key_of",
    "local_file",
    "open_workspace",
    "sweep",
    "take_spot",
    "with_descendants",
]
