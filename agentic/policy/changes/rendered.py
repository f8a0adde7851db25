"""What a template needs to be read, and what comes of reading it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from jinja2 import nodes

from agentic.policy.changes.evaluate import Evaluator, Frame
from agentic.policy.changes.macros import MacroTable
from agentic.policy.changes.values import Opaque


class Effect(msgspec.Struct, frozen=True):
    """Something that a template does besides printing text: a query at compile time."""

    kind: str
    text: str
    """The SQL, as far as it is known; opaque parts are placeholders."""


class Rendered(msgspec.Struct, frozen=True):
    """One variant of a template."""

    text: str
    refs: tuple[str, ...] = ()
    """Node names, `package.name` for two-part references."""
    sources: tuple[str, ...] = ()
    """`source~table`."""
    config: dict[str, Any] = {}
    effects: tuple[Effect, ...] = ()
    unknown: tuple[str, ...] = ()
    """Names that nothing defines."""
    variables: tuple[str, ...] = ()
    """var() without a default, by name."""
    asked: dict[str, bool] = {}
    hidden: tuple[str, ...] = ()
    """Functions that were given SQL-like text and whose result is not known."""
    outside: bool = False
    """A package's macro took a way here that the real one may not take."""
    reached: tuple[str, ...] = ()
    """Attributes that were looked up by a name made at run time."""


class Scope(msgspec.Struct, frozen=True):
    """What a template can see."""

    macros: MacroTable
    variables: Mapping[str, Any] = {}
    dialect: str = "duckdb"
    package: str = ""
    """The project's own name."""
    this: str = ""


def bound(
    renderer: Evaluator, block: nodes.Macro, args: list[Any], kwargs: dict[str, Any]
) -> Frame:
    """A macro's arguments by name, defaults filled in."""
    frame: Frame = {"varargs": list(args[len(block.args) :]), "kwargs": {}}
    names = [one.name for one in block.args]
    frame["kwargs"] = {key: value for key, value in kwargs.items() if key not in names}
    first_default = len(names) - len(block.defaults)
    for number, name in enumerate(names):
        if number < len(args):
            frame[name] = args[number]
        elif name in kwargs:
            frame[name] = kwargs[name]
        elif number >= first_default:
            frame[name] = renderer.value(block.defaults[number - first_default])
        else:
            frame[name] = Opaque(f"undefined:{name}")
    return frame
