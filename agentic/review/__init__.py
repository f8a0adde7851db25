"""A checked proposal becomes something a person can read in a minute: a branch, a body, files."""

from agentic.review.body import label, render_body
from agentic.review.branch import Branch, branch_name, open_branch, standing_branch
from agentic.review.casefile import patch_of, run_folder, write_casefile
from agentic.review.push import base_on_remote, push_branch

__all__ = [
    "Branch",
    "base_on_remote",
    "branch_name",
    "label",
    "open_branch",
    "patch_of",
    "push_branch",
    "render_body",
    "run_folder",
    "standing_branch",
    "write_casefile",
]
