"""Effects outside the workspace: confirmed by the engine, approved by a person, done once.

A call that asks parks its run: the journal's step stays open, and the run ends as
`awaiting_approval`. `agentic run` later goes on at that very step; the effect happens only with an
approval of exactly this content, which the step's key uses up.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from msgspec.structs import replace

from agentic.guardrails import EFFECT, Desk, rules_of
from agentic.masking import mask_json
from agentic.records import (
    CodePage,
    Decision,
    ToolCall,
    ToolResult,
    ToolSpec,
    content_hash,
    dump,
    publish,
)
from agentic.runtime.session import Session
from agentic.store import Ask, decided
from agentic.tools import registry

CONFIRM = "confirm"
"""The extra input of a high-risk tool: the value that the boundary issued for this very call."""

publish(
    CodePage(
        "AG171",
        "not-confirmed",
        "A high-risk call came without the confirmation value that was issued for it.",
        why="The engine repeats the call with the value: the audit shows a decision on purpose. "
        "A value fits one call with one input, once.",
        fix="Repeat the same call with `confirm` set to the value in the answer.",
    ),
    CodePage(
        "AG172",
        "leaks",
        "The input of an external call holds what looks like a secret or personal data.",
        why="What leaves the machine cannot be taken back.",
        fix="Say it without the values: name the node and the column.",
    ),
    CodePage(
        "AG173",
        "rejected",
        "A person said no to exactly this call, or it was done already, or it may have been: the "
        "process ended after it began.",
        why="A macro, a function or an MCP server cannot be told that it is the same call again.",
        fix="`agentic show RUN` has the reason; the run ends with what it found. Look outside "
        "whether it was done; a new run asks again.",
    ),
)


class Parked(Exception):
    """A call waits for a person; the run ends here and goes on here."""

    def __init__(self, ask: Ask, sentence: str) -> None:
        super().__init__(sentence)
        self.ask = ask
        self.sentence = sentence


class Rejected(Exception):
    """A call will not be done in this run: a person said no, or its ask came to nothing."""

    def __init__(self, ask: Ask, sentence: str = "") -> None:
        why = f": {ask.reason or 'no reason given'}" if ask.state == "rejected" else ""
        late = f"{ask.id} expired at {ask.expires_at[:19]}"
        came = late if ask.state == "pending" else f"{decided(ask)}{why}"
        self.sentence = sentence or came
        super().__init__(self.sentence)


def is_high_risk(spec: ToolSpec) -> bool:
    """Whether the engine has to confirm each call of the tool."""
    return spec.effect == "external"


def offered(spec: ToolSpec) -> ToolSpec:
    """The tool as an engine sees it: a high-risk one takes a confirmation value besides."""
    if not is_high_risk(spec):
        return spec
    schema = dict(spec.input_schema)
    value = {"type": "string", "description": "leave out first; then repeat the call with it"}
    schema["properties"] = {**schema.get("properties", {}), CONFIRM: value}
    return replace(spec, input_schema=schema)


def bare(call: ToolCall) -> tuple[ToolCall, str | None]:
    """A call without its confirmation value, and the value."""
    rest = {name: value for name, value in call.input.items() if name != CONFIRM}
    value = call.input.get(CONFIRM)
    return replace(call, input=rest), value if isinstance(value, str) else None


@dataclass
class Effects:
    """One run's calls that need a confirmation or a person."""

    session: Session
    run_id: str
    incident: str
    """The incident's fingerprint: asks about it make earlier ones void."""
    issued: dict[str, str] = field(default_factory=dict)
    """Confirmation values not used yet, by the hash of tool and input."""

    def settle(
        self, call: ToolCall, spec: ToolSpec, decision: Decision, given: str | None, key: str
    ) -> tuple[Decision, str]:
        """The decision on a call that guardrails asked about, and a value to confirm it with.

        Raises Parked while nobody has answered, Rejected after a no.
        """
        if mask_json(call.input) != call.input:
            sentence = f"{call.name} would carry what looks like a secret or personal data outside."
            return Decision("deny", "AG172", sentence), ""
        if is_high_risk(spec) and not self._confirmed(call, given):
            value = self._issue(call)
            sentence = (
                f"{call.name} has effects outside. If it is meant, repeat this very call with "
                f"{CONFIRM} set to {value!r}; a person is asked then."
            )
            return Decision("ask", "AG171", sentence), value
        return self._approved(call, spec, decision, key), ""

    def recall(self, call: ToolCall, result: ToolResult) -> None:
        """What a replayed step did to the values: its result is the journal's."""
        plain, given = bare(call)
        if given is not None:
            self.issued.pop(_hash(plain), None)
        if isinstance(result.content, dict) and result.content.get("code") == "AG171":
            self.issued[_hash(plain)] = str(result.content.get(CONFIRM, ""))

    def _issue(self, call: ToolCall) -> str:
        self.issued[_hash(call)] = secrets.token_hex(4)
        return self.issued[_hash(call)]

    def _confirmed(self, call: ToolCall, given: str | None) -> bool:
        """Single use: a wrong value takes the right one with it."""
        if given is None:
            return False
        known = self.issued.pop(_hash(call), "")
        return bool(known) and hmac.compare_digest(known, given)

    def _approved(self, call: ToolCall, spec: ToolSpec, decision: Decision, key: str) -> Decision:
        desk, session = Desk.of(self.session.store, self.session.audit), self.session
        content = {
            "tool": call.name,
            "does": spec.description,
            "effect": spec.effect,
            "input": dump(call.input),
            "asks": [f"{decision.code} {decision.reason}"],
        }
        approvers, target = session.compiled.guardrails.approve_by, session.target.name
        bound = desk.bound(session.asked_under, approvers, target)
        if not self._sends_key(call.name):
            begun = desk.approvals.approved(kind=EFFECT, content=content, bound=bound, key=key)
            if begun is not None and begun.state == "used":
                raise Rejected(begun, _perhaps_done(call.name, begun))
        used = desk.use(
            kind=EFFECT,
            content=content,
            compiled=session.asked_under,
            approvers=approvers,
            target=target,
            key=key,
            look_only=not session.apply,
        )
        if used is not None and session.apply:
            by = f"approved by {used.decided_by} ({used.proof}), {used.id}"
            return Decision("allow", decision.code, by, rule=decision.rule)
        if used is not None:
            raise Parked(used, f"{call.name} is approved; `agentic run --apply` does it")
        no = desk.approvals.rejected(kind=EFFECT, content=content, bound=bound)
        if no is not None:
            raise Rejected(no)
        ask = desk.park(
            run_id=self.run_id,
            kind=EFFECT,
            subject=content_hash([self.incident, call.name])[:40],
            content=content,
            compiled=session.asked_under,
            approvers=approvers,
            rules=rules_of([decision]),
            target=target,
        )
        if ask.state == "used":
            sentence = f"Exactly this was done already in this run ({ask.id}); go on without it."
            return Decision("deny", "AG173", sentence)
        if ask.state != "pending" or ask.expires_at <= session.clock():
            # Asked by this very run before, and void or expired since: a new run asks anew.
            raise Rejected(ask)
        session.stream.emit(
            "approval.asked",
            f"{call.name} waits for a person: agentic approve {self.run_id}",
            run_id=self.run_id,
        )
        raise Parked(ask, f"{call.name} waits for a person: agentic approve {self.run_id}")

    def _sends_key(self, name: str) -> bool:
        """Whether the step's key goes along, so that the same effect is known again outside."""
        own = next((one for one in self.session.compiled.own_tools if one.name == name), None)
        return name in registry() if own is None else own.kind == "http"


def _perhaps_done(name: str, ask: Ask) -> str:
    return (
        f"AG173: {name} may have been done already: it began under {ask.id}, and the process ended "
        "before its answer was written. It is not begun again; look outside"
    )


def _hash(call: ToolCall) -> str:
    return content_hash([call.name, call.input])
