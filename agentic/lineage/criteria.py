"""The grammar of node selection as trees: what `--select`, `--exclude` and selectors.yml say.

Text and YAML end in the same shapes, so that one evaluation, in `selectors`, serves both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec

from agentic.exceptions import SelectorError
from agentic.lineage.methods import METHODS, NEEDS_DBT, UNSUPPORTED, default_method

Indirect = Literal["eager", "cautious", "buildable", "empty"]
"""Which tests come along: as soon as one parent is selected, when all are, when the others are
parents of what is selected, or none."""

_PART = re.compile(
    r"\A(?P<at>@)?(?:(?P<up>\d*)\+)?(?:(?P<method>[\w.]+):)?(?P<value>.*?)(?:\+(?P<down>\d*))?\Z"
)
_EVERYTHING = "fqn:* source:* exposure:* metric:* semantic_model:*"


class Criterion(msgspec.Struct, frozen=True):
    """One method and value with its operators."""

    raw: str
    """As written, for messages."""
    method: str
    arguments: tuple[str, ...]
    value: str
    at: bool
    up: str | None
    """Depth of parents as text; empty for all of them; None for none."""
    down: str | None
    indirect: Indirect


class Group(msgspec.Struct, frozen=True):
    """Several selections as one."""

    raw: str
    """Where it stands for a term that should match something; else empty."""
    operation: Literal["union", "intersection", "difference"]
    parts: tuple[Spec, ...]
    indirect: Indirect = "eager"


Spec = Criterion | Group


def from_text(select: str, exclude: str = "", indirect: Indirect = "eager") -> Spec:
    """Union by space, intersection by comma, as on the command line. Raises SelectorError.

    An empty `select` is everything.
    """
    _known(indirect)
    included = _union(select or _EVERYTHING, indirect, named=bool(select))
    if not exclude.strip():
        return included
    return Group("", "difference", (included, _union(exclude, indirect, named=True)))


def _union(text: str, indirect: Indirect, *, named: bool) -> Group:
    terms = tuple(
        Group(
            term if named else "",
            "intersection",
            tuple(_part(raw, text, indirect) for raw in term.split(",")),
            indirect,
        )
        for term in text.split()
    )
    return Group("", "union", terms, indirect)


def from_yaml(
    name: str, selectors: Mapping[str, Mapping[str, Any]], indirect: Indirect = "eager"
) -> Spec:
    """A selector of selectors.yml, as the manifest carries it. Raises SelectorError."""
    _known(indirect)
    entry = selectors.get(name)
    if entry is None:
        known = ", ".join(sorted(selectors)) or "none: the project has no selectors.yml"
        raise SelectorError(f"no selector is named {name!r}", hint=f"Selectors: {known}.")
    return _definition(entry.get("definition"), _Reading(selectors, indirect, (name,)))


def default_selector(selectors: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The selector that stands where no selection is given; None without one."""
    return next((name for name, one in selectors.items() if one.get("default") is True), None)


class _Reading(msgspec.Struct, frozen=True):
    """Where in selectors.yml we are."""

    selectors: Mapping[str, Mapping[str, Any]]
    indirect: Indirect
    inside: tuple[str, ...]
    """Selectors that are being read, so that one that names itself is refused."""


def _definition(found: Any, reading: _Reading) -> Spec:
    if isinstance(found, str):
        return _part(found, found, reading.indirect)
    if not isinstance(found, dict) or not found:
        raise _malformed(found, reading)
    for operation in ("union", "intersection"):
        if operation in found:
            return _combined(operation, found[operation], reading)
    return _single(found, reading)


def _combined(operation: Any, items: Any, reading: _Reading) -> Spec:
    if not isinstance(items, list):
        raise _malformed({operation: items}, reading)
    excluded = [one for one in items if isinstance(one, dict) and set(one) == {"exclude"}]
    parts = tuple(_definition(one, reading) for one in items if one not in excluded)
    if len(excluded) > 1:
        raise _malformed({operation: items}, reading)
    return _without(Group("", operation, parts), excluded[0] if excluded else {}, reading)


