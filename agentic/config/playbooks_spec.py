"""The grammar of `playbooks/*.yml`: a person's own rules, without Python."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from agentic.config.fields import Name, NamedItem, Spec, Text, invalid

Confidence = Annotated[float, Field(ge=0, le=1)]


class PlaybookStep(Spec):
    """One question to a tool that reads; its answer is `steps.ID` in what follows."""

    id: Name
    """Unique in its playbook."""
    tool: Name
    """A built-in tool that reads, which the agents may use."""
    input: dict[str, Any] = Field(default_factory=dict)
    """The tool's input; texts are templates."""
    when: Text | None = None
    """A Jinja expression; the step is left out where it is false."""


class PlaybookEdit(Spec):
    """One replacement of a fix, as `edit_file` makes it."""

    path: Text
    """Relative to the dbt project; a template."""
    old: Text
    """Occurs exactly once in the file; a template."""
    new: str
    """What takes its place; a template."""
    why: Text | None = None
    """One sentence."""


class PlaybookItem(NamedItem):
    """When it applies, what it asks, and what it decides."""

    agent: Name | None = None
    """The agent that follows it; every agent without it."""
    when: Text
    """A Jinja expression over `incident`, or over `finding`: then it speaks after the rules."""
    steps: tuple[PlaybookStep, ...] = ()
    """Asked in order."""
    holds: Text | None = None
    """A Jinja expression over `steps`; the playbook has nothing to say where it is false."""
    decision: Literal["escalate", "wait", "no_change", "fix"]
    """What is done."""
    cls: Name | None = Field(default=None, alias="class")
    """Fault class of the finding; the playbook's name without it."""
    node: Text | None = None
    """`unique_id` of the root cause, a template; the incident's node without it."""
    column: Text | None = None
    """Column of the root cause, a template."""
    summary: Text
    """One sentence, a template."""
    owner: Text | None = None
    """Who is told, a template."""
    question: Text | None = None
    """What a person has to answer or do, a template."""
    confidence: Confidence = 0.9
    """How sure it is; from 0.9 on no rule is asked after it."""
    edits: tuple[PlaybookEdit, ...] = ()
    """For `fix`."""

    @model_validator(mode="after")
    def _whole(self) -> PlaybookItem:
        if bool(self.edits) != (self.decision == "fix"):
            what = "a fix needs edits" if not self.edits else "only a fix has edits"
            raise invalid(f"playbook {self.name!r}: {what}", "decision: fix with edits", "AC116")
        if self.decision == "escalate" and not self.question:
            raise invalid(
                f"playbook {self.name!r} needs its question", "what a person must answer", "AC111"
            )
        return self


class PlaybooksFile(Spec):
    """playbooks/*.yml: rules of your own, and the order in which the built-in ones are asked."""

    version: Literal[1]
    """Version of this grammar: 1."""
    rules: tuple[Name, ...] = ()
    """Names of built-in rules (module-level functions, as `agentic explain` lists them): these
    first, in this order, the others after them as shipped."""
    playbooks: tuple[PlaybookItem, ...] = ()
    """In order."""
