"""The one caller of tool bodies: validate, decide, look up, call, mask, cap, journal.

The loop, the checks' own questions, a server: everything that wants a tool goes through `call`.
A denial is a value that goes back to the engine, never an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from agentic.events import Stream
from agentic.exceptions import AgenticError, WarehouseLocked
from agentic.masking import mask_json, mask_text
from agentic.records import Decision, Edit, ToolCall, ToolResult, ToolSpec, content_hash, dumps
from agentic.runtime.effects import CONFIRM, Effects, Parked, Rejected, bare, is_high_risk
from agentic.runtime.well_formed import replaced, well_formed_call
from agentic.store import AuditTrail, Journal, Opened
from agentic.tools import (
    INVALID_OUTPUT,
    Bench,
    Made,
    ToolError,
    check_input,
    registry_function,
)
from agentic.tools.own import check_own_input

Body = Callable[..., dict[str, Any]]
if TYPE_CHECKING:
    from agentic.runtime.specialists import Team

Judge = Callable[[ToolCall, ToolSpec], Decision]
"""A guardrail's decision on one call; pure but for what it was built with."""

RESULT_CAP_BYTES = 64_000
INPUT_CAP_BYTES = 200_000
"""Of one call's input: the longest model that a person would read is far below."""
SAME_CALL_LIMIT = 3
AT_ONCE = 4
"""Reading bodies, or specialists, that run at the same time."""
DELEGATES = "delegates"
_TOGETHER = frozenset({"context", "sql", DELEGATES})
"""Toolsets whose reading tools write nothing on the bench and open no workspace."""


