"""What calling a macro does, through every macro that it calls in turn."""

from __future__ import annotations

import msgspec

from agentic.policy.changes.nodes_sql import Library
from agentic.policy.changes.render import Renderer
from agentic.policy.changes.sql_gate import judge_query
from agentic.policy.changes.values import OPAQUE, Callee, Opaque, TooMuch
from agentic.policy.changes.walk import Mark, Walker
from agentic.records import Verdict

QUERIES = frozenset(["run_query", "statement", "load_result", "get_columns_in_query"])
GRAVE = frozenset(["JINJA_SIDE_EFFECT", "SECRET_ACCESS", "SANDBOX_ESCAPE", "RESOURCE_ABUSE"])


class Deed(msgspec.Struct, frozen=True):
    """Something that a macro does, that a template may not do through it."""

    verdict: Verdict
    code: str
    reason: str


class MacroJudge:
    """Judges macros of one tree; answers are kept."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.macros = library.tree.macros
        self._deeds: dict[tuple[str, str], tuple[Deed, ...]] = {}

    def judge(self, callee: Callee) -> tuple[Deed, ...]:
        """What the macro does that is not printing SQL or reading."""
        key = (callee.package, callee.name)
        if key not in self._deeds:
            self._deeds[key] = ()  # a macro that calls itself adds nothing by that
            self._deeds[key] = tuple(dict.fromkeys(self._judge(callee)))
        return self._deeds[key]

    def _judge(self, callee: Callee) -> list[Deed]:
        walker = Walker(self.macros, callee.package).walk(callee.block)
        found = [
            Deed("deny", mark.code, f"{callee.name}(): {mark.reason}")
            for mark in walker.marks
            if mark.code in GRAVE and mark.verdict == "deny" and not self._query(mark)
        ]
        if any(self._query(mark) for mark in walker.marks):
            found += self._queries(callee)
        for call in walker.calls:
            package = call.package or callee.package
            inner = self.macros.get(package, call.name) or self.macros.find(
                call.name, callee.package
            )
            if inner is not None:
                found += self.judge(inner)
        for name in walker.dispatched:
            inner = self.macros.dispatch(callee.package, name, self.library.dialect)
            if inner is not None:
                found += self.judge(inner)
        return found

    @staticmethod
    def _query(mark: Mark) -> bool:
        return mark.code == "JINJA_SIDE_EFFECT" and any(
            f"name='{name}'" in mark.key for name in QUERIES
        )

    def _queries(self, callee: Callee) -> list[Deed]:
        """Run with arguments that nobody knows: a query that is given from outside stays
        unknown."""
        renderer = Renderer(self.library.scope("this"), {}, True)
        arguments = [Opaque(f"argument {one.name}") for one in callee.block.args]
        try:
            renderer.expand(callee, list(arguments), {}, None)
        except TooMuch as error:
            return [Deed("deny", "RESOURCE_ABUSE", f"{callee.name}(): {error}.")]
        found = []
        for effect in renderer.effects:
            text = effect.text.strip()
            if text.startswith(OPAQUE) and len(text.split()) == 1:
                continue  # judged where it is called, with what it is given
            found += [
                Deed(
                    "deny",
                    "JINJA_SIDE_EFFECT",
                    f"{callee.name}() runs SQL that is no plain read: {fault.reason}",
                )
                for fault in judge_query(effect.text, self.library.dialect)
                if fault.verdict == "deny"
            ]
        return found
