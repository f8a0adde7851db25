"""`agentic eval --roles`: a role's wrong results, and what rejects each."""

from __future__ import annotations

import tempfile
from pathlib import Path

from agentic.cli.options import Flags
from agentic.cli.output import emit_json, emit_text, note


def play(flags: Flags) -> int:
    """Play every eval of a role that the project has. Returns the exit code."""
    from agentic.evals.databases import EvalError
    from agentic.evals.roles import CAVEAT, FOLDER, play_roles, read_roles, scratch_of
    from agentic.project import find_project

    project = find_project(flags.project_dir, profiles_dir=flags.profiles_dir, target=flags.target)
    evals = read_roles(project.root)
    if not evals:
        hint = f"A role's eval is {FOLDER}/<role>.yml; examples/daily_sales has one of each."
        raise EvalError(f"{project.name} has no {FOLDER}/*.yml", hint=hint)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="agentic-roles-") as scratch:
        root = scratch_of(project, Path(scratch))
        for one in play_roles(root, evals, profiles_dir=project.profiles_dir or root):
            wrong += not one.right
            if flags.as_json:
                emit_json(
                    {
                        "role": one.role,
                        "play": one.name,
                        "right": one.right,
                        "expected": one.expected,
                        "codes": list(one.codes),
                        "said": one.said,
                        "proves": "plumbing" if not one.expected else "the check",
                    }
                )
                continue
            became = ", ".join(one.codes[:2]) or "gets through"
            mark = "right" if one.right else "WRONG"
            emit_text(f"{mark:6} {one.role:20} {one.name:40} {became}")
    note(CAVEAT)
    return 1 if wrong else 0
