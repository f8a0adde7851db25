"""Guardrails on one tool call, asked before its body runs."""

from __future__ import annotations

from fnmatch import fnmatchcase

from agentic.guardrails.registry import guardrail, guardrails
from agentic.guardrails.situation import Situation
from agentic.policy import judge_sql
from agentic.records import CodePage, Decision, Rule, ToolCall, ToolSpec, publish, strictest

ALLOWED = Decision("allow", "AG000", "No guardrail objects.")
_SQL_TOOLS = frozenset({"run_sql", "explain_query", "dbt_show"})
_VALUE_TOOLS = frozenset(
    {"profile_column", "get_schema", "compare_profiles", "freshness", "get_table_freshness"}
)

publish(
    CodePage("AG000", "allowed", "No guardrail objects to the call."),
    CodePage(
        "AG110",
        "limit-used-up",
        "A limit of guardrails.yml or of the agent is used up.",
        why="Limits are asked before each turn and each call, so that nothing is overspent.",
        fix="Raise the limit in guardrails.yml, or take the finding so far from `agentic show`.",
    ),
    CodePage(
        "AG111",
        "answer-cut-off",
        "A call came in an answer that was cut off at its token limit.",
        why="What is left of a call may look whole and mean something else.",
        fix="Nothing: the engine is told to go on in smaller steps.",
    ),
    CodePage(
        "AG112",
        "after-the-report",
        "A call came after the engine had submitted its report.",
        fix="Nothing: the report is the engine's last word.",
    ),
    CodePage(
        "AG113",
        "escalation-time",
        "The incident's clock (`escalate.after`) ran out while a run was under way.",
        why="From then on a person is to look: the run stops, keeps its finding, and says what it "
        "would do next.",
        fix="Look at the finding, or run again: a run that starts later is not stopped by it.",
    ),
)


def decide(call: ToolCall, spec: ToolSpec, situation: Situation) -> Decision:
    """The strictest decision of all guardrails, whatever their order; allow if none objects."""
    answers = [one.decide(call, spec, situation) for one in guardrails()]
    return strictest(answer for answer in answers if answer is not None) or ALLOWED


@guardrail(
    "AG100",
    "tool-not-granted",
    why="An agent has the tools that its `tools:` names, and no others.",
    fix="Add the tool or its toolset to the agent's `tools:` in agents.yml.",
)
def tool_granted(call: ToolCall, spec: ToolSpec, situation: Situation) -> Decision | None:
    """The engine called a tool that the agent does not have."""
    if spec.name in situation.agent.tools or spec.name in situation.agent.delegates:
        return None
    granted = ", ".join(situation.agent.tools)
    return Decision("deny", "AG100", f"{call.name} is not one of this agent's tools: {granted}.")


@guardrail(
    "AG120",
    "outside-the-scope",
    why="`select:` says what an agent may see and propose to change.",
    fix="Widen the agent's `select:`, or give the incident to an agent that covers the node.",
)
def inside_scope(call: ToolCall, _spec: ToolSpec, situation: Situation) -> Decision | None:
    """The engine named a node outside the agent's selection."""
    if not situation.agent.select:
        return None
    for node in _named_nodes(call, situation):
        if node not in situation.agent.scope:
            return Decision(
                "deny",
                "AG120",
                f"{node} is outside this agent's scope; nodes of `{situation.agent.select}` are "
                "inside.",
                rule=f"select: {situation.agent.select}",
            )
    return None


@guardrail(
    "AG121",
    "reading-denied",
    why="What `read.deny` names is not output and not probed, not even its shape.",
    fix="Ask for counts from a node that is readable, or change `read:` in guardrails.yml.",
)
def reading_allowed(call: ToolCall, spec: ToolSpec, situation: Situation) -> Decision | None:
    """The engine asked for values or the shape of a relation that `read.deny` names."""
    if spec.name not in _VALUE_TOOLS:
        return None
    return strictest(
        decision
        for node in _named_nodes(call, situation)
        if (decision := _node_readable(node, call, situation)) is not None
    )


