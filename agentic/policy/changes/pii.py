"""Personal data: which columns carry it, and where a change would let it out unmarked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from agentic.policy.changes.marks import sensitive
from agentic.policy.changes.nodes_sql import Library
from agentic.policy.changes.resources import Resource
from agentic.policy.changes.shapes import ChangeRules
from agentic.sql.shape_facts import Leaf, Output, Shape

LIKELY = re.compile(
    r"(^|_)(e_?mail|phone|mobile|first_?name|last_?name|full_?name|surname|given_?name|birth\w*|dob|ssn|address|street|iban|passport|ip|credit_?card|card_?number|tax_?id|national_?id|latitude|longitude)(_|$)"
)


class Personal:
    """Knows personal columns of one tree."""

    def __init__(self, library: Library, rules: ChangeRules) -> None:
        self.library = library
        self.rules = rules
        self.tree = library.tree
        self._memo: dict[Leaf, bool] = {}

    def carries(self, leaf: Leaf) -> bool:
        """Does the column hold personal data, by its mark or by where it comes from?"""
        if leaf not in self._memo:
            self._memo[leaf] = False
            self._memo[leaf] = self._carries(leaf)
        return self._memo[leaf]

    def _carries(self, leaf: Leaf) -> bool:
        for part in leaf.relation.split("|"):
            place, _, name = part.partition(":")
            name = name.split("-")[0] if place in ("ref", "source") else name
            if leaf.column == "*" and any(self.star_columns(part)):
                return True
            if self.marked(place, name, leaf.column):
                return True
            if place == "ref":
                path = self.tree.nodes.get(name)
                shape = (
                    self.library.shape(path, 1)
                    if path is not None and self.tree.kind(path) == "model"
                    else None
                )
                if shape is not None and self._through(shape, leaf.column):
                    return True
        return False

    def _through(self, shape: Shape, column: str) -> bool:
        if column == "*":
            return any(self.carries(leaf) for one in shape.outputs for leaf in one.carried) or any(
                self.carries(Leaf(key, "*")) for key in shape.open_stars
            )
        output = shape.output(column)
        if output is not None:
            return any(self.carries(one) for one in output.carried)
        return any(self.carries(Leaf(key, column)) for key in shape.open_stars)

    def marked(self, place: str, name: str, column: str) -> bool:
        """Is the column marked in a property file, or named in guardrails.yml?"""
        for resource in self.resources(place, name):
            names = {key.lower(): value for key, value in resource.columns.items()}
            own = names.get(column.lower())
            if own is not None and sensitive(own, self.rules.pii_tags):
                return True
            if sensitive(resource.keys, self.rules.pii_tags) and LIKELY.search(column.lower()):
                return True
        return any(self._named(pattern, place, name, column) for pattern in self.rules.pii_columns)

    def resources(self, place: str, name: str) -> Iterator[Resource]:
        declared = self.tree.declared
        kinds = ("table",) if place == "source" else ("model", "seed", "snapshot")
        for kind in kinds:
            found = declared.get(f"{kind}:{name.replace('~', '.')}")
            if found is not None:
                yield found
        if place == "source":
            source = declared.get(f"source:{name.split('~', maxsplit=1)[0]}")
            if source is not None:
                yield source

    def _named(self, pattern: str, place: str, name: str, column: str) -> bool:
        """`schema.table.column` of guardrails.yml against a node, whose schema is not known
        here."""
        parts = pattern.removeprefix("column:").lower().split(".")
        if len(parts) < 2 or not fnmatchcase(column.lower(), parts[-1]):
            return False
        table = name.lower().split("~")[-1]
        if not fnmatchcase(table, parts[-2]):
            return False
        if place != "source" or len(parts) < 3:
            return True
        source = self.tree.declared.get(f"source:{name.split('~', maxsplit=1)[0]}")
        schema = str(
            (source.keys.get("schema") if source else None) or name.split("~", maxsplit=1)[0]
        ).lower()
        return "{{" in schema or fnmatchcase(schema, parts[-3])

    def star_columns(self, key: str) -> Iterator[str]:
        """Personal columns that an open star lets through."""
        place, _, rest = key.partition(":")
        name, *excluded = rest.split("-")
        for resource in self.resources(place, name):
            for column in resource.columns:
                if column.lower() not in excluded and self.marked(place, name, column):
                    yield column.lower()
        table = name.lower().split("~")[-1]
        for pattern in self.rules.pii_columns:
            parts = pattern.removeprefix("column:").lower().split(".")
            if (
                len(parts) > 1
                and fnmatchcase(table, parts[-2])
                and "*" not in parts[-1]
                and parts[-1] not in excluded
            ):
                yield parts[-1]


def leaks(node: str, base: Shape | None, after: Shape, personal: Personal) -> Iterator[str]:
    """New columns of a node that carry personal data and are not marked."""
    if any(sensitive(one.keys, personal.rules.pii_tags) for one in personal.resources("ref", node)):
        return
    for output in after.outputs:
        if not _new(output, base) or personal.marked("ref", node, output.name):
            continue
        if any(personal.carries(leaf) for leaf in output.carried):
            yield output.name
    for key in after.open_stars:
        if base is not None and key in base.open_stars:
            continue
        for column in personal.star_columns(key):
            known = base is not None and base.output(column) is not None
            if not known and not personal.marked("ref", node, column):
                yield column


def _new(output: Output, base: Shape | None) -> bool:
    if base is None:
        return True
    old = base.output(output.name)
    if old is None:
        passed = {leaf.relation for leaf in output.carried if leaf.column == output.name.lower()}
        return not passed & set(base.open_stars)
    return not set(output.carried) <= set(old.carried)
