"""Runs a template's statements to the SQL text that dbt would send, and notes what it does on the
way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import nodes

from agentic.policy.changes import filters
from agentic.policy.changes.dbt_scope import DBT_SQL, EFFECTS, dbt_sql, pure_sql
from agentic.policy.changes.evaluate import Evaluator, Frame, dated
from agentic.policy.changes.rendered import Effect, Rendered, Scope, bound
from agentic.policy.changes.template import MARK, source_key
from agentic.policy.changes.values import (
    MAX_RANGE,
    MAX_TEXT,
    QUOTES,
    REF,
    SEPARATOR,
    SOURCE,
    THIS,
    Box,
    Builtin,
    Callee,
    Opaque,
    Package,
    Relation,
    Return,
    TooMuch,
    ends_statement,
    known,
    text_of,
)

CONSTANTS = {"true": True, "false": False, "none": None, "execute": True}
"""SQL is sent by dbt only while it executes, so that the other way is never a statement."""


class Renderer(Evaluator):
    """One pass over one template, one way of taking undecided conditions."""

    def __init__(self, scope: Scope, choices: Mapping[str, bool], otherwise: bool) -> None:
        super().__init__(choices, otherwise)
        self.scope = scope
        self.quote = QUOTES.get(scope.dialect, '"')
        self.package = scope.package
        self.refs: list[str] = []
        self.sources: list[str] = []
        self.config: dict[str, Any] = {}
        self.effects: list[Effect] = []
        self.unknown: list[str] = []
        self.variables: list[str] = []
        self.depth = 0
        self.product = 1

    def run(self, body: list[nodes.Node]) -> Rendered:
        """The text of a body. Raises TooMuch."""
        try:
            text = self.body(body)
        except Return as early:
            text = text_of(early.value)
        except RecursionError as error:
            raise TooMuch("macros call each other without an end") from error
        return Rendered(
            text,
            tuple(dict.fromkeys(self.refs)),
            tuple(dict.fromkeys(self.sources)),
            self.config,
            tuple(self.effects),
            tuple(dict.fromkeys(self.unknown)),
            tuple(dict.fromkeys(self.variables)),
            self.asked,
            tuple(self.hidden),
            self.outside,
            tuple(self.reached),
        )

    def foreign(self) -> bool:
        return self.package != self.scope.package

    def body(self, body: list[nodes.Node]) -> str:
        out: list[str] = []
        size = 0
        for node in body:
            self.tick()
            text = getattr(self, "do_" + type(node).__name__.lower(), self.nothing)(node)
            size += len(text)
            if size > MAX_TEXT:
                raise TooMuch("the template prints more than two million characters")
            out.append(text)
        return "".join(out)

    def nothing(self, node: nodes.Node) -> str:  # noqa: ARG002 - same signature as its siblings
        return ""

    def do_output(self, node: nodes.Output) -> str:
        return "".join(self.printed(one) for one in node.nodes)

    def printed(self, node: nodes.Node) -> str:
        value = self.value(node)
        return "" if value is None and isinstance(node, nodes.Call) else text_of(value)

    def do_exprstmt(self, node: nodes.ExprStmt) -> str:
        self.value(node.node)
        return ""

    def do_if(self, node: nodes.If) -> str:
        if self.truth(node.test):
            return self.body(node.body)
        for branch in node.elif_:
            if self.truth(branch.test):
                return self.body(branch.body)
        return self.body(node.else_)

    def do_for(self, node: nodes.For) -> str:
        items = self.items(self.value(node.iter))
        if not items:
            return self.body(node.else_)
        before = self.product
        self.product *= len(items)
        if self.product > MAX_RANGE:
            raise TooMuch("loops run more than 1,000,000 times")
        if isinstance(items, range):
            items = list(items[:60]) + ([items[-1]] if len(items) > 60 else [])
        out = []
        for number, item in enumerate(items):
            frame: Frame = {
                "loop": {
                    "index": number + 1,
                    "index0": number,
                    "first": number == 0,
                    "last": number == len(items) - 1,
                    "length": len(items),
                    "revindex": len(items) - number,
                    "revindex0": len(items) - number - 1,
                    "previtem": items[number - 1] if number else None,
                    "nextitem": items[number + 1] if number + 1 < len(items) else None,
                }
            }
            self.frames.append(frame)
            self.assign(node.target, item)
            if node.test is None or self.truth(node.test):
                out.append(self.body(node.body))
            self.frames.pop()
        self.product = before
        return "".join(out)[:MAX_TEXT]

    @staticmethod
    def items(value: Any) -> Any:
        if isinstance(value, range):
            if len(value) > MAX_RANGE:
                raise TooMuch(f"a loop runs {len(value)} times")
            return value
        if isinstance(value, list | tuple | str):
            return list(value)
        if isinstance(value, dict):
            return list(value)
        return [Opaque(f"item of {value}")]

    def assign(self, target: nodes.Node, value: Any) -> None:
        if isinstance(target, nodes.Name):
            self.frames[-1][target.name] = value
        elif isinstance(target, nodes.NSRef):
            box = self.name(target.name)
            if isinstance(box, Box):
                box.fields[target.attr] = value
        elif isinstance(target, nodes.Tuple):
            many = list(value) if isinstance(value, list | tuple) else []
            for number, one in enumerate(target.items):
                self.assign(
                    one, many[number] if number < len(many) else Opaque(f"{value}[{number}]")
                )

    def do_assign(self, node: nodes.Assign) -> str:
        self.assign(node.target, self.value(node.node))
        return ""

    def do_assignblock(self, node: nodes.AssignBlock) -> str:
        value: Any = self.body(node.body)
        if node.filter is not None:
            value = self.filtered(node.filter, value)
        self.assign(node.target, value)
        return ""

    def do_macro(self, node: nodes.Macro) -> str:
        kind, mark, _ = node.name.partition(MARK)
        if not mark:
            self.frames[-1][node.name] = Callee(self.package, node.name, node)
        elif kind == "snapshot":
            return self.body(node.body)
        return ""

    def do_callblock(self, node: nodes.CallBlock) -> str:
        body = self.body(node.body)
        callee = self.value(node.call.node)
        args, kwargs = self.arguments(node.call)
        if isinstance(callee, Callee):
            return text_of(self.expand(callee, args, kwargs, body))
        if isinstance(callee, Builtin) and callee.name.split(".")[-1] == "statement":
            self.effects.append(Effect("statement", body))
            return ""
        return body

    def do_filterblock(self, node: nodes.FilterBlock) -> str:
        return text_of(self.filtered(node.filter, self.body(node.body)))

    def do_with(self, node: nodes.With) -> str:
        self.frames.append({})
        for target, value in zip(node.targets, node.values, strict=True):
            self.assign(target, self.value(value))
        text = self.body(node.body)
        self.frames.pop()
        return text

    def do_scope(self, node: nodes.Scope) -> str:
        return self.body(node.body)

    def filtered(self, node: nodes.Filter, value: Any) -> Any:
        args = [self.value(one) for one in node.args]
        kwargs = {str(pair.key): self.value(pair.value) for pair in node.kwargs}
        result = filters.apply(node.name, value, args, kwargs)
        if isinstance(result, Opaque) and not isinstance(value, Opaque):
            return self.lost(node.name, [value, *args, *kwargs.values()])
        return result

    def on_filter(self, node: nodes.Filter) -> Any:
        return self.filtered(node, self.value(node.node) if node.node is not None else "")

    def on_test(self, node: nodes.Test) -> Any:
        answer = filters.check(
            node.name, self.value(node.node), [self.value(one) for one in node.args]
        )
        return Opaque(source_key(node)) if answer is None else answer

    def look_up(self, name: str) -> Any:
        macro = self.scope.macros.find(name, self.package)
        if macro is not None:
            return macro
        if name == "this":
            return Relation(THIS, self.scope.this, self.quote)
        if name in CONSTANTS:
            return CONSTANTS[name]
        if self.scope.macros.has_package(name):
            return Package(name)
        if name in EFFECTS or name in DBT_SQL:
            return Builtin(name)
        self.unknown.append(name)
        return Opaque(f"undefined:{name}")

    def member(self, package: Package, name: str) -> Any:
        macro = self.scope.macros.get(package.name, name)
        if macro is None and self.scope.macros.pure_by_name(package.name, name):
            return Builtin(f"pure.{name}")
        if macro is None:
            self.unknown.append(f"{package.name}.{name}")
            return Opaque(f"{package.name}.{name}")
        return macro

    def call_value(self, callee: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if isinstance(callee, Callee):
            return self.expand(callee, args, kwargs, None)
        if callee.name.startswith("pure."):
            if any(map(ends_statement, [*args, *kwargs.values()])):
                return self.lost(callee.name, ";")
            return pure_sql(callee.name.removeprefix("pure."), args, kwargs)
        name = callee.name.removeprefix("dbt.")
        if name in DBT_SQL:
            return dbt_sql(name, args, kwargs)
        if name.endswith((".strftime", ".strptime")):
            return dated(name.rpartition(".")[2], args)
        handler = getattr(self, "call_" + name.replace(".", "_"), None)
        if handler is not None:
            return handler(args, kwargs)
        if callee.name.startswith(("adapter.", "api.", "exceptions.", "graph.", "load_", "doc")):
            return Opaque(f"{callee.name}({[text_of(one) for one in args]})")
        return self.lost(callee.name, [*args, *kwargs.values()])

    def expand(
        self, callee: Callee, args: list[Any], kwargs: dict[str, Any], body: str | None
    ) -> Any:
        """What a macro prints or returns."""
        if self.depth > 40:
            raise TooMuch(f"{callee.name} calls itself without an end")
        block = callee.block
        frame = bound(self, block, args, kwargs)
        if body is not None:
            frame["caller"] = Builtin("caller")
            frame["__caller"] = body
        before, package, product = self.frames, self.package, self.product
        self.frames = [before[0], frame] if package == callee.package else [{}, frame]
        self.package, self.depth = callee.package, self.depth + 1
        try:
            return self.body(block.body)
        except Return as early:
            return early.value
        finally:
            self.frames, self.package, self.depth = before, package, self.depth - 1
            self.product = product

    # -- dbt's own functions, by name
    def call_caller(self, args: list[Any], kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        return self.name("__caller")

    def call_ref(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if not args or not known(args):
            self.unknown.append("ref of an unknown name")
            return Opaque("ref")
        version = kwargs.get("v", kwargs.get("version"))
        name = text_of(args[-1])
        if version is not None:
            name = f"{name}.v{version}"
        self.refs.append(name if len(args) == 1 else f"{args[0]}{SEPARATOR}{name}")
        return Relation(REF, name, self.quote)

    def call_source(self, args: list[Any], kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        if len(args) != 2 or not known(args):
            self.unknown.append("source of an unknown name")
            return Opaque("source")
        name = f"{args[0]}{SEPARATOR}{args[1]}"
        self.sources.append(name)
        return Relation(SOURCE, name, self.quote)

    def call_config(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        for one in (*args, kwargs):
            self.config |= one if isinstance(one, dict) else {"?": one}
        return ""

    def call_config_get(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        fallback = args[1] if len(args) > 1 else kwargs.get("default")
        return (
            self.config.get(args[0], Opaque(f"config {args[0]}") if fallback is None else fallback)
            if args
            else None
        )

    def call_var(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        name = text_of(args[0]) if args else ""
        if name in self.scope.variables:
            value = self.scope.variables[name]
            jinja = isinstance(value, str) and "{" in value and ("{{" in value or "{%" in value)
            return Opaque(f"var {name}") if jinja else value
        if len(args) > 1 or "default" in kwargs:
            return args[1] if len(args) > 1 else kwargs["default"]
        self.variables.append(name)
        return Opaque(f"var {name}")

    def call_return(self, args: list[Any], kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        raise Return(args[0] if args else None)

    def call_log(self, args: list[Any], kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        return ""

    call_print = call_log
    call_exceptions_warn = call_log
    call_exceptions_raise_compiler_error = call_log

    def call_range(self, args: list[Any], kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        if not args or not all(isinstance(one, int) for one in args):
            return Opaque("range")
        try:
            return range(*args)
        except (TypeError, ValueError):
            return Opaque("range")

    def call_dict(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return dict(args[0]) | kwargs if args and isinstance(args[0], dict) else dict(kwargs)

    def call_namespace(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return Box((args[0] if args and isinstance(args[0], dict) else {}) | kwargs)

    def call_set(self, args: list[Any], kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        return list(dict.fromkeys(args[0])) if args and known(args[0]) else Opaque("set")

    def call_zip(self, args: list[Any], kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        if args and all(isinstance(one, list | tuple) for one in args):
            return [list(row) for row in zip(*args, strict=False)]
        return Opaque("zip")

    def call_run_query(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        text = text_of(args[0] if args else kwargs.get("sql", ""))
        self.effects.append(Effect("run_query", text))
        return Opaque(f"result of {text[:200]}")

    call_get_columns_in_query = call_run_query

    def call_adapter_quote(self, args: list[Any], kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        return f"{self.quote}{text_of(args[0])}{self.quote}" if args else ""

    def call_adapter_dispatch(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The adapter's own macro where there is one, else the default one."""
        name = text_of(args[0]) if args else ""
        package = args[1] if len(args) > 1 else kwargs.get("macro_namespace", self.package)
        found = self.scope.macros.dispatch(
            text_of(package or self.package), name, self.scope.dialect
        )
        return found if found is not None else Builtin(f"dbt.{name}")
