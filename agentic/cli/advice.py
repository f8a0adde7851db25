"""Which pattern fits a task: answers in, a recommendation with reasons out. No engine is asked.

Three patterns, from the least to the most machinery; one is left only for a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

SINGLE, TEAM, PLAN = "single agent", "orchestrator with specialists", "plan-then-act"
KINDS = ("data", "code", "logs", "metrics")
CHARS_A_TOKEN = 4.0
"""A rule of thumb for English and JSON; the service counts for itself."""


class Question(NamedTuple):
    """One question: the flag that answers it, and what may be answered."""

    flag: str
    text: str
    answers: tuple[str, ...]
    default: str


QUESTIONS = (
    Question("steps", "Are its steps known before it starts?", ("known", "open"), "open"),
    Question("changes", "What does it change in the files?", ("nothing", "one", "several"), "one"),
    Question("looks", "When does a person look?", ("end", "between"), "end"),
    Question("outside", "Has it effects outside (jobs, messages)?", ("no", "yes"), "no"),
    Question("parts", "Can its evidence be gathered in parts that need not know of each other?",
             ("no", "yes"), "no"),
)  # fmt: skip


class Seat(NamedTuple):
    """An agent that could take a part, as it is compiled."""

    name: str
    tools: tuple[str, ...]
    instruction_chars: int
    schema_chars: int
    output: str
    delegates: tuple[str, ...] = ()
    writes: bool = False


class Advice(NamedTuple):
    """What is recommended, and why not the others."""

    pattern: str
    reasons: tuple[str, ...]
    against: dict[str, str]
    """Pattern to why it was not chosen."""


def advise(answers: dict[str, str], reads: Sequence[str]) -> Advice:
    """The pattern for these answers; `reads` are kinds of evidence out of KINDS."""
    known = answers["steps"] == "known"
    stacked = answers["changes"] == "several"
    wide = len(reads) >= 3 and answers["parts"] == "yes"
    for_plan = _present(
        (stacked, "it makes several changes that stand on each other, each a proposal of its own"),
        (answers["looks"] == "between", "a person looks between its steps"),
        (answers["outside"] == "yes", "an effect outside comes after what it depends on was seen"),
    )
    if known and for_plan:
        reasons = ("its steps are known before it starts", *for_plan)
        return Advice(PLAN, reasons, _against(PLAN, wide=wide, known=known))
    if wide:
        kinds = ", ".join(reads)
        reasons = (
            f"its evidence is of {len(reads)} kinds ({kinds}) and falls into parts",
            "each specialist reads one kind in a conversation of its own, so that the one who "
            "decides reads reports, not raw output",
        )
        return Advice(TEAM, reasons, _against(TEAM, wide=wide, known=known))
    reasons = ("one conversation holds the whole task: nothing is lost in handing over",)
    if not known and for_plan:
        more = f"{for_plan[0]}; but its steps are found on the way, so no plan can be checked first"
        reasons = (*reasons, more)
    return Advice(SINGLE, reasons, _against(SINGLE, wide=wide, known=known))


def _present(*pairs: tuple[bool, str]) -> tuple[str, ...]:
    return tuple(text for holds, text in pairs if holds)


def _against(pattern: str, *, wide: bool, known: bool) -> dict[str, str]:
    team = "its evidence is of few kinds, or hangs together: parts would each see half of it"
    if pattern == PLAN and wide:
        team = "what is known beforehand needs nobody to direct it; a step may still be a team's"
    plan = "nothing has to be looked at before the end, and one change needs no steps"
    if not known:
        plan = "its steps are not known before it starts"
    every = {
        SINGLE: "one conversation would hold everything until the end, with no place to look or "
        "to go on from",
        TEAM: team,
        PLAN: plan,
    }
    return {name: why for name, why in every.items() if name != pattern}


def seats(advice: Advice, every: Sequence[Seat]) -> tuple[Seat, ...]:
    """Who would take part, of the agents that there are; may be too few."""
    if advice.pattern == SINGLE:
        return tuple(every[:1])
    if advice.pattern == TEAM:
        lead = next((one for one in every if one.delegates), None)
        wanted = {lead.name, *lead.delegates} if lead else set()
        return tuple(one for one in every if one.name in wanted)
    return tuple(one for one in every if one.writes)


def contexts(advice: Advice, taking: Sequence[Seat]) -> list[dict[str, Any]]:
    """What each agent has before it at its critical decision."""
    found = []
    for seat in taking:
        leads = bool(seat.delegates) and advice.pattern == TEAM
        found.append(
            {
                "agent": seat.name,
                "decides": _decision(advice.pattern, leads),
                "tools": list(seat.tools),
                "instruction_tokens": _tokens(seat.instruction_chars),
                "tool_tokens": _tokens(seat.schema_chars),
                "hand_over": _hand_over(advice.pattern, leads),
                "output": seat.output,
            }
        )
    return found


def _tokens(chars: int) -> int:
    return round(chars / CHARS_A_TOKEN)


def _decision(pattern: str, leads: bool) -> str:
    if pattern == PLAN:
        return "what its step proposes; then the checks, and where `review: true` a person"
    if pattern == TEAM:
        return "root cause, and fix or escalate" if leads else "what its kind of evidence says"
    return "root cause or answer, and fix or escalate"


def _hand_over(pattern: str, leads: bool) -> str:
    if pattern == PLAN:
        return (
            "the plan's request, its step's task, what the steps before it changed (already in its "
            "workspace), and the reason when it is sent back; nothing of their conversations"
        )
    if pattern == TEAM:
        if leads:
            return "each specialist's report in its output schema; nothing of their conversations"
        return "a task in words from the orchestrator; its report goes back"
    return "none: its own conversation, and a record of it when that grows too long"


def record(title: str, answers: Iterable[tuple[str, str]], advice: Advice,
           shown: Sequence[dict[str, Any]], source: str) -> str:  # fmt: skip
    """A short decision record in Markdown."""
    lines = [f"# {title}: {advice.pattern}", "", "## The task"]
    lines += [f"- {question} **{answer}**" for question, answer in answers]
    lines += ["", "## Decision", f"Use the pattern **{advice.pattern}**:"]
    lines += [f"- {reason}" for reason in advice.reasons]
    lines += ["", "## Not chosen"]
    lines += [f"- {name}: {why}" for name, why in advice.against.items()]
    lines += ["", f"## At the critical decision ({source})"]
    for one in shown:
        lines += [
            f"- **{one['agent']}** decides {one['decides']}.",
            f"  - before it: about {one['instruction_tokens']} tokens of instructions and "
            f"{one['tool_tokens']} of tool schemas (at {CHARS_A_TOKEN:g} characters a token)",
            f"  - tools ({len(one['tools'])}): {', '.join(one['tools'])}",
            f"  - handed over: {one['hand_over']}",
            f"  - ends in: `{one['output']}`",
        ]
    if not shown:
        lines.append("- no agent here fits yet: declare them in agents.yml, then ask again")
    lines += ["", "## How far this goes"]
    lines.append(
        "Rules over the answers above made this, no engine and no measurement of this task. Run "
        "`agentic eval` on both before a pattern with more machinery replaces one with less."
    )
    return "\n".join(lines) + "\n"
