"""Specs + project + registries -> target/agentic/manifest.json."""

from agentic.compiler import codes as codes
from agentic.compiler.artifact import manifest_path, manifest_text, read_manifest, write_manifest
from agentic.compiler.compile import Checked, check_project, compile_project
from agentic.compiler.instructions import render_instructions
from agentic.compiler.rules import path_matches

__all__ = [
    "Checked",
    "check_project",
    "compile_project",
    "manifest_path",
    "manifest_text",
    "path_matches",
    "read_manifest",
    "render_instructions",
    "write_manifest",
]