@dataclass
class Boundary:
    """What one run may call, and how."""

    bench: Bench
    specs: Mapping[str, ToolSpec]
    """The agent's tools; a name that is not here is denied."""
    judge: Judge
    judge_edits: Callable[[Iterable[Edit]], Decision]
    """A guardrail's decision on the proposal as an edit would leave it."""
    journal: Journal
    stream: Stream
    audit: AuditTrail
    actor: str
    """Who calls, for the audit: `agent/engine`."""
    bodies: Mapping[str, Body] = field(default_factory=dict)
    """What is done for names that the registry does not have: users' tools, delegates."""
    effects: Effects | None = None
    """Who is asked about effects outside; None refuses them."""
    key: str = ""
    """Of the step that is done now: stable over restarts, so that an effect can be known again."""
    seen: dict[str, int] = field(default_factory=dict)
    """How often each call (name and input) was made."""
    invalid_reports: list[str] = field(default_factory=list)
    """What was wrong with reports that did not fit their schema, or cited what is not there."""
    looping: bool = False
    """The same call was made too often: the loop ends the run."""
    team: Team | None = None
    """The specialists that this agent may hand a task to."""
    _worker: ThreadPoolExecutor | None = None
    _pool: ThreadPoolExecutor | None = None

    def call(self, call: ToolCall) -> ToolResult:
        """Do one call, once: after a restart the journal's result is given back.

        Raises WarehouseLocked: whoever holds the file has to end first, then the run goes on.
        Raises Parked and Rejected: a person is asked, or said no.
        """
        return self.call_all([call])[0]

    def call_all(self, calls: Sequence[ToolCall]) -> list[ToolResult]:
        """Do calls, several at the same time (see `groups`): steps and results are in the order
        asked, whichever ends first.

        Raises what `call` raises; what had ended by then is done.
        """
        calls = [_capped_input(call) for call in calls]
        steps = [self.journal.open("tool", one.name, _given(one)) for one in calls]
        waiting = [pair for pair in zip(calls, steps, strict=True) if pair[1].output is None]
        if len(calls) == 1:
            done = {step.seq: self._call(call, step) for call, step in waiting}
        else:
            done = self._at_once(waiting, steps)
        found = []
        for call, step in zip(calls, steps, strict=True):
            if step.output is None:
                result = self.journal.end(step, done[step.seq], ToolResult)
            else:
                result = msgspec.json.decode(step.output, type=ToolResult)
                self._bring_back(call, result, step)
            self._note(call, result)
            self._count(call)
            found.append(result)
        return found

    def groups(self, calls: Sequence[ToolCall]) -> Iterator[list[ToolCall]]:
        """A turn's calls in their order, those together that may be done at the same time.

        They only read, and no two of them use one warehouse connection.
        """
        for kind, group in groupby(calls, key=self._kind):
            if kind == "alone":
                yield from ([call] for call in group)
            else:
                yield list(group)

    def _kind(self, call: ToolCall) -> str:
        spec = self.specs.get(call.name)
        if spec is None or spec.effect != "read" or spec.toolset not in _TOGETHER:
            return "alone"
        return "specialists" if spec.toolset == DELEGATES else "reads"

    def _at_once(
        self, waiting: Sequence[tuple[ToolCall, Opened]], steps: Sequence[Opened]
    ) -> dict[int, ToolResult]:
        """Guardrails and the audit one after another, then the bodies, a few at a time."""
        done: dict[int, ToolResult] = {}
        ready = []
        for call, step in waiting:
            self.key = step.key
            refused = self._refused(call)
            if refused is None:
                ready.append((call, step))
            else:
                done[step.seq] = refused
        for at in range(0, len(ready), AT_ONCE):
            if self._pool is None:  # the first, or after one that hung was let go
                self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="agentic-tools")
            pool = self._pool
            begun = [
                (call, step, pool.submit(self._work(call, step, len(steps), steps[0].seq)))
                for call, step in ready[at : at + AT_ONCE]
            ]
            wait([future for *_, future in begun], timeout=self._patience(begun[0][0]))
            for call, step, future in begun:
                done[step.seq] = self._answer(call, step, future)
        return done

    def _work(
        self, call: ToolCall, step: Opened, share: int = 1, first: int = 0
    ) -> Callable[[], Any]:
        """What a call does, ready for a thread."""
        self.stream.emit("tool.called", f"{call.name} {_short(call.input)}", level="debug")
        if self.team is not None and self.specs[call.name].toolset == DELEGATES:
            return partial(self.team.work, call, step.seq, share=share, first=first)
        return partial(self._body(call.name), self.bench, **call.input)

    def _patience(self, call: ToolCall) -> float | None:
        """Seconds; a specialist's own limits end it."""
        spec = self.specs[call.name]
        return None if spec.toolset == DELEGATES else spec.timeout_s

    def _bring_back(self, call: ToolCall, result: ToolResult, step: Opened) -> None:
        """A replayed edit or report lives on the bench of a process that died: put it on ours.

        Only bodies that work on the bench alone are called again; they have no effect outside it.
        """
        spec = self.specs.get(call.name)
        if self.effects is not None and spec is not None and is_high_risk(spec):
            self.effects.recall(call, result)
        if spec is not None and spec.toolset == DELEGATES and self.team is not None:
            self.team.take_over(call, step.seq, edits=not result.is_error)
        on_bench = call.name == "submit_report" or (spec is not None and spec.toolset == "edits")
        if spec is not None and on_bench and not result.is_error:
            self.bench.accepted = True
            try:
                registry_function(call.name)(self.bench, **call.input)
            finally:
                self.bench.accepted = False

    def _note(self, call: ToolCall, result: ToolResult) -> None:
        """What was done can be cited; what was reported and is not valid is counted."""
        code = result.content.get("code", "") if isinstance(result.content, dict) else ""
        if result.decision is None and not (result.is_error and code == "AC590"):
            self.bench.made.append(Made(call.id, call.name, call.input, result.content))
        if call.name == "submit_report" and result.is_error and code in INVALID_OUTPUT:
            self.invalid_reports.append(str(result.content.get("error", "")))

    def _call(self, call: ToolCall, step: Opened) -> ToolResult:
        self.key = step.key
        spec = self.specs.get(call.name)
        asked, confirmed = call, None
        if spec is not None and is_high_risk(spec):
            call, confirmed = bare(call)
        refused = self._refused(call, asked, confirmed)
        if refused is not None:
            return refused
        spec = self.specs[call.name]
        if spec.toolset not in ("edits", DELEGATES):
            return self._run(call, step)
        return self._edit(call, step)

    def _edit(self, call: ToolCall, step: Opened) -> ToolResult:
        """An edit is judged by what it leaves on the bench, and taken back if that is denied."""
        before, statements = dict(self.bench.edits), list(self.bench.statements)
        result = self._run(call, step)
        if result.is_error:
            return result
        decision = self.judge_edits(self.bench.edits.values())
        if decision.verdict != "deny":
            return result
        self.bench.edits.clear()
        self.bench.edits.update(before)
        self.bench.statements[:] = statements
        return self.refuse(call, decision)

    def _refused(
        self, call: ToolCall, asked: ToolCall | None = None, confirmed: str | None = None
    ) -> ToolResult | None:
        """Why a call is not done: no such tool, input that does not fit, or a guardrail.

        `asked` is the call as the engine made it, with the value that confirms it.
        """
        asked = asked or call
        spec = self.specs.get(call.name)
        if spec is None:
            known = ", ".join(sorted(self.specs))
            sentence = f"There is no tool {call.name!r} here; there are {known}."
            return self.refuse(call, Decision("deny", "AG100", sentence))
        try:
            if call.malformed:
                raise ToolError(call.malformed, code="AC590")
            self._check(call, spec)
        except ToolError as error:
            self._record(asked, Decision("deny", error.code, error.message))
            return _failure(call, error)
        decision, value = self.judge(call, spec), ""
        if decision.verdict == "ask" and self.effects is not None:
            # Before anybody is asked: what was attempted is on record, whatever becomes of it.
            self._record(asked, decision)
            decision, value = self.effects.settle(call, spec, decision, confirmed, self.key)
        if decision.verdict != "allow":
            return self.refuse(asked, decision, value)
        self._record(asked, decision)
        return None

    def _body(self, name: str) -> Body:
        return self.bodies[name] if name in self.bodies else registry_function(name)

    def _check(self, call: ToolCall, spec: ToolSpec) -> None:
        """Raises ToolError for input that does not fit."""
        if self.team is not None and spec.toolset == DELEGATES:
            self.team.check(call)
        elif call.name in self.bodies:
            check_own_input(spec, call.input)
        else:
            check_input(call.name, call.input)

    def nested(self, call: ToolCall) -> ToolResult:
        """A call that another tool's body makes: judged and masked alike, on the same thread.

        It is part of that tool's step, so it has none of its own in the journal.
        """
        refused = self._refused(call)
        if refused is not None:
            return refused
        try:
            return _capped(call, mask_json(self._body(call.name)(self.bench, **call.input)))
        except WarehouseLocked:
            raise
        except AgenticError as error:
            return _failure(call, error)

    def _record(self, call: ToolCall, decision: Decision) -> None:
        """Into the audit before the effect: what was asked, what was decided, by which rule."""
        payload = {
            "call": call.id,
            "input": _capped_input(call).input,
            "verdict": decision.verdict,
            "code": decision.code,
            "reason": decision.reason,
            "rule": decision.rule,
        }
        spec = self.specs.get(call.name)
        self.audit.append(
            actor=self.actor,
            action=call.name,
            subject=self.journal.run,
            payload=payload,
            flush=spec is not None and is_high_risk(spec),
        )

    def refuse(self, call: ToolCall, decision: Decision, confirm: str = "") -> ToolResult:
        """A denial as the value that goes back, in the audit before anything else."""
        self._record(call, decision)
        self.stream.emit(
            "tool.denied", f"{call.name}: {decision.reason}", level="warn", code=decision.code
        )
        content = {"verdict": decision.verdict, "code": decision.code, "reason": decision.reason}
        if confirm:
            content[CONFIRM] = confirm
        return ToolResult(call.id, mask_json(content), is_error=True, decision=decision)

    def _run(self, call: ToolCall, step: Opened) -> ToolResult:
        if self._worker is None:
            # One thread for all bodies: a database connection stays where it was opened.
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="agentic-tool")
        future = self._worker.submit(self._work(call, step))
        wait([future], timeout=self._patience(call))
        return self._answer(call, step, future)

    def _answer(self, call: ToolCall, step: Opened, future: Future[Any]) -> ToolResult:
        """What a body came to, masked and capped."""
        try:
            content: Any = future.result(timeout=0)
        except Late:
            self.close()
            seconds = self.specs[call.name].timeout_s
            return _failure(call, ToolError(f"{call.name} gave no answer within {seconds:.0f} s"))
        except (WarehouseLocked, Parked, Rejected):
            # No finding of an engine: the step stays open, and the next run goes on with it.
            raise
        except AgenticError as error:
            return _failure(call, error)
        except Exception as error:  # noqa: BLE001 - whatever a tool body does, the run goes on
            return _failure(call, ToolError(f"{call.name} failed: {type(error).__name__}: {error}"))
        if self.team is not None and self.specs[call.name].toolset == DELEGATES:
            self.team.take_over(call, step.seq)
            return replace(_capped(call, content.content), is_error=content.is_error)
        return _capped(call, mask_json(content))

    def _count(self, call: ToolCall) -> None:
        key = content_hash([call.name, call.input])
        self.seen[key] = self.seen.get(key, 0) + 1
        self.looping = self.looping or self.seen[key] >= SAME_CALL_LIMIT

    def close(self) -> None:
        """Let go of the worker thread without waiting for a body that hangs."""
        for pool in (self._worker, self._pool):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)
        self._worker = self._pool = None


