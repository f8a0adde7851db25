"""What `propose_ddl` tries: only on relations that may be read, and that the project knows."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from agentic.policy import World
from agentic.tools import Bench, ToolError, registry_function

propose_ddl = registry_function("propose_ddl")
WORLD = World(
    relations={"raw.orders": ["id", "email"], "secret.salaries": ["id", "ceo_bonus"]},
    default_schema="raw",
    default_database="db",
    read_deny=("secret.*",),
    pii_columns=("raw.orders.email",),
)


class Space:
    """A workspace that keeps what it is told to run."""

    schema = "agentic_1"

    def __init__(self) -> None:
        self.ran: list[str] = []

    def write_files(self, _files: object) -> None:
        """Nothing is proposed to its files here."""

    def execute(self, statements: Sequence[str], *, schema: str = "", keep: bool = True) -> None:
        assert schema == "agentic_1_ddl"
        assert not keep
        self.ran += statements


@pytest.fixture
def space(bench: Bench) -> Space:
    made = Space()
    bench.world = WORLD
    bench.workspace = lambda: made  # type: ignore[assignment,return-value]
    return made


@pytest.mark.parametrize("name", ["raw.orders", "orders", "db.raw.orders"])
def test_an_alteration_is_tried_on_an_empty_copy(bench: Bench, space: Space, name: str) -> None:
    told = propose_ddl(bench, sql=f"alter table {name} add column x int", why="it is needed")

    assert len(bench.statements) == 1
    assert space.ran == told["tried"]
    assert space.ran[0].endswith("LIMIT 0")
    assert "orders" in space.ran[0]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("secret.salaries", "READ_DENIED"),
        ("SECRET.SALARIES", "READ_DENIED"),
        ("information_schema.tables", "UNKNOWN_TABLE"),
        ("raw.nobody_knows", "UNKNOWN_TABLE"),
        ("other.raw.orders", "CROSS_DATABASE"),
        ('"/tmp/notes"."csv"', "UNKNOWN_TABLE"),
    ],
)
def test_what_may_not_be_read_is_not_copied_either(
    bench: Bench, space: Space, name: str, code: str
) -> None:
    with pytest.raises(ToolError, match=code):
        propose_ddl(bench, sql=f"alter table {name} add column x int", why="to look at it")

    assert space.ran == []
    assert bench.statements == []


def test_a_denied_relation_stays_denied_where_nothing_is_listed(bench: Bench, space: Space) -> None:
    bench.world = msgspec.structs.replace(WORLD, relations={})

    with pytest.raises(ToolError, match=r"UNKNOWN_TABLE|READ_DENIED"):
        propose_ddl(bench, sql="alter table secret.salaries add column x int", why="no reason")
    assert space.ran == []


@pytest.mark.parametrize("mark", ["\x1b[2K", "\u202e", "\x08"])
def test_a_reason_is_what_it_looks_like(bench: Bench, space: Space, mark: str) -> None:
    with pytest.raises(ToolError, match="do not show"):
        propose_ddl(bench, sql="alter table orders add column x int", why=f"fine{mark} hidden")

    assert (bench.statements, space.ran) == ([], [])
