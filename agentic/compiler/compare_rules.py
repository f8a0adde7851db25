"""Rule lists of guardrails.yml, compared: which item lets through more than it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from agentic.compiler.coverage import covers
from agentic.records import CompiledGuardrails, Rule

_Lists = dict[str, tuple[Rule, ...]]
_STRICT = {"read": ("deny", "mask"), "change": ("deny", "ask")}
"""Lists that restrict, strictest first."""
_DEFAULT = " (default)"


class LooserRule(msgspec.Struct, frozen=True):
    """An item that restricts less than it did, or allows more."""

    section: str
    list: str
    """The list in which it was (for an allowance: is) written."""
    text: str
    before: str
    """The verdict that it gave: deny, mask, ask, allow, or what holds without a rule."""
    after: str
    why: str
    nodes: tuple[str, ...] = ()


def looser_rules(before: CompiledGuardrails, after: CompiledGuardrails) -> Iterator[LooserRule]:
    """Every looser item of `read` and `change`."""
    for section in ("read", "change"):
        old, new = _lists(before, section), _lists(after, section)
        for name in _STRICT[section]:
            for rule in old[name]:
                yield from _looser(section, name, rule, new)
        if section == "change":
            yield from _allowed(old, new)


def _lists(rails: CompiledGuardrails, section: str) -> _Lists:
    if section == "read":
        return {"deny": rails.read_deny, "mask": rails.read_mask, "allow": ()}
    return {"deny": rails.change_deny, "ask": rails.change_ask, "allow": rails.change_allow}


def _looser(section: str, name: str, rule: Rule, new: _Lists) -> Iterator[LooserRule]:
    names = _STRICT[section]
    as_strict = names[: names.index(name) + 1]
    holders = [one for listed in as_strict for one in new[listed] if covers(one.text, rule.text)]
    if any(_holds(one, rule) for one in holders):
        return
    if rule.text.endswith(_DEFAULT):
        # No line of the file: what dbt tags as pii, less what mask rules cover.
        yield from _default(section, name, rule, new)
        return
    if section == "change" and name == "ask" and not new["allow"]:
        return  # what no rule matches asks all the same
    weaker = [
        listed
        for listed in names[len(as_strict) :]
        if any(covers(one.text, rule.text) for one in new[listed])
    ]
    after = weaker[0] if weaker else _without(section, new)
    why = f"the {name} rule became {after}" if weaker else f"the {name} rule is gone"
    yield LooserRule(section, name, rule.text, name, after, why, rule.nodes)


def _without(section: str, new: _Lists) -> str:
    if section == "read":
        return "readable"
    return "ask, or what another rule allows" if new["allow"] else "ask"


def _holds(one: Rule, rule: Rule) -> bool:
    """Whether a rule whose text covers another one's also has all its members today."""
    return all(
        set(getattr(rule, part)) <= set(getattr(one, part))
        for part in ("nodes", "columns")
        if one.text == rule.text
    )


def _default(section: str, name: str, rule: Rule, new: _Lists) -> Iterator[LooserRule]:
    kept = [one for one in new[name] if one.text == rule.text]
    nodes = set(rule.nodes) - {uid for one in new["deny"] for uid in one.nodes}
    columns = set(rule.columns) - {text for one in new["deny"] for text in one.columns}
    if nodes or columns:
        lost = ", ".join(sorted((*nodes, *columns)))
        left = kept[0].text if kept else "no default"
        why = f"what is tagged pii becomes readable with its values masked: {lost} ({left})"
        yield LooserRule(section, name, rule.text, name, "mask", why, tuple(sorted(nodes)))


def _allowed(old: _Lists, new: _Lists) -> Iterator[LooserRule]:
    for rule in new["allow"]:
        stricter = (*new["deny"], *new["ask"])
        if not _any_covers(old["allow"], rule) and not _any_covers(stricter, rule):
            why = "no person is asked any more"
            yield LooserRule("change", "allow", rule.text, "ask", "allow", why, rule.nodes)


def _any_covers(rules: Sequence[Rule], rule: Rule) -> bool:
    return any(covers(one.text, rule.text) for one in rules)
