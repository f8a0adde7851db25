"""Judges a Jinja tree by allow lists: names, attributes, filters, calls. Nothing is run.

What is not on a list is denied; a name that is built at run time is denied whatever it turns out
to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from jinja2 import nodes

from agentic.policy.changes.dbt_scope import (
    ACTING,
    DBT_SQL,
    ENVIRONMENT,
    FREE,
    MODULE_ATTRIBUTES,
    READING,
    RUN_ONLY,
    SECRET,
)
from agentic.policy.changes.filters import FILTERS, TESTS
from agentic.policy.changes.macros import MacroTable
from agentic.policy.changes.template import MARK, source_key
from agentic.policy.changes.values import METHODS, unsafe_format
from agentic.records import Verdict

DUNDER = re.compile(r"__[a-z]+__")
GLOBALS_THAT_REACH = frozenset(["self", "lipsum", "cycler", "joiner"])
OWNED = frozenset(
    [
        "adapter",
        "api",
        "exceptions",
        "modules",
        "target",
        "flags",
        "dbt",
        "graph",
        "model",
        "config",
    ]
)
# A template cannot make these names its own: a `set` in a branch that never runs would hide the
# real one.
NEVER_LOCAL = (
    SECRET
    | ACTING
    | frozenset(
        ["adapter", "api", "modules", "target", "exceptions", "dbt", "flags", "self", "graph"]
    )
)
# What is known of a node without building it.
PLAIN_FACTS = frozenset(
    [
        "name",
        "package_name",
        "unique_id",
        "original_file_path",
        "path",
        "resource_type",
        "fqn",
        "alias",
        "tags",
    ]
)
CONFIG_METHODS = frozenset(
    ["get", "require", "persist_column_docs", "persist_relation_docs", "meta_get", "meta_require"]
)


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
    def see_name(self, node: nodes.Name) -> bool | None:
        if node.ctx != "load":
            return None
        name = node.name
        if self.macros.find(name, self.package) is not None:
            self.calls.append(Call(node.lineno, "", name, source_key(node)))
        if name in SECRET:
            self.mark(
                node,
                "deny",
                "SECRET_ACCESS",
                f"{name} reads the environment or the invocation; no template may.",
            )
        elif name in ACTING:
            self.mark(
                node,
                "deny",
                "JINJA_SIDE_EFFECT",
                f"{name} acts or looks names up when dbt compiles; only ref, source, config and "
                "pure macros are free.",
            )
        elif DUNDER.search(name):
            self.mark(node, "deny", "SANDBOX_ESCAPE", f"{name} reaches into the interpreter.")
        elif name == "target":
            self.mark(
                node,
                "deny",
                "SECRET_ACCESS",
                "The whole target holds credentials; only target.name and its like can be read.",
            )
        elif name in ("adapter", "api", "modules", "graph") and name not in self.local:
            self.mark(
                node,
                "deny",
                "JINJA_SIDE_EFFECT",
                f"{name} as a whole could do anything; name the method that is called.",
            )
        elif name in ENVIRONMENT and name not in self.local:
            self.mark(
                node,
                "ask",
                "ENV_DEPENDENT_LOGIC",
                f"{name} differs between environments, so that what is checked here is not what "
                "runs there.",
            )
        elif name in GLOBALS_THAT_REACH and name not in self.local:
            self.mark(
                node,
                "deny",
                "SANDBOX_ESCAPE",
                f"{name} is not needed in SQL and reaches into the interpreter.",
            )
        elif not self.defined(name):
            self.mark(
                node,
                "deny",
                "SQL_POLICY",
                f"{name} is not defined, so that the file does not compile.",
            )
        return None

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
        if key in SECRET:
            self.mark(
                node, "deny", "SECRET_ACCESS", f"{key} reads the environment or the invocation."
            )
        elif key and DUNDER.search(key):
            self.mark(node, "deny", "SANDBOX_ESCAPE", f"{key} reaches into the interpreter.")
        else:
            self.mark(
                node,
                "deny",
                "JINJA_SIDE_EFFECT",
                "A name that is looked up at run time could be any; write the name out.",
            )

    def attribute(self, node: nodes.Node, base: nodes.Node, attr: str) -> bool | None:
        member = (
            isinstance(base, nodes.Name)
            and base.name not in self.local
            and self.macros.has_package(base.name)
            and not DUNDER.search(attr)
        )
        if (attr.startswith("_") and not member) or attr in (
            "mro",
            "func_globals",
            "gi_frame",
            "cr_frame",
            "gi_code",
        ):
            self.mark(node, "deny", "SANDBOX_ESCAPE", f"{attr} reaches into the interpreter.")
            return False
        if not isinstance(base, nodes.Name) or base.name in self.local:
            return self._of_modules(node, base, attr)
        owner = base.name
        if owner == "target":
            return self._target(node, attr)
        if owner in READING:
            if attr not in READING[owner]:
                code = (
                    "SECRET_ACCESS"
                    if attr in ("config", "credentials", "connections")
                    else "JINJA_SIDE_EFFECT"
                )
                self.mark(
                    node, "deny", code, f"{owner}.{attr} is not among the calls that only read."
                )
            return False
        if owner == "config":
            if attr in ("set", "update", "pop", "setdefault"):
                self.mark(
                    node,
                    "deny",
                    "HOOK_SQL",
                    "config is set with config(...), by names written out.",
                )
            elif attr not in CONFIG_METHODS and attr != "meta":
                self.mark(
                    node,
                    "ask",
                    "PROJECT_CONFIG_CHANGE",
                    f"config.{attr} is not a plain read of a setting.",
                )
            return False
        if owner == "model" and attr in PLAIN_FACTS:
            return False
        if owner in ("graph", "model"):
            self.mark(
                node, "deny", "JINJA_SIDE_EFFECT", f"{owner}.{attr} reaches into dbt's own state."
            )
            return False
        if owner == "flags":
            self.mark(
                node, "ask", "ENV_DEPENDENT_LOGIC", f"{owner}.{attr} depends on the invocation."
            )
            return False
        if owner == "this":
            if attr in ("schema", "database") and not self.printing:
                self.mark(
                    node, "ask", "ENV_DEPENDENT_LOGIC", f"this.{attr} differs between environments."
                )
            return False
        if owner in ("context", "builtins"):
            self.dynamic(node, attr)
            return False
        if owner == "dbt":
            self._of_dbt(node, attr)
            return False
        if self.macros.has_package(owner):
            self.calls.append(Call(node.lineno, owner, attr, source_key(node)))
            return False
        return None

    printing = True

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

    def _target(self, node: nodes.Node, attr: str) -> bool:
        if attr in READING["target"]:
            self.mark(
                node,
                "ask",
                "ENV_DEPENDENT_LOGIC",
                f"target.{attr} differs between environments, so that what is checked here is "
                "not what runs there.",
            )
        else:
            self.mark(node, "deny", "SECRET_ACCESS", f"target.{attr} may hold a credential.")
        return False

    def _of_dbt(self, node: nodes.Node, attr: str) -> None:
        if attr in ACTING:
            self.mark(node, "deny", "JINJA_SIDE_EFFECT", f"dbt.{attr} acts when dbt compiles.")
        elif attr not in DBT_SQL and attr not in FREE:
            self.mark(
                node,
                "deny",
                "JINJA_SIDE_EFFECT",
                f"dbt.{attr} is not among dbt's macros that only print SQL.",
            )

    # -- calls, filters, tests
    def see_call(self, node: nodes.Call) -> bool | None:
        callee = node.node
        if isinstance(callee, nodes.Name):
            if callee.name in ("log", "print"):
                self._logged(node)
        elif isinstance(callee, nodes.Getattr):
            if is_dispatch(node) and isinstance(node.args[0], nodes.Const):
                self.dispatched.append(str(node.args[0].value))
            self._method(node, callee)
        elif isinstance(
            callee, nodes.Getitem | nodes.Filter | nodes.CondExpr | nodes.Or | nodes.And
        ) or (isinstance(callee, nodes.Call) and not is_dispatch(callee)):
            self.mark(
                node, "deny", "JINJA_SIDE_EFFECT", "What is called here is only known at run time."
            )
        return None

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
        names = {one.name for one in _names(test)}
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


def _names(node: nodes.Node) -> Iterator[nodes.Name]:
    if isinstance(node, nodes.Name):
        yield node
    yield from node.find_all(nodes.Name)


def is_dispatch(node: nodes.Call) -> bool:
    """`adapter.dispatch('x', 'pkg')(…)`, with names written out."""
    callee = node.node
    return (
        isinstance(callee, nodes.Getattr)
        and callee.attr == "dispatch"
        and isinstance(callee.node, nodes.Name)
        and callee.node.name == "adapter"
        and bool(node.args)
        and isinstance(node.args[0], nodes.Const)
    )


def constant_text(node: nodes.Node) -> str | None:
    """A text that is written out, also in pieces (`'a' ~ 'b'`); None when it is made at run
    time."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        return node.value
    if isinstance(node, nodes.Concat):
        parts = [constant_text(one) for one in node.nodes]
        return None if None in parts else "".join(part or "" for part in parts)
    if isinstance(node, nodes.Add):
        left, right = constant_text(node.left), constant_text(node.right)
        return None if left is None or right is None else left + right
    return None


def bound_names(tree: nodes.Node) -> Iterator[str]:
    """Names that the template itself gives a value: sets, loops, arguments, local macros."""
    for name in tree.find_all(nodes.Name):
        if name.ctx in ("store", "param") and name.name not in NEVER_LOCAL:
            yield name.name
    for block in tree.find_all(nodes.Macro):
        if MARK not in block.name and block.name not in NEVER_LOCAL:
            yield block.name
        yield from (arg.name for arg in block.args if arg.name not in NEVER_LOCAL)
