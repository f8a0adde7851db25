"""A checked proposal becomes something a person can read in a minute: a branch, a body, files."""

from agentic.review.body import label, render_body
from agentic.review.branch import Branch, branch_name, open_branch
from agentic.review.casefile import patch_of, run_folder, write_casefile

__all__ = [
    "Branch",
    "branch_name",
    "label",
    "open_branch",
    "patch_of",
    "render_body",
    "run_folder",
    "write_casefile",
]