def _node_readable(node: str, call: ToolCall, situation: Situation) -> Decision | None:
    relation = situation.manifest.all[node]
    name = f"{relation.database or ''}.{relation.schema}.{relation.alias}".lower()
    rules = situation.guardrails.read_deny
    rule = next(
        (one for one in rules if node in one.nodes or any(matches(name, p) for p in one.relations)),
        None,
    )
    if rule is not None:
        return Decision("deny", "AG121", f"{node} may not be read.", rule=f"read.deny: {rule.text}")
    for column in _named_columns(call):
        rule = _column_rule(node, column, situation)
        if rule is not None:
            sentence = f"{node}.{column} may not be read; other columns of it may."
            return Decision("deny", "AG121", sentence, rule=f"read.deny: {rule.text}")
    return None


def _column_rule(node: str, column: str, situation: Situation) -> Rule | None:
    relation = situation.manifest.all[node]
    name = f"{relation.database or ''}.{relation.schema}.{relation.alias}.{column}".lower()
    rules = situation.guardrails.read_deny
    return next((one for one in rules if any(matches(name, p) for p in one.columns)), None)


def matches(name: str, pattern: str) -> bool:
    """True when a dotted pattern with `*` inside its parts names this dotted name's last parts."""
    names, parts = name.split("."), pattern.lower().split(".")
    if len(parts) > len(names):
        return False
    pairs = zip(reversed(names), reversed(parts), strict=False)
    return all(fnmatchcase(own, part) for own, part in pairs)


@guardrail(
    "AG130",
    "sql-denied",
    why="SQL is judged by its parsed effects and resolved relations; what is unclear is denied.",
    fix="Ask with one read statement over relations of the project; `agentic check sql` explains.",
)
def sql_allowed(call: ToolCall, spec: ToolSpec, situation: Situation) -> Decision | None:
    """A statement was judged as reader and not allowed; the decision carries the policy's code."""
    text = call.input.get("sql")
    if spec.name not in _SQL_TOOLS or not isinstance(text, str):
        return None
    verdict = judge_sql(text, dialect=situation.dialect, role="reader", world=situation.world)
    return Decision(verdict.verdict, verdict.code, verdict.reason, rule="policy: reader")


@guardrail(
    "AG170",
    "external-effect",
    why="Nothing leaves the machine on an engine's word.",
    fix="A person does it, with the run's finding at hand.",
)
def nothing_external(call: ToolCall, spec: ToolSpec, _situation: Situation) -> Decision | None:
    """The engine called a tool with an external effect, which needs a person."""
    if spec.effect != "external" or is_dry(call, spec):
        return None
    sentence = f"{call.name} has an external effect and needs a person's approval first."
    return Decision("ask", "AG170", sentence)


def is_dry(call: ToolCall, spec: ToolSpec) -> bool:
    """Whether a call of a tool that takes `dry_run` only asks what it would do: anything but
    `false` does."""
    return "dry_run" in spec.input_schema.get("properties", {}) and (
        call.input.get("dry_run", True) is not False
    )


def _named_nodes(call: ToolCall, situation: Situation) -> list[str]:
    """Every node that the input names, in whichever field; a name that is no node is none."""
    names = [call.input.get(field) for field in ("node", "parent")]
    for field in ("also", "nodes"):
        listed = call.input.get(field)
        names += listed if isinstance(listed, list) else []
    found = [situation.node_named(name) for name in names if isinstance(name, str) and name]
    return [node for node in found if node is not None]


def _named_columns(call: ToolCall) -> list[str]:
    listed = call.input.get("columns")
    names = [call.input.get("column"), *(listed if isinstance(listed, list) else [])]
    return [name.lower() for name in names if isinstance(name, str) and name]
