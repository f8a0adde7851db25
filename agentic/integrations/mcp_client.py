"""MCP servers of one run: each started when it is first asked, and ended with the run.

A server is a stranger. It is asked for tools and for nothing else; its requests (sampling,
elicitation, roots) are refused by the SDK, which is given nothing to answer them with; what it says
is bounded in size and time, and checked against the pin before each call.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from mcp import Client, MCPError, types

from agentic import __version__
from agentic.config import ServedTool, plain
from agentic.exceptions import ServiceError
from agentic.integrations.http import check_address
from agentic.integrations.mcp_transport import CAP, Meter, http, stdio
from agentic.masking import mask_text

# The SDK logs what a server said, as it came, to stderr.
logging.getLogger("mcp").addHandler(logging.NullHandler())

START_S = 30.0
SAID_CAP = 40_000
"""Characters of one answer that an engine is shown."""
_PAGES = 20
_GRACE_S = 5.0
R = TypeVar("R")
_Work = Callable[[Client], Awaitable[R]]


class ServerAt(msgspec.Struct, frozen=True):
    """How to reach a server, every reference resolved: never stored, never shown."""

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    env: dict[str, str] = {}
    headers: dict[str, str] = {}


class Pin(msgspec.Struct, frozen=True):
    """A tool as it was approved."""

    tool: str
    sha256: str


class Changed(ServiceError):
    """A tool is not what was approved; `now` is what it has become, None when it is gone."""

    code = "AG174"

    def __init__(self, server: str, tool: str, now: ServedTool | None) -> None:
        what = "is another than was approved" if now else "is not there any more"
        super().__init__(
            f"the tool {tool!r} of {server} {what}",
            hint=f"A person looks at it with `agentic pin {server}`; go on without it.",
        )
        self.now = now


class Refused(ServiceError):
    """A tool said that it failed; its server goes on."""


class Servers:
    """Asked from any thread; the talking is done on one of its own."""

    def __init__(self, cwd: Path, *, cap: int = CAP, start_s: float = START_S) -> None:
        self._cwd, self._cap, self._start_s = cwd, cap, start_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="mcp")
        self._thread.start()
        self._open: dict[str, _Connection] = {}
        self._ended: dict[str, str] = {}
        """Why a server is not asked again in this run."""

    def tools(self, server: ServerAt, *, timeout_s: float = START_S) -> tuple[ServedTool, ...]:
        """What the server offers now. Raises ServiceError."""
        return self._ask(server, _listed, timeout_s)

    def call(
        self, server: ServerAt, pin: Pin, given: Mapping[str, Any], *, timeout_s: float
    ) -> dict[str, Any]:
        """One call of a tool that is still what was approved, its answer cut at `SAID_CAP`.

        Raises Changed, and ServiceError: it refused, hung, flooded or cannot be reached.
        """

        async def work(client: Client) -> dict[str, Any]:
            now = {one.name: one for one in await _listed(client)}.get(pin.tool)
            if now is None or now.sha256 != pin.sha256:
                raise Changed(server.name, pin.tool, now)
            params = types.CallToolRequestParams(name=pin.tool, arguments=dict(given))
            # Not client.call_tool: it would compile the server's own output schema here.
            result = await client.session.send_request(
                types.CallToolRequest(params=params), types.CallToolResult
            )
            return _said(server.name, result)

        return self._ask(server, work, timeout_s)

    def close(self) -> None:
        """End every server, and wait until they are gone."""
        for connection in self._open.values():
            self._loop.call_soon_threadsafe(connection.leave)
        for connection in self._open.values():
            with suppress(Late):
                connection.done.result(timeout=2 * _GRACE_S)
        self._open.clear()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_GRACE_S)

    def _ask(self, server: ServerAt, work: _Work[R], timeout_s: float) -> R:
        if server.name in self._ended:
            raise ServiceError(
                f"the MCP server {server.name} {self._ended[server.name]}; it is not asked again "
                "in this run"
            )
        job: Future[R] = Future()
        connection, new = self._open.get(server.name), False
        if connection is None:
            connection = _Connection(server, self._cwd, self._cap, self._start_s)
            self._open[server.name], new = connection, True
        # The job lies there before the server is started, which may fail at once.
        self._loop.call_soon_threadsafe(connection.take, work, timeout_s, job)
        if new:
            asyncio.run_coroutine_threadsafe(connection.run(), self._loop)
        try:
            return job.result(timeout=self._start_s + timeout_s + _GRACE_S)
        except Late as error:
            self._ended[server.name] = "gave no answer"
            self._loop.call_soon_threadsafe(connection.leave)
            raise ServiceError(f"the MCP server {server.name} gave no answer") from error
        except ServiceError as error:
            if connection.why:
                self._ended[server.name] = connection.why
            raise error


class _Connection:
    """One server: a task holds it open and does the jobs in order."""

    def __init__(self, server: ServerAt, cwd: Path, cap: int, start_s: float) -> None:
        self.jobs: asyncio.Queue[tuple[_Work[Any], float, Future[Any]]] = asyncio.Queue()
        self.done: Future[None] = Future()
        self.why = ""
        """Why it ended, where it ended by itself or for its behaviour."""
        self._server, self._cwd, self._meter = server, cwd, Meter(cap)
        self._start_s = start_s
        self._task: asyncio.Task[Any] | None = None
        self._over = False

    def take(self, work: _Work[Any], timeout_s: float, job: Future[Any]) -> None:
        """One job more; on the loop's thread."""
        if self._over:
            job.set_exception(self._ended())
        else:
            self.jobs.put_nowait((work, timeout_s, job))

    def leave(self) -> None:
        """The run is over."""
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> None:
        """Until `leave`, or until the server misbehaves."""
        self._task = asyncio.current_task()
        job: Future[Any] | None = None
        try:
            async with asyncio.timeout(self._start_s) as start, self._client() as client:
                start.reschedule(None)
                while True:
                    work, timeout_s, job = await self.jobs.get()
                    self._meter.reset()
                    try:
                        async with asyncio.timeout(timeout_s):
                            job.set_result(await work(client))
                    except (Changed, Refused, MCPError) as error:
                        if self._meter.flooded or _gone(error):
                            raise
                        job.set_exception(self._told(error))
        except asyncio.CancelledError:
            self.why = self.why or "was ended"
        except Exception as error:  # noqa: BLE001 - whatever a stranger does, the run goes on
            self._fail(error, job)
        finally:
            self._over = True
            self._drop(self._ended())
            self.done.set_result(None)

    def _client(self) -> Client:
        server, meter = self._server, self._meter
        way: Any
        if server.command:
            way = stdio(server.command, cwd=self._cwd, env=server.env, meter=meter)
        else:
            check_address(server.url)
            way = http(server.url, headers=server.headers, timeout_s=self._start_s, meter=meter)
        info = types.Implementation(name="agentic", version=__version__)
        # The handshake that every server knows; no answer is cached.
        return Client(way, mode="legacy", cache=None, client_info=info)

    def _fail(self, error: Exception, job: Future[Any] | None) -> None:
        told = self._told(error)
        self.why = f"ended ({told.message})"
        if job is None or job.done():
            return self._drop(told)
        job.set_exception(told)
        return None

    def _drop(self, told: ServiceError) -> None:
        while not self.jobs.empty():
            _, _, waiting = self.jobs.get_nowait()
            waiting.set_exception(told)

    def _ended(self) -> ServiceError:
        return ServiceError(f"the MCP server {self._server.name} {self.why or 'ended'}")

    def _told(self, error: Exception) -> ServiceError:
        name, leaf = self._server.name, _leaf(error)
        if isinstance(leaf, ServiceError):
            return leaf
        if self._meter.flooded:
            return ServiceError(
                f"the MCP server {name} said more than {self._meter.cap:,} bytes and was ended"
            )
        if isinstance(leaf, TimeoutError):
            return ServiceError(f"the MCP server {name} gave no answer in time and was ended")
        if isinstance(leaf, MCPError) and not _gone(leaf):
            return ServiceError(f"{name}: {plain(mask_text(leaf.error.message), 500)}")
        errors = plain(mask_text(self._meter.errors.decode(errors="replace")), 500)
        why = plain(mask_text(str(leaf)), 300) or type(leaf).__name__
        more = f"; it said: {errors}" if errors else ""
        return ServiceError(f"the MCP server {name} cannot be reached: {why}{more}")


