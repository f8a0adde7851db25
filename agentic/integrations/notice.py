"""What people are told, and the one table of services that can tell them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agentic.exceptions import ServiceError
from agentic.integrations import pagerduty, slack, webhook
from agentic.integrations.message import Notice

Sender = Callable[[Mapping[str, str], Notice], None]

_SENDERS: dict[str, Sender] = {
    "slack": slack.send,
    "webhook": webhook.send,
    "pagerduty": pagerduty.send,
}
NOTIFIERS = tuple(_SENDERS)
"""Connection kinds that can be told; the others are refused when the files are compiled."""


def send(kind: str, settings: Mapping[str, str], notice: Notice) -> None:
    """Tell one service, once for each `notice.key` as far as the service keeps keys.

    Raises ServiceError.
    """
    sender = _SENDERS.get(kind)
    if sender is None:
        raise ServiceError(f"a connection of kind {kind} cannot be told anything")
    sender(settings, notice)
