"""Services outside, one file each: who is told of an escalation, where a pull request is opened.

A setting stays a reference until `settings_of` resolves it, just before it is used.
"""

from agentic.integrations import codes as codes
from agentic.integrations.github import GithubHost, PullRequest, Review, repository_of
from agentic.integrations.message import Notice
from agentic.integrations.notice import NOTIFIERS, send
from agentic.integrations.settings import settings_of

__all__ = [
    "NOTIFIERS",
    "GithubHost",
    "Notice",
    "PullRequest",
    "Review",
    "repository_of",
    "send",
    "settings_of",
]
