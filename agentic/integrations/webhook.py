"""Any service that takes a JSON document."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentic.integrations.http import request
from agentic.integrations.message import Notice


def send(settings: Mapping[str, str], notice: Notice) -> None:
    """Post the notice as it is; `Idempotency-Key` is its key. Raises ServiceError."""
    headers = {"Idempotency-Key": notice.key}
    if "token" in settings:
        headers["Authorization"] = f"Bearer {settings['token']}"
    request("POST", settings["url"], body=msgspec.to_builtins(notice), headers=headers)
