"""PagerDuty: Events API version 2."""

from __future__ import annotations

from collections.abc import Mapping

from agentic.integrations.http import request
from agentic.integrations.message import Notice


def send(settings: Mapping[str, str], notice: Notice) -> None:
    """Trigger an incident; the same key never makes a second one. Raises ServiceError."""
    body = {
        "routing_key": settings["routing_key"],
        "event_action": "trigger",
        "dedup_key": notice.key,
        "payload": {
            "summary": notice.title[:1000],
            "source": notice.facts.get("project", "agentic"),
            "severity": "error",
            "custom_details": {**notice.facts, "text": "\n".join(notice.lines)},
        },
    }
    request("POST", settings["url"], body=body)
