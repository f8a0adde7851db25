"""The grammar of `connections`: each kind that is built knows its settings, with positions.

An address as text is short for the one setting that a kind cannot do without.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from agentic.config.fields import Spec, Text, invalid, one_of
from agentic.config.templates import is_template

ConnectionKind = Literal[
    "slack",
    "webhook",
    "email",
    "pagerduty",
    "linear",
    "github",
    "gitlab",
    "airflow",
    "prefect",
    "warehouse",
]
CONNECTION_KINDS: tuple[str, ...] = get_args(ConnectionKind)
NOTIFIERS = ("slack", "webhook", "pagerduty")
"""Kinds that escalations can go to."""
_HERE = r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?:/|$)"


def _address(text: str) -> str:
    """https, or http on this machine: what is sent names nodes and columns."""
    if is_template(text) or re.match(r"https://[^\s/@]+(?:/|$)\S*$", text):
        return text
    if re.match(rf"http://{_HERE}", text):
        return text
    raise invalid(
        "must be an https:// address without a user name", "http:// is for this machine alone"
    )


def _secret_address(text: str) -> str:
    """An address that is a credential itself: whoever has it can post."""
    text = _address(text)
    return text if re.match(rf"http://{_HERE}", text) else _reference(text)


def _reference(text: str) -> str:
    """A credential is never written into a file that is committed."""
    if is_template(text) and "env_var" in text:
        return text
    raise invalid(
        "must be a reference: credentials stay in the environment",
        "write \"{{ env_var('NAME') }}\"",
        "AC118",
    )


def _repository(text: str) -> str:
    if not re.fullmatch(r"[\w.\-]+/[\w.\-]+", text):
        raise invalid(f"{text!r} names no repository", "owner/name")
    return text


def _short_for(key: str) -> Callable[[Any], Any]:
    def expand(value: Any) -> Any:
        if isinstance(value, str) and value:
            return {key: value}
        if isinstance(value, dict) and value:
            return value
        raise invalid("must be an address as text, or a mapping of settings", "", "AC112")

    return expand


def _free(value: Any) -> Any:
    if isinstance(value, str) and value:
        return value
    plain = (str, int, float, bool)
    if isinstance(value, dict) and value:
        for key, item in value.items():
            many = item if isinstance(item, list | tuple) else [item]
            if not all(isinstance(one, plain) for one in many):
                raise invalid(
                    f"setting {key!r} must be text, a number or a list of them", "", "AC112"
                )
        return value
    raise invalid("must be an address as text, or a mapping of settings", "", "AC112")


Address = Annotated[Text, AfterValidator(_address)]
SecretAddress = Annotated[Text, AfterValidator(_secret_address)]
Reference = Annotated[Text, AfterValidator(_reference)]


class SlackSettings(Spec):
    """An incoming webhook of Slack."""

    url: SecretAddress
    """The webhook's address, a reference: whoever has it can post."""


class WebhookSettings(Spec):
    """Any service that takes a JSON document by POST."""

    url: Address
    """Where it goes; answers that lead elsewhere are not followed."""
    token: Reference | None = None
    """Sent as `Authorization: Bearer`."""


class PagerdutySettings(Spec):
    """Events API version 2."""

    routing_key: Reference
    """Of the service's integration."""
    url: Address = "https://events.pagerduty.com/v2/enqueue"
    """Where events go; the EU's is https://events.eu.pagerduty.com/v2/enqueue."""


class GithubSettings(Spec):
    """Pull requests and reviews over the REST API."""

    token: Reference
    """May read and write pull requests; the branch is pushed with git's own credentials."""
    repository: Annotated[Text, AfterValidator(_repository)] | None = None
    """owner/name; default: what the remote's address says."""
    remote: Annotated[Text, Field(pattern=r"^[A-Za-z0-9_][\w.\-/]*$")] = "origin"
    """Name of the git remote that branches are pushed to."""
    url: Address = "https://api.github.com"
    """The API's address: for GitHub Enterprise https://HOST/api/v3."""


_Any = WithJsonSchema({"type": ["string", "object"], "minLength": 1})
Settings = Annotated[Any, BeforeValidator(_free), _Any]
Slack = Annotated[SlackSettings, BeforeValidator(_short_for("url")), _Any]
Webhook = Annotated[WebhookSettings, BeforeValidator(_short_for("url")), _Any]
Pagerduty = Annotated[PagerdutySettings, BeforeValidator(_short_for("routing_key")), _Any]
Github = Annotated[GithubSettings, BeforeValidator(_short_for("token")), _Any]


class ConnectionSpec(Spec):
    """Where something outside is reached: exactly one kind."""

    slack: Slack | None = None
    """Address of an incoming webhook, or settings."""
    webhook: Webhook | None = None
    """Address that gets a JSON document."""
    email: Settings | None = None
    """Address, or settings of the mail server."""
    pagerduty: Pagerduty | None = None
    """Routing key, or settings."""
    linear: Settings | None = None
    """API key, or settings."""
    github: Github | None = None
    """Token, or settings."""
    gitlab: Settings | None = None
    """Token, or settings."""
    airflow: Settings | None = None
    """Address, or settings."""
    prefect: Settings | None = None
    """Address, or settings."""
    warehouse: Settings | None = None
    """Name of a dbt target, or settings."""

    @model_validator(mode="after")
    def _one_kind(self) -> ConnectionSpec:
        one_of(self, CONNECTION_KINDS, "a connection")
        return self

    @property
    def kind(self) -> str:
        return next(kind for kind in CONNECTION_KINDS if getattr(self, kind) is not None)

    @property
    def settings(self) -> Any:
        """As written: env_var() stays a reference until it is used."""
        given = getattr(self, self.kind)
        if not isinstance(given, Spec):
            return given
        written = given.model_dump(exclude_unset=True)
        first = next(iter(type(given).model_fields))
        return written[first] if set(written) == {first} else written
