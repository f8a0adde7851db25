"""The user's dbt project: where it is, its artifacts as typed structs, its dbt, its git repository.

dbt is never imported here: artifacts are JSON files, and dbt itself is a subprocess.
"""

from agentic.project import codes as codes
from agentic.project.artifacts import load_catalog, load_freshness, load_manifest, load_run_results
from agentic.project.catalog import Catalog, CatalogColumn, CatalogTable
from agentic.project.current import changed_since, dbt_flags, parse_project
from agentic.project.dbt import Dbt, DbtOutcome, find_dbt, run_dbt
from agentic.project.environment import child_environment, named_variables, tool_environment
from agentic.project.locate import Project, find_project
from agentic.project.log_file import Logged, logged_invocations, unfinished_build
from agentic.project.manifest import (
    Group,
    Macro,
    Manifest,
    Metadata,
    Node,
    NodeColumn,
    Source,
    UnitTest,
)
from agentic.project.profiles import Target, list_targets, read_target
from agentic.project.repo import Commit, Repo
from agentic.project.results import (
    BatchResults,
    Freshness,
    FreshnessResult,
    NodeResult,
    RunResults,
)
from agentic.project.session import DbtSession
from agentic.project.text_files import text_files

__all__ = [
    "BatchResults",
    "Catalog",
    "CatalogColumn",
    "CatalogTable",
    "Commit",
    "Dbt",
    "DbtOutcome",
    "DbtSession",
    "Freshness",
    "FreshnessResult",
    "Group",
    "Logged",
    "Macro",
    "Manifest",
    "Metadata",
    "Node",
    "NodeColumn",
    "NodeResult",
    "Project",
    "Repo",
    "RunResults",
    "Source",
    "Target",
    "UnitTest",
    "changed_since",
    "child_environment",
    "dbt_flags",
    "find_dbt",
    "find_project",
    "list_targets",
    "load_catalog",
    "load_freshness",
    "load_manifest",
    "load_run_results",
    "logged_invocations",
    "named_variables",
    "parse_project",
    "read_target",
    "run_dbt",
    "text_files",
    "tool_environment",
    "unfinished_build",
]