def _gone(error: Exception) -> bool:
    return isinstance(error, MCPError) and error.error.code == types.CONNECTION_CLOSED


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _listed(client: Client) -> tuple[ServedTool, ...]:
    found: list[ServedTool] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await client.session.list_tools(params=types.PaginatedRequestParams(cursor=cursor))
        found += [
            ServedTool(one.name, one.description or "", dict(one.input_schema))
            for one in page.tools
        ]
        cursor = page.next_cursor
        if not cursor:
            break
    return tuple(found)


def _said(server: str, result: types.CallToolResult) -> dict[str, Any]:
    """An answer as data: texts as they are, everything else by its kind and size."""
    parts: list[Any] = []
    for block in result.content:
        if isinstance(block, types.TextContent):
            parts.append(block.text)
        elif isinstance(block, types.ImageContent | types.AudioContent):
            parts.append({"left_out": block.type, "mime": block.mime_type, "size": len(block.data)})
        else:
            parts.append({"left_out": block.type})
    text = "\n".join(part for part in parts if isinstance(part, str))
    said: dict[str, Any] = {"server": server}
    if result.structured_content is not None and len(parts) <= 1:
        whole = msgspec.json.encode(result.structured_content).decode()
        if len(whole) <= SAID_CAP:
            return _checked(server, {**said, "json": result.structured_content}, result, text)
    said["text"] = text[:SAID_CAP]
    if len(text) > SAID_CAP:
        said["cut_off"] = len(text)
    others = [part for part in parts if not isinstance(part, str)][:20]
    return _checked(server, {**said, **({"other": others} if others else {})}, result, text)


def _checked(
    server: str, said: dict[str, Any], result: types.CallToolResult, text: str
) -> dict[str, Any]:
    if result.is_error:
        raise Refused(f"{server}: {plain(mask_text(text), 2_000) or 'it failed'}")
    return said
