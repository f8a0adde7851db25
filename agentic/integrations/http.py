"""One JSON request to an address that the files name, and to nowhere else.

No redirect is followed, no other scheme is opened, and an answer is read up to a bound: where a
request goes is decided by agents.yml alone.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import msgspec

from agentic import __version__
from agentic.exceptions import ServiceError
from agentic.masking import mask_text

TIMEOUT_S = 15.0
ANSWER_CAP = 2_000_000
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class Answer(msgspec.Struct, frozen=True):
    """What came back; of any status below 500 that the caller expects."""

    status: int
    body: bytes
    whole: bool = True
    """False: there was more than `ANSWER_CAP`, which was not read."""

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.MsgspecError:
            return None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: following it would carry the request to a place nobody named."""

    def redirect_request(self, *_: Any) -> None:
        return None


def request(
    method: str,
    url: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    expect: tuple[int, ...] = (),
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """Send one request; `body` goes as JSON. `expect` are statuses above 299 that are answers.

    Raises ServiceError for anything else, with the service's words, masked; the address itself is
    never told, since it may be a credential.
    """
    check_address(url)
    sent = {"User-Agent": f"agentic/{__version__}", "Accept": "application/json"}
    encoded = None if body is None else msgspec.json.encode(body)
    if encoded is not None:
        sent["Content-Type"] = "application/json"
    until = monotonic() + timeout_s
    call = urllib.request.Request(url, data=encoded, method=method)  # noqa: S310 - see check_address
    for name, value in (sent | dict(headers or {})).items():
        call.add_unredirected_header(name, value)
    try:
        with _OPENER.open(call, timeout=timeout_s) as found:
            text, whole = _read(found, until)
            return Answer(found.status, text, whole)
    except urllib.error.HTTPError as error:
        with error:
            text, whole = _read(error, until)
        if error.code in expect:
            return Answer(error.code, text, whole)
        said = mask_text(" ".join(text[:300].decode(errors="replace").split()))
        moved = " (it leads elsewhere, which is not followed)" if 300 <= error.code < 400 else ""
        raise ServiceError(f"{_place(url)} answered {error.code}{moved}: {said}") from error
    except (OSError, HTTPException, ValueError) as error:
        why = mask_text(str(getattr(error, "reason", "") or error or type(error).__name__))
        raise ServiceError(f"{_place(url)} cannot be reached: {why}") from error


def _read(found: Any, until: float) -> tuple[bytes, bool]:
    """What came back, up to the bound, and whether that is all of it.

    Raises TimeoutError: a service that says a byte now and then is no answer either.
    """
    read = bytearray()
    while chunk := found.read1(65_536):
        read += chunk
        if len(read) > ANSWER_CAP:
            return bytes(read[:ANSWER_CAP]), False
        if monotonic() > until:
            raise TimeoutError("the answer does not end")
    return bytes(read), True


def check_address(url: str) -> None:
    """Raises ServiceError for an address that is not https, or http on this machine."""
    parts = urlsplit(url)
    plain_here = parts.scheme == "http" and parts.hostname in _HERE
    odd = re.search(r"[\s\x00-\x1f]", url) or parts.username or not parts.hostname
    if odd or not (parts.scheme == "https" or plain_here):
        raise ServiceError(
            "a connection's address must be https:// (http:// on this machine alone)",
            hint="Check what its environment variable holds.",
        )


def _place(url: str) -> str:
    """The host alone: a path or a query may hold a credential."""
    return urlsplit(url).hostname or "the service"


def _opener() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _NoRedirect(),
    ):
        opener.add_handler(handler)
    return opener


_OPENER = _opener()
