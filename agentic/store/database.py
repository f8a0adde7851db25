"""Opens the store and answers questions about runs and incidents."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from agentic.exceptions import StoreError
from agentic.records import Incident, RunResult, dumps, loads
from agentic.store.quick import Quick
from agentic.store.schema import SCHEMA_VERSION, incidents, meta, metadata, runs

_ALONE = 5_150_714
"""Our key among PostgreSQL's advisory locks."""
_SPEND = "update agentic_runs set cost_usd = :cost_usd where run_id = :run_id"
_SPENT = (
    "select coalesce(sum(cost_usd), 0.0) from agentic_runs "
    "where started_at >= :moment and run_id <> :but"
)
Clock = Callable[[], str]
"""Gives the time now as ISO 8601, UTC."""


def open_store(project_root: Path, *, project: str, clock: Clock, url: str | None = None) -> Store:
    """The store of a project: `AGENTIC_STORE` (a URL), else `<project>/.agentic/state.db`.

    Raises StoreError when it cannot be opened or was written by a newer agentic.
    """
    url = url or os.environ.get("AGENTIC_STORE")
    try:
        if not url:
            home = project_root / ".agentic"
            home.mkdir(exist_ok=True)
            exclude_from_git(home)
            url = f"sqlite:///{home / 'state.db'}"
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _sqlite_settings)
            event.listen(engine, "begin", _sqlite_begin)
        store = Store(engine, project=project, clock=clock)
        store.prepare()
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(
            f"the state store cannot be opened: {error}",
            hint="Check that `.agentic/` is writable, or that AGENTIC_STORE is a database URL.",
        ) from error
    return store


def exclude_from_git(home: Path) -> None:
    """A `.gitignore` of its own: the user's files are not edited to hide ours."""
    marker = home / ".gitignore"
    if not marker.exists():
        marker.write_text("*\n", encoding="utf-8")


