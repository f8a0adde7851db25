"""One HTTP request that a user declared: inputs are encoded, references resolved when it is sent.

Where it goes is decided by the file alone: an input can neither name a host nor leave its segment
of the path, no redirect is followed, and what comes back is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from jinja2 import nodes

from agentic.config import (
    TemplateFault,
    check_template,
    fill_template,
    is_template,
    parse_template,
    walk_template,
)
from agentic.exceptions import ServiceError
from agentic.integrations.http import request
from agentic.integrations.settings import functions_of, resolved_secrets

TEXT_CAP = 50_000
"""Characters of an answer that is no JSON; JSON that is longer is cut as text."""
_FUNCTIONS = ("var", "env_var")
_IN_QUERY = ("GET", "DELETE")
_ALONE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Declared(msgspec.Struct, frozen=True):
    """A request as the file has it."""

    method: str
    url: str
    headers: dict[str, str] = {}
    body: Any = None
    inputs: tuple[str, ...] = ()


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a declared request: which key of it, and why."""

    key: str
    message: str
    hint: str = ""


def fault_in_request(declared: Declared) -> Fault | None:
    """The first thing that is wrong; nothing is resolved or sent."""
    try:
        used = _checked_url(declared)
    except TemplateFault as fault:
        return Fault("url", fault.message, fault.hint)
    try:
        used |= _names_in(declared.body, declared.inputs)
    except TemplateFault as fault:
        return Fault("body", fault.message, fault.hint)
    unused = [name for name in declared.inputs if name not in used]
    if unused and declared.body is not None:
        return Fault("body", f"the input {unused[0]!r} is not used", f"write {{{{ {unused[0]} }}}}")
    for name, value in declared.headers.items():
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or re.search(r"[\r\n]", value):
            return Fault("headers", f"{name!r} is no header")
        if name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
            return Fault("headers", f"{name!r} is set by the request itself", "remove it")
    return None


def perform(
    name: str,
    declared: Declared,
    given: Mapping[str, Any],
    variables: Mapping[str, Any],
    *,
    timeout_s: float,
    key: str = "",
) -> dict[str, Any]:
    """Send it and give back `status` and `json` or `text`. Raises ServiceError.

    `key` goes as Idempotency-Key. Every value that came from the environment is masked everywhere
    from then on, in the answer too.
    """
    functions = functions_of(variables)
    url = _filled_url(name, declared, given, functions)
    headers = resolved_secrets(name, declared.headers, variables)
    if key and not any(one.lower() == "idempotency-key" for one in headers):
        headers["Idempotency-Key"] = key
    body = _filled_body(name, declared, given, functions)
    answer = request(
        declared.method, url, body=body, headers=headers, expect=_ANSWERS, timeout_s=timeout_s
    )
    return _told(answer.status, answer.body, whole=answer.whole)


_ANSWERS = tuple(range(400, 500))
"""What the service says to a request that it refuses tells an engine more than that it did."""


def _told(status: int, body: bytes, *, whole: bool) -> dict[str, Any]:
    if whole and len(body) <= TEXT_CAP:
        try:
            return (
                {"status": status, "json": msgspec.json.decode(body)}
                if body
                else {"status": status}
            )
        except (msgspec.MsgspecError, RecursionError):
            pass
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", body[: TEXT_CAP * 4].decode(errors="replace"))
    cut = not whole or len(text) > TEXT_CAP
    return {"status": status, "text": text[:TEXT_CAP], **({"cut_off": True} if cut else {})}


def _checked_url(declared: Declared) -> set[str]:
    """Names of inputs in the address. Raises TemplateFault."""
    tree = parse_template(declared.url)
    check_template(declared.url, (*_FUNCTIONS, *declared.inputs))
    used, before = set(), ""
    for part in tree.body:
        if not isinstance(part, nodes.Output):
            raise TemplateFault("AC243", "only {{ }} can stand in an address")
        for node in part.nodes:
            if isinstance(node, nodes.TemplateData):
                before += node.data
            elif isinstance(node, nodes.Name):
                used.add(node.name)
                if not before.strip() or re.fullmatch(r"https?://[^/?]*", before):
                    raise TemplateFault(
                        "AC243",
                        f"the input {node.name!r} would decide the host",
                        "write the host out, as https://host/path/{{ input }}",
                    )
            else:
                inner = {one.name for one in walk_template(node) if isinstance(one, nodes.Name)}
                if inner & set(declared.inputs):
                    raise TemplateFault(
                        "AC243", "an input stands alone in its braces", "write {{ input }}"
                    )
                before += "x" if before.strip() else "https://x/"
    if not is_template(declared.url) or before.startswith("http:"):
        _check_scheme(declared.url)
    if "#" in before:
        raise TemplateFault("AC243", "an address has no fragment", "remove what follows `#`")
    return used


def _check_scheme(url: str) -> None:
    here = re.match(r"http://(localhost|127\.0\.0\.1|\[::1\])([:/?]|$)", url)
    if not here and not re.match(r"https://[^/?#@\s]+([/?]|$)", url):
        raise TemplateFault("AC243", "the address must be https:// (http:// on this machine alone)")


def _names_in(value: Any, inputs: tuple[str, ...]) -> set[str]:
    if isinstance(value, str):
        check_template(value, (*_FUNCTIONS, *inputs))
        tree = parse_template(value)
        return {one.name for one in walk_template(tree) if isinstance(one, nodes.Name)}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*(_names_in(part, inputs) for part in parts))


def _filled_url(
    name: str, declared: Declared, given: Mapping[str, Any], functions: Mapping[str, Any]
) -> str:
    try:
        used = _checked_url(declared)
        encoded = {key: _encoded(name, key, given.get(key)) for key in used}
        url = fill_template(declared.url, {**functions, **encoded})
        # Two values, since the input itself may be the one that it is compared with.
        plain = [
            fill_template(declared.url, {**functions, **dict.fromkeys(used, value)})
            for value in ("x", "yy")
        ]
    except TemplateFault as fault:
        raise ServiceError(f"{fault.message}", hint=fault.hint, code="AC586") from fault
    if any(urlsplit(url)[:2] != urlsplit(one)[:2] for one in plain) or urlsplit(url).fragment:
        raise ServiceError("an input would change where the request goes")
    rest = {key: value for key, value in given.items() if key not in used}
    if declared.method in _IN_QUERY and declared.body is None and rest:
        joint = "&" if urlsplit(url).query else "?"
        url += joint + urlencode({key: _text(value) for key, value in rest.items()})
    return url


def _encoded(name: str, key: str, value: Any) -> str:
    text = _text(value)
    if not text or set(text) == {"."}:
        raise ServiceError(f"{name}: {key!r} may not be {text!r} in an address", code="AC590")
    return quote(text, safe="")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _filled_body(
    name: str, declared: Declared, given: Mapping[str, Any], functions: Mapping[str, Any]
) -> Any:
    if declared.body is None:
        if declared.method in _IN_QUERY:
            return None
        used = _checked_url(declared)
        return {key: value for key, value in given.items() if key not in used} or None

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [fill(item) for item in value]
        if not isinstance(value, str):
            return value
        alone = _ALONE.fullmatch(value.strip())
        if alone and alone[1] in given:
            return given[alone[1]]
        return fill_template(value, {**functions, **given})

    try:
        return fill(declared.body)
    except TemplateFault as fault:
        raise ServiceError(f"{name}: {fault.message}", hint=fault.hint, code="AC586") from fault
