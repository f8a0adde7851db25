"""Reads a Jinja tree as dbt would, without dbt: loops and macros run, the unknown stays opaque.

Nothing of Python is reachable: attributes and calls are looked up in our own tables alone.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2 import nodes

from agentic.policy.changes.template import source_key
from agentic.policy.changes.values import (
    DICT_METHODS,
    LIST_METHODS,
    MAX_RANGE,
    MAX_TEXT,
    TEXT_METHODS,
    Box,
    Builtin,
    Callee,
    Opaque,
    Package,
    Relation,
    TooMuch,
    known,
    risky,
    text_of,
)

BINARY: dict[type[nodes.Node], Callable[[Any, Any], Any]] = {
    nodes.Add: operator.add,
    nodes.Sub: operator.sub,
    nodes.Mul: operator.mul,
    nodes.Div: operator.truediv,
    nodes.FloorDiv: operator.floordiv,
    nodes.Mod: operator.mod,
}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gteq": operator.ge,
    "lt": operator.lt,
    "lteq": operator.le,
    "in": lambda left, right: left in right,
    "notin": lambda left, right: left not in right,
}
PYTHON_FAULTS = (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError, AttributeError)

Frame = dict[str, Any]


class Evaluator:
    """Expressions. What dbt offers is asked of `self.call_builtin` and `self.look_up`."""

    def __init__(self, choices: Mapping[str, bool], otherwise: bool) -> None:
        self.choices = choices
        self.otherwise = otherwise
        self.asked: dict[str, bool] = {}
        """Conditions that could not be decided, and how they were taken."""
        self.outside = False
        """Was a condition of a package's macro taken without knowing it?"""
        self.steps = 0
        self.frames: list[Frame] = [{}]
        self.reached: list[str] = []
        """Attributes that were looked up by a name made at run time."""
        self.hidden: list[str] = []
        """Functions that were given SQL-like text and whose result is not followed here."""

    # -- to be filled in by Renderer
    def look_up(self, name: str) -> Any:
        raise NotImplementedError

    def call_value(self, callee: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        raise NotImplementedError

    def lost(self, note: str, values: Any) -> Opaque:
        """An unknown result. What went in may come out, so that texts are remembered."""
        if risky(values) and not self.foreign():
            self.hidden.append(note)
        return Opaque(f"{note}({text_of(values)[:200]})")

    def foreign(self) -> bool:
        """Is this a macro of an installed package, which the change did not write?"""
        return False

    def tick(self, amount: int = 1) -> None:
        self.steps += amount
        if self.steps > 200_000:
            raise TooMuch("the template does more than 200,000 steps")

    def name(self, name: str) -> Any:
        for frame in reversed(self.frames):
            if name in frame:
                return frame[name]
        return self.look_up(name)

    def truth(self, node: nodes.Node) -> bool:
        """A condition: decided where it is known, else as this variant takes it."""
        if isinstance(node, nodes.Not):
            return not self.truth(node.node)
        if isinstance(node, nodes.And):
            return self.truth(node.left) and self.truth(node.right)
        if isinstance(node, nodes.Or):
            return self.truth(node.left) or self.truth(node.right)
        value = self.value(node)
        if known(value):
            return bool(value)
        if isinstance(value, list | dict | tuple | str):
            return bool(value)
        key = source_key(node)
        taken = self.choices.get(key, self.otherwise)
        self.asked[key] = taken
        self.outside = self.outside or self.foreign()
        return taken

    def value(self, node: nodes.Node) -> Any:
        self.tick()
        method = getattr(self, "on_" + type(node).__name__.lower(), None)
        if method is not None:
            return method(node)
        if type(node) in BINARY:
            return self.binary(node)
        return Opaque(source_key(node))

    def on_const(self, node: nodes.Const) -> Any:
        return node.value

    def on_templatedata(self, node: nodes.TemplateData) -> Any:
        return node.data

    def on_name(self, node: nodes.Name) -> Any:
        return self.name(node.name)

    def on_nsref(self, node: nodes.NSRef) -> Any:
        return self.name(node.name)

    def on_list(self, node: nodes.List) -> Any:
        return [self.value(one) for one in node.items]

    def on_tuple(self, node: nodes.Tuple) -> Any:
        return tuple(self.value(one) for one in node.items)

    def on_dict(self, node: nodes.Dict) -> Any:
        pairs = [(self.value(pair.key), self.value(pair.value)) for pair in node.items]
        return {
            (key if known(key) and not isinstance(key, list | dict) else str(key)): value
            for key, value in pairs
        }

    def on_neg(self, node: nodes.Neg) -> Any:
        value = self.value(node.node)
        return -value if isinstance(value, int | float) else Opaque(source_key(node))

    def on_pos(self, node: nodes.Pos) -> Any:
        return self.value(node.node)

    def on_not(self, node: nodes.Not) -> Any:
        value = self.value(node.node)
        return not value if known(value) else Opaque(source_key(node))

    def on_and(self, node: nodes.And) -> Any:
        left = self.value(node.left)
        if known(left):
            return self.value(node.right) if left else left
        return Opaque(source_key(node))

    def on_or(self, node: nodes.Or) -> Any:
        left = self.value(node.left)
        if known(left):
            return left if left else self.value(node.right)
        return (
            left
            if isinstance(left, list | dict | tuple | Relation) and left
            else Opaque(source_key(node))
        )

    def on_compare(self, node: nodes.Compare) -> Any:
        left = self.value(node.expr)
        for operand in node.ops:
            right = self.value(operand.expr)
            if not (known(left) and known(right)):
                return Opaque(source_key(node))
            try:
                if not COMPARE[operand.op](left, right):
                    return False
            except PYTHON_FAULTS:
                return Opaque(source_key(node))
            left = right
        return True

    def on_concat(self, node: nodes.Concat) -> Any:
        return "".join(text_of(self.value(one)) for one in node.nodes)[:MAX_TEXT]

    def on_condexpr(self, node: nodes.CondExpr) -> Any:
        if self.truth(node.test):
            return self.value(node.expr1)
        return self.value(node.expr2) if node.expr2 is not None else ""

    def binary(self, node: nodes.Node) -> Any:
        assert isinstance(node, nodes.BinExpr)
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node, nodes.Mul) and (
            isinstance(left, str | list | tuple) or isinstance(right, str | list | tuple)
        ):
            return self.repeated(left, right)
        if isinstance(left, str) and isinstance(right, Opaque | Relation):
            right = str(right)
        if isinstance(right, str) and isinstance(left, Opaque | Relation):
            left = str(left)
        if isinstance(node, nodes.Mod) and isinstance(left, str):
            return self.printf(left, right)
        try:
            return BINARY[type(node)](left, right)
        except PYTHON_FAULTS:
            return Opaque(source_key(node))

    def repeated(self, left: Any, right: Any) -> Any:
        thing, times = (right, left) if isinstance(left, int) else (left, right)
        if not isinstance(times, int):
            return Opaque("repeat")
        if times > MAX_RANGE or times * max(len(thing), 1) > MAX_TEXT:
            raise TooMuch(f"something is repeated {times} times")
        return thing * times

    @staticmethod
    def printf(left: str, right: Any) -> Any:
        many = right if isinstance(right, tuple | dict) else (right,)
        if isinstance(many, tuple):
            many = tuple(one if known(one) else str(one) for one in many)
        if "%*" in left or re.search(r"%[^a-zA-Z%]*\d{6,}", left):
            raise TooMuch("a format pads without a bound")
        try:
            return left % many
        except PYTHON_FAULTS:
            return Opaque("%" + left)

    def on_getattr(self, node: nodes.Getattr) -> Any:
        return self.attribute(self.value(node.node), node.attr, node)

    def on_getitem(self, node: nodes.Getitem) -> Any:
        base = self.value(node.node)
        if isinstance(node.arg, nodes.Slice):
            return self.sliced(base, node.arg)
        key = self.value(node.arg)
        if (
            isinstance(key, str)
            and not isinstance(base, dict)
            and (key.startswith("_") or not isinstance(base, Opaque | Relation | Box))
        ):
            self.reached.append(key)
        if isinstance(base, dict | list | tuple | str | range) and known(key):
            try:
                return base[key]
            except PYTHON_FAULTS:
                return Opaque(source_key(node))
        if isinstance(key, str):
            return self.attribute(base, key, node)
        return Opaque(source_key(node))

    def sliced(self, base: Any, arg: nodes.Slice) -> Any:
        ends = [
            self.value(one) if one is not None else None for one in (arg.start, arg.stop, arg.step)
        ]
        if isinstance(base, str | list | tuple) and all(
            isinstance(one, int | None) for one in ends
        ):
            try:
                return base[slice(*ends)]
            except PYTHON_FAULTS:
                return Opaque("slice")
        return Opaque("slice")

    def attribute(self, base: Any, attr: str, node: nodes.Node) -> Any:
        if isinstance(base, Box):
            return base.fields.get(attr, Opaque(attr))
        if isinstance(base, dict) and attr in base:
            return base[attr]
        if isinstance(base, Builtin):
            return Builtin(f"{base.name}.{attr}")
        if isinstance(base, Package):
            return self.member(base, attr)
        if isinstance(base, str | list | dict):
            return BoundMethod(base, attr)
        if isinstance(base, Relation | Opaque):
            return Opaque(f"{base}.{attr}")
        return Opaque(source_key(node))

    def member(self, package: Package, name: str) -> Any:
        raise NotImplementedError

    def arguments(self, node: nodes.Call) -> tuple[list[Any], dict[str, Any]]:
        args = [self.value(one) for one in node.args]
        kwargs = {pair.key: self.value(pair.value) for pair in node.kwargs}
        if node.dyn_args is not None:
            more = self.value(node.dyn_args)
            args += list(more) if isinstance(more, list | tuple) else []
        if node.dyn_kwargs is not None:
            extra = self.value(node.dyn_kwargs)
            kwargs |= (
                {str(k): v for k, v in extra.items()} if isinstance(extra, dict) else {"?": extra}
            )
        return args, kwargs

    def on_call(self, node: nodes.Call) -> Any:
        callee = self.value(node.node)
        args, kwargs = self.arguments(node)
        if isinstance(callee, BoundMethod):
            result = callee.call(args, kwargs)
            if isinstance(result, Opaque):
                return self.lost(callee.name, [callee.owner, *args, *kwargs.values()])
            return result
        if isinstance(callee, Builtin | Callee):
            return self.call_value(callee, args, kwargs)
        if isinstance(node.node, nodes.Getattr) and node.node.attr in ("strftime", "strptime"):
            return dated(node.node.attr, args)
        return self.lost(source_key(node), [*args, *kwargs.values()])


