"""Small questions about a Jinja tree."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from agentic.policy.changes.template import MARK
from agentic.policy.changes.walk_rules import NEVER_LOCAL


def names_in(node: nodes.Node) -> Iterator[nodes.Name]:
    if isinstance(node, nodes.Name):
        yield node
    yield from node.find_all(nodes.Name)


def is_dispatch_lookup(node: nodes.Node) -> bool:
    """`adapter.dispatch(…)`, whatever the name that it is given."""
    callee = node.node if isinstance(node, nodes.Call) else None
    return (
        isinstance(callee, nodes.Getattr)
        and callee.attr == "dispatch"
        and isinstance(callee.node, nodes.Name)
        and callee.node.name == "adapter"
    )


def dispatched_name(node: nodes.Call) -> str | None:
    """The macro that a dispatch names; None when the name is not written out."""
    named = next((pair.value for pair in node.kwargs if pair.key == "macro_name"), None)
    given = node.args[0] if node.args else named
    return constant_text(given) if isinstance(given, nodes.Const) else None


def is_dispatch(node: nodes.Call) -> bool:
    """`adapter.dispatch('x', 'pkg')(…)`, with names written out."""
    return is_dispatch_lookup(node) and dispatched_name(node) is not None


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
