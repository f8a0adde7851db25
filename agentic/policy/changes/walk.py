"""Judges a Jinja tree by allow lists: names, attributes, filters, calls. Nothing is run.

What is not on a list is denied; a name that is built at run time is denied whatever it turns out
to be.
"""

from __future__ import annotations

import msgspec
from jinja2 import nodes

from agentic.policy.changes.dbt_scope import (
    ACTING,
    DBT_SQL,
    ENVIRONMENT,
    FREE,
    MODULE_ATTRIBUTES,
    RUN_ONLY,
)
from agentic.policy.changes.filters import FILTERS, TESTS
from agentic.policy.changes.macros import MacroTable
from agentic.policy.changes.template import source_key
from agentic.policy.changes.values import METHODS, unsafe_format
from agentic.policy.changes.walk_nodes import (
    bound_names,
    constant_text,
    dispatched_name,
    is_dispatch,
    is_dispatch_lookup,
    names_in,
)
from agentic.policy.changes.walk_rules import (
    DUNDER,
    OWNED,
    REACHING,
    Fault,
    always_fault,
    attribute_fault,
    global_fault,
    lookup_fault,
)
from agentic.records import Verdict


class Mark(msgspec.Struct, frozen=True):
    """One thing in a template that is not plainly free."""

    line: int
    verdict: Verdict
    code: str
    reason: str
    key: str


class Call(msgspec.Struct, frozen=True):
    """A call of a macro, for judging what the macro does."""

    line: int
    package: str
    """Empty for an unqualified name."""
    name: str
    key: str


