"""Ways to an MCP server that hold no more of what it says than a bound.

The SDK's own transports read a message whole, however long it is; these count bytes as they come,
and end the server that says too much.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import httpx2
from anyio.abc import Process
from mcp import types
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage

from agentic.exceptions import ServiceError

CAP = 4_000_000
"""Bytes that a server may say between two questions."""
_END_S = 1.0
_ERRORS_KEPT = 2_000


class Flooded(ServiceError):
    """A server said more than the bound."""


class Meter:
    """Counts what one server says."""

    def __init__(self, cap: int = CAP) -> None:
        self.cap = cap
        self.heard = 0
        self.flooded = False
        self.errors = b""
        """The end of what a process wrote to stderr."""

    def add(self, size: int) -> None:
        """Raises Flooded."""
        self.heard += size
        if self.heard > self.cap:
            self.flooded = True
            raise Flooded(f"it said more than {self.cap:,} bytes")

    def reset(self) -> None:
        self.heard = 0


@asynccontextmanager
async def stdio(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], meter: Meter
) -> AsyncGenerator[tuple[object, object]]:
    """Start a server and talk over its pipes; it and all it started are ended at the end.

    Raises OSError when it cannot be started.
    """
    process = await anyio.open_process(
        list(command),
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    told, reading = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    writing, to_tell = anyio.create_memory_object_stream[SessionMessage](0)

    async def listen() -> None:
        assert process.stdout is not None
        async with told:
            with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, Flooded):
                async for message in _messages(process, meter):
                    await told.send(message)
            kill(process)

    async def speak() -> None:
        assert process.stdin is not None
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError, OSError):
            async with to_tell:
                async for one in to_tell:
                    text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await process.stdin.send(text.encode() + b"\n")

    async with anyio.create_task_group() as group:
        for task in (listen, speak):
            group.start_soon(task)
        group.start_soon(_keep_errors, process, meter)
        try:
            yield reading, writing
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)
            group.cancel_scope.cancel()


async def _messages(process: Process, meter: Meter) -> AsyncIterator[SessionMessage]:
    """Messages of a server, one a line; lines that are none are left out. Raises Flooded."""
    assert process.stdout is not None
    buffer = bytearray()
    async for chunk in process.stdout:
        meter.add(len(chunk))
        buffer += chunk
        while (end := buffer.find(b"\n")) >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + 1]
            try:
                yield SessionMessage(types.jsonrpc_message_adapter.validate_json(line))
            except ValueError:
                continue  # a print, a banner: no message, and nobody's answer


async def _keep_errors(process: Process, meter: Meter) -> None:
    assert process.stderr is not None
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        async for chunk in process.stderr:
            meter.errors = (meter.errors + chunk)[-_ERRORS_KEPT:]


async def _end(process: Process) -> None:
    """As the protocol asks: its input is closed, then it has a moment, then it is killed."""
    if process.stdin is not None:
        with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            await process.stdin.aclose()
    with anyio.move_on_after(_END_S):
        while process.returncode is None:
            await anyio.sleep(0.01)
    kill(process)
    with anyio.move_on_after(_END_S):
        while process.returncode is None:
            await anyio.sleep(0.01)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
                await stream.aclose()


def kill(process: Process) -> None:
    """End a process and all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, meter: Meter) -> None:
        self._stream, self._meter = stream, meter

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._meter.add(len(chunk))
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Bounded(httpx2.AsyncHTTPTransport):
    """Answers are counted as they come; a packed one, whose size is not what comes, is refused."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise httpx2.ReadError("the answer is packed")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Counted(response.stream, self._meter)
        return response


@asynccontextmanager
async def http(
    url: str, *, headers: Mapping[str, str], timeout_s: float, meter: Meter
) -> AsyncGenerator[tuple[object, object]]:
    """Talk to a server that runs elsewhere, by streamable HTTP."""
    sent = {**headers, "Accept-Encoding": "identity"}
    client = httpx2.AsyncClient(
        transport=_Bounded(meter), headers=sent, timeout=timeout_s, follow_redirects=False
    )
    async with (
        client,
        streamable_http_client(url, http_client=client, max_sse_event_size=meter.cap) as streams,
    ):
        yield streams