def _without(spec: Spec, found: Mapping[str, Any], reading: _Reading) -> Spec:
    if "exclude" not in found:
        return spec
    if not isinstance(found["exclude"], list):
        raise _malformed(dict(found), reading)
    parts = tuple(_definition(one, reading) for one in found["exclude"])
    return Group("", "difference", (spec, Group("", "union", parts))) if parts else spec


def _single(found: dict[str, Any], reading: _Reading) -> Spec:
    if "method" not in found and len(found) == 1:
        method, value = next(iter(found.items()))
        found = {"method": method, "value": value}
    if "method" not in found or "value" not in found:
        raise _malformed(found, reading)
    if found["method"] == "selector":
        name = str(found["value"])
        if name in reading.inside or name not in reading.selectors:
            raise SelectorError(
                f"selector {reading.inside[-1]!r} names the selector {name!r}, which "
                + ("names it in turn" if name in reading.inside else "does not exist")
            )
        inner = msgspec.structs.replace(reading, inside=(*reading.inside, name))
        return _definition(reading.selectors[name].get("definition"), inner)
    indirect = found.get("indirect_selection") or reading.indirect
    _known(indirect)
    method, *arguments = str(found["method"]).split(".")
    spec = Criterion(
        raw=f"{found['method']}:{found['value']}",
        method=_method(method, f"{found['method']}:{found['value']}"),
        arguments=tuple(arguments),
        value=str(found["value"]),
        at=bool(found.get("childrens_parents")),
        up=_depth(found, "parents"),
        down=_depth(found, "children"),
        indirect=indirect,
    )
    return _without(_compatible(spec), found, reading)


def _depth(found: Mapping[str, Any], key: str) -> str | None:
    if not found.get(key):
        return None
    depth = found.get(f"{key}_depth")
    return "" if depth is None else str(depth)


def _part(raw: str, expression: str, indirect: Indirect) -> Criterion:
    match = _PART.match(raw)
    if match is None or not match["value"]:
        raise SelectorError(
            f"{raw!r} in selection {expression!r} names nothing",
            hint="Write a node's name, or METHOD:VALUE such as tag:gold or path:models/staging.",
        )
    written = match["method"]
    method, *arguments = written.split(".") if written else [default_method(match["value"])]
    return _compatible(
        Criterion(
            raw=raw,
            method=_method(method, raw),
            arguments=tuple(arguments),
            value=match["value"],
            at=bool(match["at"]),
            up=match["up"],
            down=match["down"],
            indirect=indirect,
        )
    )


def _compatible(spec: Criterion) -> Criterion:
    if spec.at and spec.down is not None:
        raise SelectorError(
            f"{spec.raw!r}: '@' before and '+' after a name cannot be combined",
            hint="'@' already takes the children with all their parents: drop the '+'.",
        )
    return spec


def _method(method: str, raw: str) -> str:
    if method in NEEDS_DBT:
        raise SelectorError(
            f"{raw!r}: the method {method!r} compares with another run, which only dbt can do",
            code=UNSUPPORTED,
        )
    if method not in METHODS:
        raise SelectorError(
            f"{raw!r}: {method!r} is not a selector method",
            hint=f"Methods: {', '.join(sorted({*METHODS, *NEEDS_DBT}))}.",
        )
    return method


def _known(indirect: str) -> None:
    if indirect not in get_args(Indirect):
        raise SelectorError(
            f"indirect selection {indirect!r} does not exist",
            hint=f"One of: {', '.join(get_args(Indirect))}.",
        )


def _malformed(found: Any, reading: _Reading) -> SelectorError:
    return SelectorError(
        f"selector {reading.inside[-1]!r} is malformed at {str(found)[:120]}",
        hint="A definition is a text, {method, value}, or one of union and intersection.",
    )


def criteria(spec: Spec) -> Sequence[Criterion]:
    """Every criterion of a selection, in order."""
    if isinstance(spec, Criterion):
        return (spec,)
    return [one for part in spec.parts for one in criteria(part)]
