"""What a run may still spend: asked before each turn and each call, never after."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from agentic.records import Decision, Limits, Usage

KEPT_CALLS = 2
"""Calls that an orchestrator keeps for its own report when it hands on a task."""
LENT = 0.9
"""The share of its tokens and its money that it hands on at most."""


@dataclass
class Budget:
    """Limits against what was spent. `clock` gives ISO 8601, UTC; the run's wall clock counts on
    over a restart, since it is measured from `started_at`."""

    limits: Limits
    started_at: str
    clock: Callable[[], str]
    cost_usd_today: Callable[[], float] = lambda: 0.0
    """What other runs cost since midnight, UTC, asked anew each time: only turns under way in other
    processes are not in it, one a process."""
    on_spent: Callable[[float], None] = lambda _cost: None
    """Told what the run cost so far, so that other processes can count it."""
    free: bool = False
    """The engine costs nothing: what others spent today does not stop it."""
    spent: Usage = field(default_factory=Usage)
    deadline: str = ""
    """When the incident is a person's (ISO 8601, UTC); empty: never."""
    waited_s: float = 0.0
    """How long the run was parked: neither its clock nor the incident's ran on."""
    parent: Budget | None = None
    """Of the orchestrator that this was drawn from: what is spent here is spent there too, and
    both stop when there is nothing left."""
    _seen: str = ""
    """What the clock said last."""
    _behind_s: float = 0.0
    """By how much it was set back while the run was under way: a run gains no time by that."""
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def exceeded(self) -> Decision | None:
        """The limit that is used up, as a denial; None while there is something left."""
        if self.parent is not None and (used_up := self.parent.exceeded()):
            return used_up
        if late := self.overdue():
            return late
        now = self.usage()
        tokens = now.input_tokens + now.output_tokens
        day = 0.0 if self.free else self.cost_usd_today() + now.cost_usd
        reached = (
            ("tool_calls", now.tool_calls, self.limits.tool_calls, ""),
            ("tokens", tokens, self.limits.tokens, ""),
            ("cost_usd", now.cost_usd, self.limits.cost_usd, " USD"),
            ("cost_usd_per_day", day, self.limits.cost_usd_per_day, " USD"),
            ("duration", now.duration_s, self.limits.duration_s, " s"),
        )
        for name, value, limit, unit in reached:
            if value >= limit and not (value == limit == 0 and name.startswith("cost")):
                return Decision(
                    "deny",
                    "AG110",
                    f"The limit `{name}` is used up: {value:g} of {limit:g}{unit}.",
                    rule=f"limits.{name}: {limit:g}",
                )
        return None

    @property
    def started_late(self) -> bool:
        """The run started when the incident was overdue already: the clock does not stop it."""
        return bool(self.deadline) and seconds_between(self.started_at, self.deadline) == 0

    def overdue(self) -> Decision | None:
        """A denial when the incident's clock ran out while the run was under way."""
        if not self.deadline or self.started_late:
            return None
        if seconds_between(self._now(), deadline_of(self.deadline, self.waited_s)) > 0:
            return None
        sentence = f"The incident was due at {self.deadline[:19]}: a person takes over."
        return Decision("deny", "AG113", sentence, rule="escalate.after")

    def time_left_s(self) -> float:
        """Seconds until the run or the incident is out of time; no wait may outlast them."""
        now = self._now()
        left_s = self.limits.duration_s - seconds_between(self.started_at, now)
        if self.parent is not None:
            left_s = min(left_s, self.parent.time_left_s())
        if self.deadline and not self.started_late:
            left_s = min(left_s, seconds_between(now, self.deadline))
        return max(0.0, left_s)

    def spend(self, usage: Usage) -> None:
        """Count what a turn or a call used."""
        with self._lock:
            self.spent = self.spent + usage
            if usage.cost_usd:
                self.on_spent(self.spent.cost_usd)
        if self.parent is not None:
            self.parent.spend(usage)

    def take_call(self) -> Decision | None:
        """Count one call if there is one left; else the denial. Several threads may ask at once."""
        with self._root()._lock:
            spent = self.exceeded()
            if spent is None:
                self.spend(Usage(tool_calls=1))
            return spent

    def drawn(self, limits: Limits, share: int = 1) -> Limits:
        """What one of `share` specialists that work at the same time may spend: their own limits,
        and together no more than there is left but for the orchestrator's own end."""
        now, own = self.usage(), self.limits
        tokens = own.tokens - now.input_tokens - now.output_tokens
        return replace(
            limits,
            tool_calls=min(
                limits.tool_calls, max(0, own.tool_calls - now.tool_calls - KEPT_CALLS) // share
            ),
            tokens=min(limits.tokens, int(max(0, tokens) * LENT) // share),
            cost_usd=min(limits.cost_usd, max(0.0, own.cost_usd - now.cost_usd) * LENT / share),
            duration_s=min(limits.duration_s, self.time_left_s()),
        )

    def _now(self) -> str:
        with self._lock:
            now = self.clock()
            if now < self._seen:
                self._behind_s += seconds_between(now, self._seen)
            self._seen = now
            return deadline_of(now, self._behind_s) if self._behind_s else now

    def _root(self) -> Budget:
        return self if self.parent is None else self.parent._root()

    def usage(self) -> Usage:
        """What was spent so far, with the wall clock."""
        elapsed = max(0.0, seconds_between(self.started_at, self._now()) - self.waited_s)
        return Usage(
            tool_calls=self.spent.tool_calls,
            input_tokens=self.spent.input_tokens,
            output_tokens=self.spent.output_tokens,
            cost_usd=self.spent.cost_usd,
            duration_s=elapsed,
        )


def deadline_of(first_seen_at: str, after_s: float) -> str:
    """When an incident is due; empty when nobody knows since when it is there."""
    if not first_seen_at:
        return ""
    due = datetime.fromisoformat(first_seen_at) + timedelta(seconds=after_s)
    return due.isoformat(timespec="microseconds")


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from one ISO 8601 moment to another; never less than nought."""
    return max(
        0.0, (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
    )
