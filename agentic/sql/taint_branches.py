"""Labels of choices: CASE, IF, COALESCE, NULLIF. A condition asks, a result flows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from agentic.sql.tables import BARE, CLEAN, GROUPED, PII, PROBED
from agentic.sql.taint_columns import BARE_WORDS
from agentic.sql.taint_scope import Scope, listed_label


class Branches:
    """The part of the resolver that knows choices. Mixed into `Resolver`."""

    value: Callable[[Any, Scope], int]

    def beyond(self, node: Any, scope: Scope) -> int:
        """Arguments of a two-sided node that are neither side: `JSON_EXTRACT(a, b, c)`."""
        label = CLEAN
        for key, value in node.args.items():
            if key not in ("this", "expression"):
                for one in value if value.__class__ is list else [value]:
                    if isinstance(one, exp.Expr):
                        label |= self.value(one, scope)
        return label

    def counted(self, node: Any, scope: Scope) -> int:
        """One argument of a count."""
        if isinstance(node, exp.Distinct | exp.Tuple):
            label = CLEAN
            for one in node.expressions:
                if one.__class__ is not exp.Star:
                    label |= self.counted(one, scope)
            return label
        label = self.value(node, scope)
        if label & PII and not label & BARE:
            return PII | PROBED
        return label & ~(PII | BARE | PROBED | GROUPED)

    def word(self, node: Any, scope: Scope) -> int:
        """A bare word: a unit of time, or a column where sqlglot expected a unit."""
        name = str(node.this).lower()
        if name in BARE_WORDS:
            return CLEAN
        return (listed_label(name, scope, deep=True) or CLEAN) & ~BARE

    def field(self, node: Any, scope: Scope) -> int:
        """`name: value`: the value counts, and a name that is an expression itself."""
        value, name = node.args.get("expression"), node.this
        label = self.value(value, scope) if isinstance(value, exp.Expr) else CLEAN
        if isinstance(node, exp.PropertyEQ) and isinstance(name, exp.Expr):
            label |= self.value(name, scope)
        return label & ~BARE

    def case(self, node: Any, scope: Scope) -> int:
        """CASE: conditions ask, results flow."""
        args = node.args
        asked = self.value(args["this"], scope) if args.get("this") is not None else CLEAN
        results: list[int] = []
        for branch in args.get("ifs") or ():
            asked |= self.value(branch.this, scope)
            results.append(self.branch(branch.args.get("true"), scope))
        results.append(self.branch(args.get("default"), scope))
        return self.decided(asked, results)

    def if_(self, node: Any, scope: Scope) -> int:
        """IF, IFF, NVL2: as CASE."""
        asked = self.value(node.this, scope)
        if isinstance(node, exp.Nvl2) and asked & BARE:
            asked = CLEAN
        others = [node.args.get("true"), node.args.get("false")]
        return self.decided(asked, [self.branch(one, scope) for one in others])

    def branch(self, node: Any, scope: Scope) -> int:
        """One possible result; a NULL does not make a bare value less bare."""
        if node is None or isinstance(node, exp.Null):
            return BARE
        return self.value(node, scope) if isinstance(node, exp.Expr) else BARE

    def decided(self, asked: int, results: list[int]) -> int:
        """Join the labels of a condition and of its possible results."""
        label, bare = CLEAN, BARE
        for one in results:
            label |= one
            bare &= one
        label = label if bare and label & PII else label & ~BARE
        if asked & PII:
            label = (label & ~BARE) | PII | PROBED
        return label | (asked & ~(BARE | PII))

    def coalesce(self, node: Any, scope: Scope) -> int:
        """COALESCE of protected values stays one."""
        arguments = [node.this, *(node.args.get("expressions") or ())]
        return self.decided(CLEAN, [self.branch(one, scope) for one in arguments])

    def nullif(self, node: Any, scope: Scope) -> int:
        """NULLIF compares; with an empty text it only tidies."""
        label, other = self.value(node.this, scope), node.expression
        blank = isinstance(other, exp.Literal) and other.is_string and not str(other.this).strip()
        if blank:
            return label
        label |= self.value(other, scope)
        return (label & ~BARE) | (PROBED if label & PII else CLEAN)
