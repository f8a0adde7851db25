"""Specs + project + registries -> target/agentic/manifest.json."""

from agentic.compiler import codes as codes
from agentic.compiler.artifact import manifest_path, manifest_text, read_manifest, write_manifest
from agentic.compiler.compare import Widening, widened_between
from agentic.compiler.compile import Checked, check_project, compile_project, compile_role
from agentic.compiler.delegates import delegate_spec
from agentic.compiler.fresh import current_manifest, parse_project
from agentic.compiler.instructions import lineage_of, render_instructions
from agentic.compiler.own_servers import server_body
from agentic.compiler.plans import plan_of_text
from agentic.compiler.prompts import Prompt, offered_tools, prompts_of
from agentic.compiler.revision import AtRevision, compile_revision
from agentic.compiler.rules import path_matches

__all__ = [
    "AtRevision",
    "Checked",
    "Prompt",
    "Widening",
    "check_project",
    "compile_project",
    "compile_revision",
    "compile_role",
    "current_manifest",
    "delegate_spec",
    "lineage_of",
    "manifest_path",
    "manifest_text",
    "offered_tools",
    "parse_project",
    "path_matches",
    "plan_of_text",
    "prompts_of",
    "read_manifest",
    "render_instructions",
    "server_body",
    "widened_between",
    "write_manifest",
]