def _sqlite_settings(connection: object, _record: object) -> None:
    # Python's own BEGIN comes only before the first write: what was read before it may be old.
    connection.isolation_level = None  # type: ignore[attr-defined]  # a DBAPI connection, untyped
    cursor = connection.cursor()  # type: ignore[attr-defined]
    # WAL and FULL: what is committed survives a power cut (sqlite.org/pragma.html). Of a quick
    # write the caller says whether it has to (quick.py).
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    """Readers who will write wait here, not half-way: two processes may start at once."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class Store:
    """Runs and incidents of one project. Every write is committed before the method returns."""

    def __init__(self, engine: Engine, *, project: str, clock: Clock) -> None:
        self.engine = engine
        self.quick = Quick(engine)
        self.project = project
        self.clock = clock

    def prepare(self) -> None:
        """Create missing tables and check the version. Raises StoreError."""
        with self.begin() as connection:
            self._alone(connection)
            metadata.create_all(connection)
            query = select(meta.c.value).where(meta.c.name == "schema_version")
            found = connection.execute(query).scalar()
            if found is None:
                row = {"name": "schema_version", "value": str(SCHEMA_VERSION)}
                connection.execute(insert(meta).values(row))
            elif int(found) != SCHEMA_VERSION:
                raise StoreError(
                    f"the state store has schema version {found}, this agentic writes "
                    f"{SCHEMA_VERSION}",
                    hint="Use the agentic that wrote it, or move `.agentic/state.db` away.",
                )

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction; database errors come out as StoreError."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(
                f"the state store failed: {error}",
                hint="Check free disk space and the permissions of `.agentic/`.",
            ) from error

    def _alone(self, connection: Connection) -> None:
        """Keep other processes out until this transaction ends; SQLite's BEGIN has done so."""
        if self.engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_ALONE)))

    def _open_runs(self, incident: str) -> ColumnElement[bool]:
        return and_(
            runs.c.project == self.project,
            runs.c.incident == incident,
            runs.c.status == "running",
        )

    # runs

    def start_run(self, run_id: str, *, incident: str, inputs_hash: str, agent: str) -> None:
        """Write a run's row before anything else happens in it.

        Raises StoreError when another process has just begun one for the same incident.
        """
        with self.begin() as connection:
            self._alone(connection)
            busy = connection.execute(select(runs.c.run_id).where(self._open_runs(incident)))
            if (other := busy.scalar()) is not None:
                raise StoreError(
                    f"run {other} has just begun on this incident",
                    hint="Let it end: one run an incident.",
                )
            connection.execute(
                insert(runs).values(
                    run_id=run_id,
                    project=self.project,
                    incident=incident,
                    inputs_hash=inputs_hash,
                    agent=agent,
                    status="running",
                    pid=os.getpid(),
                    host=socket.gethostname(),
                    started_at=self.clock(),
                    cost_usd=0.0,
                )
            )

    def adopt_run(self, run_id: str) -> None:
        """This process goes on with a run that another one left."""
        with self.begin() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id)
                .values(pid=os.getpid(), host=socket.gethostname())
            )

    def end_run(self, result: RunResult) -> None:
        """Write how a run ended."""
        with self.begin() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.run_id == result.run_id)
                .values(
                    status=result.status,
                    ended_at=self.clock(),
                    cost_usd=result.usage.cost_usd,
                    result=dumps(result),
                )
            )

    def parked(self, incident: str, inputs_hash: str) -> list[RowMapping]:
        """Rows of this incident's runs that wait for a person, with these inputs, newest first."""
        query = (
            select(runs)
            .where(
                runs.c.project == self.project,
                runs.c.incident == incident,
                runs.c.inputs_hash == inputs_hash,
                runs.c.status == "awaiting_approval",
            )
            .order_by(runs.c.started_at.desc())
        )
        with self.begin() as connection:
            return list(connection.execute(query).mappings())

    def reopen_run(self, run_id: str) -> bool:
        """Go on with a run that waited; False when another process has just done so."""
        with self.begin() as connection:
            done = connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id, runs.c.status == "awaiting_approval")
                .values(status="running", pid=os.getpid(), host=socket.gethostname(), ended_at=None)
            )
        return done.rowcount == 1

    def runs_of(self, fingerprints: Sequence[str]) -> list[str]:
        """Ids of the runs that took these incidents."""
        query = select(runs.c.run_id).where(
            runs.c.project == self.project, runs.c.incident.in_(list(fingerprints))
        )
        with self.begin() as connection:
            return list(connection.execute(query).scalars())

    def abandon_run(self, run_id: str) -> None:
        """A run whose inputs changed since it was cut off: it is never resumed."""
        with self.begin() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id)
                .values(status="abandoned", ended_at=self.clock())
            )

    def unfinished(self, incident: str) -> list[RowMapping]:
        """Rows of this incident's runs that never ended, newest first."""
        query = select(runs).where(self._open_runs(incident)).order_by(runs.c.started_at.desc())
        with self.begin() as connection:
            return list(connection.execute(query).mappings())

    def history(self, limit: int = 50) -> list[RowMapping]:
        """Rows of the last runs, newest first."""
        query = (
            select(runs)
            .where(runs.c.project == self.project)
            .order_by(runs.c.started_at.desc(), runs.c.run_id.desc())
            .limit(limit)
        )
        with self.begin() as connection:
            return list(connection.execute(query).mappings())

    def result(self, run_id: str) -> RunResult | None:
        """How a run ended, by its id or by a prefix that only one run has."""
        query = select(runs.c.result).where(
            runs.c.project == self.project, runs.c.run_id.startswith(run_id, autoescape=True)
        )
        with self.begin() as connection:
            rows = connection.execute(query).mappings()
            found = [str(row["result"]) for row in rows if row["result"]]
        return loads(found[0], RunResult) if len(found) == 1 else None

    def spend(self, run_id: str, cost_usd: float) -> None:
        """Write what a run cost so far, so that other processes count it while it goes on."""
        with self.quick.write(flush=False) as run:
            run(_SPEND, run_id=run_id, cost_usd=cost_usd)

    def results_of(self, fingerprint: str, *, since: str) -> list[RunResult]:
        """How this incident's runs since a moment (ISO 8601, UTC) ended, oldest first."""
        query = (
            select(runs.c.result)
            .where(
                runs.c.project == self.project,
                runs.c.incident == fingerprint,
                runs.c.started_at >= since,
                runs.c.result.is_not(None),
            )
            .order_by(runs.c.started_at)
        )
        with self.begin() as connection:
            found: list[str] = list(connection.execute(query).scalars())
        return [loads(text, RunResult) for text in found]

    def cost_usd_since(self, moment: str, *, but: str = "") -> float:
        """What all runs since `moment` (ISO 8601, UTC) cost so far, in USD; `but` is left out."""
        ((total,),) = self.quick.read(_SPENT, moment=moment, but=but)
        return float(total)

    # incidents

    def see(self, incident: Incident) -> Incident:
        """Record that an incident is there now; returns it with the time it was first seen."""
        now = self.clock()
        key = (incidents.c.fingerprint == incident.fingerprint) & (
            incidents.c.project == self.project
        )
        with self.begin() as connection:
            row = connection.execute(select(incidents).where(key)).mappings().first()
            still_open = row is not None and row["state"] == "open"
            first = row["first_seen_at"] if row is not None and still_open else now
            seen = replace(incident, first_seen_at=first)
            values = {
                "kind": seen.kind,
                "node": seen.node,
                "state": "open",
                "first_seen_at": first,
                "last_seen_at": now,
                "record": dumps(seen),
            }
            if row is None:
                values |= {"fingerprint": seen.fingerprint, "project": self.project}
                connection.execute(insert(incidents).values(values))
            else:
                connection.execute(update(incidents).where(key).values(values))
        return seen

    def link(self, incident: Incident, *, run_id: str, root_cause: str | None) -> None:
        """Name the run that handled an incident, and its root cause's fingerprint."""
        with self.begin() as connection:
            connection.execute(
                update(incidents)
                .where(
                    incidents.c.fingerprint == incident.fingerprint,
                    incidents.c.project == self.project,
                )
                .values(run_id=run_id, root_cause=root_cause)
            )

    def close_absent(self, present: set[str]) -> list[str]:
        """Close open incidents that the last build no longer shows; returns their fingerprints."""
        mine = (incidents.c.project == self.project) & (incidents.c.state == "open")
        mine &= incidents.c.kind != "request"  # no build shows those: they end with their run
        with self.begin() as connection:
            query = select(incidents.c.fingerprint).where(mine)
            known: set[str] = set(connection.execute(query).scalars())
            gone = sorted(known - present)
            if gone:
                connection.execute(
                    update(incidents)
                    .where(mine, incidents.c.fingerprint.in_(gone))
                    .values(state="closed", last_seen_at=self.clock())
                )
        return gone

    def close_incident(self, fingerprint: str) -> None:
        """Close one incident: a request is done with when its run has ended."""
        mine = (incidents.c.project == self.project) & (incidents.c.fingerprint == fingerprint)
        with self.begin() as connection:
            connection.execute(
                update(incidents).where(mine).values(state="closed", last_seen_at=self.clock())
            )

    def incidents(self) -> list[RowMapping]:
        """All incidents, open ones first, newest first."""
        query = (
            select(incidents)
            .where(incidents.c.project == self.project)
            .order_by(incidents.c.state.desc(), incidents.c.last_seen_at.desc())
        )
        with self.begin() as connection:
            return list(connection.execute(query).mappings())
