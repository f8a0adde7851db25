"""Services outside, one file each: who is told of an escalation, where a pull request is opened.

A setting stays a reference until `settings_of` resolves it, just before it is used.
"""

from agentic.integrations import codes as codes
from agentic.integrations.declared import Declared, fault_in_request, perform
from agentic.integrations.github import GithubHost, PullRequest, Review, repository_of
from agentic.integrations.message import Notice
from agentic.integrations.notice import NOTIFIERS, send
from agentic.integrations.settings import resolved_secrets, settings_of

__all__ = [
    "NOTIFIERS",
    "Declared",
    "GithubHost",
    "Notice",
    "PullRequest",
    "Review",
    "fault_in_request",
    "perform",
    "repository_of",
    "resolved_secrets",
    "send",
    "settings_of",
]