def dated(name: str, args: list[Any]) -> Any:
    """A date in a format is the format with numbers in it."""
    if name == "strftime" and args and isinstance(args[0], str):
        return re.sub(r"%[-#]?[A-Za-z]", "2020", args[0])
    return Opaque(name)


class BoundMethod:
    """A method of a text, list or dict, looked up by name in our own tables."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name

    def call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if isinstance(self.owner, str):
            return self._text(args, kwargs)
        names = LIST_METHODS if isinstance(self.owner, list) else DICT_METHODS
        if self.name not in names:
            return Opaque(self.name)
        try:
            result = getattr(self.owner, self.name)(*args, **kwargs)
        except PYTHON_FAULTS:
            return Opaque(self.name)
        return list(result) if self.name in ("items", "keys", "values") else result

    def _text(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        plain = [one if known(one) else str(one) for one in args]
        try:
            if self.name == "join" and isinstance(args[0], list | tuple):
                return self.owner.join(text_of(one) for one in args[0])[:MAX_TEXT]
            if self.name == "format":
                return self._format(plain, kwargs)
            if self.name in TEXT_METHODS:
                return self._bounded(plain)
        except PYTHON_FAULTS:
            pass
        return Opaque(f"{self.name}({self.owner[:80]})")

    def _bounded(self, plain: list[Any]) -> Any:
        if self.name == "zfill" and plain and isinstance(plain[0], int) and plain[0] > 10_000:
            raise TooMuch("a text is padded without a bound")
        if (
            self.name == "replace"
            and len(plain) > 1
            and len(str(plain[1])) * len(self.owner) > MAX_TEXT
        ):
            raise TooMuch("a text grows without a bound")
        return TEXT_METHODS[self.name](self.owner, *plain)

    def _format(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        words = {key: text_of(one) for key, one in kwargs.items()}
        parts = [text_of(one) for one in args]
        if re.search(r"\{[^{}]*\d{6,}", self.owner):
            raise TooMuch("a format pads without a bound")
        return self.owner.format(*parts, **words)