class Walker:
    """One pass over one file. `marks` and `calls` are the result."""

    def __init__(self, macros: MacroTable, package: str) -> None:
        self.macros = macros
        self.package = package
        self.marks: list[Mark] = []
        self.calls: list[Call] = []
        self.dispatched: list[str] = []
        self.local: set[str] = set()
        self.run_values: set[str] = set()

    def walk(self, tree: nodes.Node) -> Walker:
        self.local = set(bound_names(tree))
        self._taint(tree)
        self.visit(tree)
        return self

    def _taint(self, tree: nodes.Node) -> None:
        """Names that hold an environment's or a run's value."""
        for _ in range(4):
            for node in tree.find_all((nodes.Assign, nodes.AssignBlock)):
                assert isinstance(node, nodes.Assign | nodes.AssignBlock)
                target = node.target
                if not isinstance(target, nodes.Name):
                    continue
                source = node.node if isinstance(node, nodes.Assign) else node
                names = {one.name for one in source.find_all(nodes.Name) if one.ctx == "load"}
                if names & (RUN_ONLY | self.run_values):
                    self.run_values.add(target.name)

    def mark(self, node: nodes.Node, verdict: Verdict, code: str, reason: str) -> None:
        self.marks.append(Mark(node.lineno or 0, verdict, code, reason, source_key(node)))

    def visit(self, node: nodes.Node) -> None:
        method = getattr(self, "see_" + type(node).__name__.lower(), None)
        if method is None or method(node) is not False:
            for child in node.iter_child_nodes():
                self.visit(child)

    # -- names
    def see_name(self, node: nodes.Name) -> None:
        if node.ctx != "load":
            return
        name = node.name
        if self.macros.find(name, self.package) is not None:
            self.calls.append(Call(node.lineno, "", name, source_key(node)))
        fault = always_fault(name)
        if fault is None and name not in self.local:
            fault = global_fault(name)
        if fault is None and not self.defined(name):
            reason = f"{name} is not defined, so that the file does not compile."
            fault = ("deny", "SQL_POLICY", reason)
        self.fault(node, fault)

    def fault(self, node: nodes.Node, fault: Fault | None) -> None:
        if fault is not None:
            self.mark(node, *fault)

    def defined(self, name: str) -> bool:
        return (
            name in self.local
            or name in FREE
            or name in DBT_SQL
            or name in ENVIRONMENT
            or name in ACTING
            or self.macros.find(name, self.package) is not None
            or self.macros.has_package(name)
        )

    # -- attributes and lookups
    def see_getattr(self, node: nodes.Getattr) -> bool | None:
        return self.attribute(node, node.node, node.attr)

    def see_getitem(self, node: nodes.Getitem) -> bool | None:
        base = node.node
        owner = base.name if isinstance(base, nodes.Name) and base.name not in self.local else ""
        key = constant_text(node.arg)
        if owner in OWNED | {"context", "builtins", "self"}:
            if key is not None and owner in OWNED:
                return self.attribute(node, base, key)
            self.dynamic(node, key)
            return False
        if key is not None and DUNDER.search(key):
            self.mark(node, "deny", "SANDBOX_ESCAPE", f"{key} reaches into the interpreter.")
        return None

    def dynamic(self, node: nodes.Node, key: str | None) -> None:
        self.fault(node, lookup_fault(key))

    def attribute(self, node: nodes.Node, base: nodes.Node, attr: str) -> bool | None:
        """False when the owner is judged with its attribute, so that it is not visited again."""
        owner = base.name if isinstance(base, nodes.Name) and base.name not in self.local else ""
        package = bool(owner) and self.macros.has_package(owner)
        plain = not attr.startswith("_") or (package and not DUNDER.search(attr))
        if not plain or attr in REACHING:
            self.mark(node, "deny", "SANDBOX_ESCAPE", f"{attr} reaches into the interpreter.")
            return False
        if not owner:
            return self._of_modules(node, base, attr)
        if owner in ("context", "builtins"):
            self.dynamic(node, attr)
            return False
        if package and owner not in OWNED:
            self.calls.append(Call(node.lineno, owner, attr, source_key(node)))
            return False
        self.fault(node, attribute_fault(owner, attr))
        return False if owner in OWNED or owner == "this" else None

    def _of_modules(self, node: nodes.Node, base: nodes.Node, attr: str) -> bool | None:
        root = base
        while isinstance(root, nodes.Getattr | nodes.Call | nodes.Getitem):
            root = root.node
        if (
            isinstance(root, nodes.Name)
            and root.name == "modules"
            and attr not in MODULE_ATTRIBUTES
        ):
            self.mark(
                node,
                "deny",
                "SANDBOX_ESCAPE",
                f"modules…{attr} is not among the functions that templates use.",
            )
            return False
        return None

    # -- calls, filters, tests
    def see_call(self, node: nodes.Call) -> bool | None:
        callee = node.node
        if isinstance(callee, nodes.Name):
            if callee.name in ("log", "print"):
                self._logged(node)
        elif isinstance(callee, nodes.Getattr):
            if is_dispatch_lookup(node):
                self._dispatched(node)
            self._method(node, callee)
        elif isinstance(
            callee, nodes.Getitem | nodes.Filter | nodes.CondExpr | nodes.Or | nodes.And
        ) or (isinstance(callee, nodes.Call) and not is_dispatch(callee)):
            self.mark(
                node, "deny", "JINJA_SIDE_EFFECT", "What is called here is only known at run time."
            )
        return None

    def _dispatched(self, node: nodes.Call) -> None:
        """What `adapter.dispatch(name)` picks; the name must be written out."""
        name = dispatched_name(node)
        if name is None:
            reason = "A macro that is dispatched by a name made at run time could be any."
            self.mark(node, "deny", "JINJA_SIDE_EFFECT", reason)
            return
        self.dispatched.append(name)
        if name in ACTING or not (name in DBT_SQL or name in FREE or self.macros.implemented(name)):
            reason = f"{name}, which is dispatched here, is no macro that only prints SQL."
            self.mark(node, "deny", "JINJA_SIDE_EFFECT", reason)

    def _method(self, node: nodes.Call, callee: nodes.Getattr) -> None:
        base = callee.node
        if isinstance(base, nodes.Name) and base.name not in self.local:
            if self.macros.has_package(base.name):
                return
            if base.name in OWNED | {"context", "builtins", "this", "target"}:
                return
        text = constant_text(base)
        if callee.attr == "format" and (text is None or unsafe_format(text)):
            if text is not None or not isinstance(base, nodes.Name):
                self.mark(
                    node,
                    "deny",
                    "SANDBOX_ESCAPE",
                    "A format string that reaches into its arguments is not free.",
                )
            return
        root = base
        while isinstance(root, nodes.Getattr | nodes.Call | nodes.Getitem):
            root = root.node
        if isinstance(root, nodes.Name) and root.name in (
            "modules",
            "api",
            "adapter",
            "exceptions",
        ):
            return
        if callee.attr not in METHODS:
            self.mark(
                node,
                "deny",
                "JINJA_SIDE_EFFECT",
                f".{callee.attr}() is not among the methods of plain values.",
            )

    def _logged(self, node: nodes.Call) -> None:
        for name in node.find_all(nodes.Name):
            if name.name in ("adapter", "graph", "model", "flags") and name.name not in self.local:
                self.mark(
                    node,
                    "deny",
                    "SECRET_ACCESS",
                    f"log of {name.name} may print what is not for logs.",
                )

    def see_filter(self, node: nodes.Filter) -> None:
        if node.name == "attr":
            key = constant_text(node.args[0]) if node.args else None
            self.dynamic(node, key)
        elif node.name not in FILTERS:
            self.mark(
                node,
                "deny",
                "JINJA_SIDE_EFFECT",
                f"The filter {node.name} is not among the pure ones.",
            )
        elif node.name in (
            "map",
            "select",
            "reject",
            "selectattr",
            "rejectattr",
            "groupby",
            "sort",
            "join",
            "sum",
            "unique",
        ):
            self._named(node)

    def _named(self, node: nodes.Filter) -> None:
        pairs = [(None, one) for one in node.args] + [
            (pair.key, pair.value) for pair in node.kwargs
        ]
        for number, (key, one) in enumerate(pairs):
            text = constant_text(one)
            if node.name == "map" and key is None and number == 0 and text not in FILTERS:
                self.mark(
                    node,
                    "deny",
                    "SANDBOX_ESCAPE",
                    "map() applies a filter that is not among the pure ones.",
                )
            if text is not None and (text.startswith("_") or "._" in text):
                self.mark(node, "deny", "SANDBOX_ESCAPE", f"{text} reaches into the interpreter.")
            if key == "attribute" and text is None and not isinstance(one, nodes.Const):
                self.mark(
                    node,
                    "deny",
                    "SANDBOX_ESCAPE",
                    "An attribute that is looked up at run time could be any.",
                )

    def see_test(self, node: nodes.Test) -> None:
        if node.name not in TESTS:
            self.mark(
                node,
                "deny",
                "JINJA_SIDE_EFFECT",
                f"The test {node.name} is not among the pure ones.",
            )

    def see_const(self, node: nodes.Const) -> None:
        if isinstance(node.value, str) and DUNDER.search(node.value):
            self.mark(
                node,
                "deny",
                "SANDBOX_ESCAPE",
                "A text in a template names an attribute of the interpreter.",
            )

    # -- statements
    def see_if(self, node: nodes.If) -> None:
        self._condition(node.test)

    def see_condexpr(self, node: nodes.CondExpr) -> None:
        self._condition(node.test)

    def see_for(self, node: nodes.For) -> None:
        self._condition(node.iter)
        if node.test is not None:
            self._condition(node.test)

    def _condition(self, test: nodes.Node) -> None:
        names = {one.name for one in names_in(test)}
        found = names & (RUN_ONLY | self.run_values)
        if found:
            self.mark(
                test,
                "ask",
                "ENV_DEPENDENT_LOGIC",
                f"A condition on {sorted(found)[0]} makes each run a different program.",
            )
        for one in [test, *test.find_all(nodes.Getattr)]:
            if (
                isinstance(one, nodes.Getattr)
                and isinstance(one.node, nodes.Name)
                and one.node.name == "this"
                and one.attr in ("schema", "database", "identifier", "name")
            ):
                self.mark(
                    test,
                    "ask",
                    "ENV_DEPENDENT_LOGIC",
                    f"A condition on this.{one.attr} differs between environments.",
                )

    def see_callblock(self, node: nodes.CallBlock) -> None:
        self._condition(node.call)

    def see_include(self, node: nodes.Node) -> None:
        self.mark(node, "deny", "SANDBOX_ESCAPE", "Templates cannot load other templates.")

    see_import = see_include
    see_fromimport = see_include
    see_extends = see_include

    def see_macro(self, node: nodes.Macro) -> bool:
        """A block's own name is no text of the template, and its parts are all visited."""
        for child in (*node.defaults, *node.body):
            self.visit(child)
        return False
