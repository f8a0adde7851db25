"""Slack: an incoming webhook."""

from __future__ import annotations

from collections.abc import Mapping

from agentic.integrations.http import request
from agentic.integrations.message import Notice

_LONGEST = 2900
"""Characters of one section (Slack's bound is 3,000)."""


def send(settings: Mapping[str, str], notice: Notice) -> None:
    """Post it. Slack keeps no keys: after a crash in between, a message may come twice.

    Raises ServiceError.
    """
    text = "\n".join([f"*{_plain(notice.title)}*", *map(_plain, notice.lines)])
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text[:_LONGEST]}}
    body = {"text": _plain(notice.title), "blocks": [block], "unfurl_links": False}
    request("POST", settings["url"], body=body)


def _plain(text: str) -> str:
    """Outside text calls nobody (`<!channel>`), links nowhere and formats nothing."""
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, entity)
    return " ".join(text.replace("*", "∗").replace("`", "'").split())
