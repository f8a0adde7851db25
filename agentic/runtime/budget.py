"""What a run may still spend: asked before each turn and each call, never after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agentic.records import Decision, Limits, Usage


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

    def exceeded(self) -> Decision | None:
        """The limit that is used up, as a denial; None while there is something left."""
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
        if seconds_between(self.clock(), deadline_of(self.deadline, self.waited_s)) > 0:
            return None
        sentence = f"The incident was due at {self.deadline[:19]}: a person takes over."
        return Decision("deny", "AG113", sentence, rule="escalate.after")

    def time_left_s(self) -> float:
        """Seconds until the run or the incident is out of time; no wait may outlast them."""
        left_s = self.limits.duration_s - seconds_between(self.started_at, self.clock())
        if self.deadline and not self.started_late:
            left_s = min(left_s, seconds_between(self.clock(), self.deadline))
        return max(0.0, left_s)

    def spend(self, usage: Usage) -> None:
        """Count what a turn or a call used."""
        self.spent = self.spent + usage
        if usage.cost_usd:
            self.on_spent(self.spent.cost_usd)

    def usage(self) -> Usage:
        """What was spent so far, with the wall clock."""
        elapsed = max(0.0, seconds_between(self.started_at, self.clock()) - self.waited_s)
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
