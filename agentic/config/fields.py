"""The field types that both files share: strict scalars, names, durations, sizes, money."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from agentic.config.units import DURATION_PATTERN, SIZE_PATTERN, parse_duration, parse_size


class Spec(BaseModel):
    """One mapping of the grammar: no unknown keys, never changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class RenderedText(str):
    """Text that came out of a template: a number in it counts as a number."""

    __slots__ = ()


def invalid(message: str, hint: str = "", code: str = "AC114") -> PydanticCustomError:
    """An error that a validator raises; it becomes an Issue with this code."""
    safe = message.replace("{", "(").replace("}", ")")
    return PydanticCustomError(code, safe, {"hint": hint})


def _number(value: Any) -> Any:
    if isinstance(value, RenderedText):
        if re.fullmatch(r"-?[0-9]{1,15}", value.strip()):
            return int(value)
        if re.fullmatch(r"-?[0-9]{1,15}\.[0-9]{1,15}", value.strip()):
            return float(value)
    return value


def _flag(value: Any) -> Any:
    if isinstance(value, RenderedText) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    return value


def _measured(parse: Callable[[str], float], hint: str) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if not isinstance(value, str):
            raise invalid("must be a number with a unit", hint, "AC112")
        try:
            return parse(value.strip())
        except ValueError as error:
            raise invalid(str(error), hint) from error

    return convert


def one_of(spec: BaseModel, keys: tuple[str, ...], what: str) -> str:
    """The one key of several that is set. Raises AC116 when none or more than one is."""
    given = [key for key in keys if getattr(spec, key) is not None]
    if len(given) != 1:
        found = f"has {' and '.join(given)}" if given else "has none"
        raise invalid(f"{what} needs exactly one of {', '.join(keys)}; it {found}", "", "AC116")
    return given[0]


NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"

Text = Annotated[str, StringConstraints(strict=True, min_length=1)]
Name = Annotated[str, StringConstraints(strict=True, pattern=NAME_PATTERN)]
Texts = tuple[Text, ...]
Names = tuple[Name, ...]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(_flag)]
Count = Annotated[int, Field(strict=True, ge=0, le=10**15), BeforeValidator(_number)]
Money = Annotated[
    float, Field(strict=True, ge=0, le=10**9, allow_inf_nan=False), BeforeValidator(_number)
]
Duration = Annotated[
    float,
    BeforeValidator(_measured(parse_duration, "write 60s, 30m or 1h")),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["30m"]}),
]
Size = Annotated[
    int,
    BeforeValidator(_measured(parse_size, "write 500MB, 10GB or 1TB")),
    WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN, "examples": ["10GB"]}),
]


class ItemConfig(Spec):
    """dbt's `config:` of a named item."""

    enabled: Flag = True
    """false: the item is read and checked, and otherwise left out."""
    meta: dict[str, Any] = Field(default_factory=dict)
    """Anything; agentic does not read it."""
    tags: Texts = ()
    """For people and for `agentic ls`."""


class NamedItem(Spec):
    """What every item of a list has."""

    name: Name
    """Letters, digits and underscores; unique in its list."""
    description: Text | None = None
    """One sentence for people and engines."""
    config: ItemConfig = ItemConfig()
    """enabled, meta, tags."""
    meta: dict[str, Any] = Field(default_factory=dict)
    """Anything; agentic does not read it."""
    tags: Texts = ()
    """For people and for `agentic ls`."""


class LimitsSpec(Spec):
    """What a run may spend or touch. An exceeded limit is a denial."""

    nodes_changed: Count | None = None
    """Nodes that one proposal may change."""
    nodes_downstream: Count | None = None
    """Nodes downstream of the changed ones, together."""
    rows_deleted: Count | None = None
    """Rows that one proposal's statements may delete."""
    backfill: BackfillSpec | None = None
    """How far back, and from what size on a person is asked."""
    tool_calls: Count | None = None
    """Tool calls in one run, denied ones included."""
    tokens: Count | None = None
    """Input and output tokens of one run."""
    cost_usd: Money | None = None
    """US dollars for one run."""
    cost_usd_per_day: Money | None = None
    """US dollars for all runs of a day (UTC)."""
    duration_s: Duration | None = Field(default=None, alias="duration")
    """How long a run may take: 30m, 1h."""


class BackfillSpec(Spec):
    """Bounds of a backfill."""

    days: Count | None = None
    """Days back from today."""
    ask_above_bytes: Size | None = Field(default=None, alias="ask_above")
    """Scanned bytes from which on a person is asked: 1TB."""


LimitsSpec.model_rebuild()