def _failure(call: ToolCall, error: AgenticError) -> ToolResult:
    """The full upstream error, masked: an engine corrects itself only from what really happened."""
    content = {"error": mask_text(error.message), "code": error.code, "next": mask_text(error.hint)}
    return ToolResult(call.id, replaced(content), is_error=True)


def _given(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "name": call.name, "input": call.input}


def _capped_input(call: ToolCall) -> ToolCall:
    """Input that is too long becomes a malformed call: it is told, and kept nowhere; so does one
    that cannot be encoded."""
    try:
        size = len(dumps(call.input))
    except UnicodeEncodeError:
        return well_formed_call(call)
    if size <= INPUT_CAP_BYTES:
        return call
    why = f"the input has {size} bytes, and a call may have {INPUT_CAP_BYTES}: do it in parts"
    kept = {"cut_off": size, "sha256": content_hash(call.input)}
    return replace(call, input=kept, malformed=why)


def _capped(call: ToolCall, content: Any) -> ToolResult:
    try:
        text = dumps(content)
    except UnicodeEncodeError:  # a file's name, or what an engine wrote, may hold half a character
        content = replaced(content)
        text = dumps(content)
    if len(text) <= RESULT_CAP_BYTES:
        return ToolResult(call.id, content)
    cut = {"cut_off_json": text[:RESULT_CAP_BYTES], "of_characters": len(text)}
    return ToolResult(call.id, cut, truncated=True)


def _short(given: Mapping[str, Any]) -> str:
    text = dumps(given)
    return text if len(text) <= 120 else text[:117] + "..."
