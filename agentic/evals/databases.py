"""Databases of evals on a server: named after who made them, and dropped by nobody else.

The name says the machine and user, the process and a random part; a process that ended without
dropping its own is found by the name, and only names of this machine and user are ever dropped.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from socket import gethostname
from typing import Any

import msgspec

from agentic.exceptions import AgenticError
from agentic.project import Project, Target
from agentic.records import CodePage, publish
from agentic.sql import quote
from agentic.warehouse import Connection, Relation, Scratch, open_connection, open_scratch

PREFIX = "agentic_eval_"
MOST_BYTES = 5_000_000_000
_TEXTS = ("*.json", "*.sql", "*.yml")


class EvalError(AgenticError):
    """An eval could not be run here."""

    code = "AC596"


class MayNotCreate(EvalError):
    """The role may not make the scratch database that a copy of a PostgreSQL project is."""

    code = "AC598"


publish(
    CodePage(
        code=EvalError.code,
        name="eval-not-run",
        what="The project cannot be copied and built, so that no fault can be tried on it.",
        why="An eval starts from a green build of a copy; the user's own warehouse is never "
        "written.",
        fix="The message says what is missing: a project that builds green, a local DuckDB file, "
        "or a PostgreSQL server on which a database may be created.",
    ),
    CodePage(
        code=MayNotCreate.code,
        name="eval-needs-createdb",
        what="The target's role may not create databases on the PostgreSQL server.",
        why="A copy of a project on PostgreSQL is a database of its own, `agentic_eval_...`, which "
        "is dropped afterwards. The user's database is only read.",
        fix="Give --target a target whose role may: `alter role NAME createdb`, on a development "
        "server. Nothing else is needed: the role owns what it makes.",
    ),
)


def new_name() -> str:
    """A name for a database that this process is about to make."""
    return f"{PREFIX}{_maker()}_{os.getpid()}_{secrets.token_hex(4)}"


@cache
def _maker() -> str:
    """This machine and user."""
    return sha256(f"{gethostname()}\n{os.getuid()}".encode()).hexdigest()[:8]


def process_of(name: str) -> int | None:
    """The process that made a database; None for one that is none of this machine and user."""
    found = re.fullmatch(rf"{PREFIX}{_maker()}_(\d+)_[0-9a-f]{{8}}", name)
    return int(found[1]) if found else None


def is_left(name: str) -> bool:
    """True for a database of this machine and user whose process is gone."""
    process = process_of(name)
    if process is None or process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def sweep_databases(target: Target) -> tuple[str, ...]:
    """Drop what evals that were cut off left on a target's server; returns the names."""
    if target.adapter != "postgres":
        return ()
    with open_scratch(target) as scratch:
        return _swept(scratch)


def _swept(scratch: Scratch) -> tuple[str, ...]:
    left = tuple(name for name in scratch.databases(PREFIX) if is_left(name))
    for name in left:
        scratch.drop(name)
    return left


def check_rights(target: Target) -> None:
    """Sweep what was left. Raises MayNotCreate where a copy cannot be made."""
    with open_scratch(target) as scratch:
        if not scratch.may_create():
            role = quote(scratch.role, "postgres")
            raise MayNotCreate(
                f"the role {scratch.role!r} of target {target.name} may not create databases",
                hint=f"A copy is a database of its own: `alter role {role} createdb`, or --target "
                "one of a development server.",
            )
        _swept(scratch)


def make_database(target: Target, relations: Collection[Relation], name: str) -> None:
    """Make a database and copy relations of a target into it. Raises EvalError."""
    with open_scratch(target) as scratch:
        size = scratch.size(relations)
        if size > MOST_BYTES:
            raise EvalError(
                f"the sources of target {target.name} hold {size / 1e9:.0f} GB; a copy may hold "
                f"{MOST_BYTES / 1e9:.0f}",
                hint="Give --target a target with less in it.",
            )
        scratch.create(name)
        try:
            scratch.copy_into(name, relations)
        except BaseException:
            scratch.drop(name)
            raise


def copy_database(target: Target, name: str, *, template: str) -> None:
    """Copy a database that an eval made."""
    with open_scratch(target) as scratch:
        scratch.create(name, template=template)


def drop_database(target: Target, name: str) -> None:
    """Drop a database of this process, or one that was left."""
    if process_of(name) is None:
        raise EvalError(f"{name} was not made here, and is not dropped")
    with open_scratch(target) as scratch:
        scratch.drop(name)


def same_place(one: Target, other: Target) -> bool:
    """True when two targets lead to one database."""

    def place(target: Target) -> tuple[object, ...]:
        settings = target.settings
        port = int(settings.get("port") or 5432)
        return target.adapter, settings.get("host"), port, target.database

    return place(one) == place(other)


def with_database(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """A target's settings that lead to another database."""
    kept = {key: value for key, value in settings.items() if key not in ("database", "dbname")}
    return {**kept, "dbname": name}


def rename_in(folder: Path, old: str, new: str) -> None:
    """Write a database's new name wherever a folder of the copy has the old one."""
    for pattern in _TEXTS:
        for file in folder.rglob(pattern):
            if not file.is_file():
                continue
            text = file.read_text(encoding="utf-8", errors="surrogateescape")
            if old in text:
                renamed = text.replace(old, new)
                file.write_text(renamed, encoding="utf-8", errors="surrogateescape")


def relations_of(nodes: Iterable[Any], database: str) -> tuple[Relation, ...]:
    """Where nodes are, each once; whatever name the artifacts have for the database."""
    found = {
        (one.schema, one.identifier): Relation(database, one.schema, one.identifier)
        for one in map(Relation.of_node, nodes)
    }
    return tuple(found[key] for key in sorted(found))


def open_to_break(project: Project, target: Target) -> Connection:
    """A writable connection to a copy's warehouse. Raises WarehouseError."""
    file = project.root / str(target.settings.get("path")) if target.adapter == "duckdb" else None
    return open_connection(target, project_root=project.root, writable=True, database_path=file)


def at_home(target: Target, origin: str) -> Target:
    """A copy's target, connected to the database from which databases are made and dropped."""
    settings = with_database(target.settings, origin)
    return msgspec.structs.replace(target, database=origin, settings=settings)
