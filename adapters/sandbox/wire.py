"""The sandbox's side of the wire: the port, reading a request whole, and breaking a connection on purpose.

uvicorn speaks HTTP; what it does not offer is here. Invariant: the server listens on loopback only.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from adapters.sandbox.options import SandboxError

HOST = "127.0.0.1"
MAX_BODY = 64 * 1024 * 1024


class WireProtocol(H11Protocol):
    """HTTP/1.1 that tells the application which connection a request came on, so that it can be counted and cut."""

    _count = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        WireProtocol._count += 1
        self.app_state = {**self.app_state, "conn_id": WireProtocol._count, "transport": transport}
        super().connection_made(transport)


class QuietServer(uvicorn.Server):
    """A server that leaves signals to `serve`: ending by SIGTERM is a clean end here."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; 0 takes any free port. Raises SandboxError when the port is taken."""
    # The protocol is named because asyncio turns Nagle off (40 ms a call) only for sockets that name it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise SandboxError(
            f"port {port} on {HOST} cannot be used ({error.strerror}); choose another with --port, "
            "or --port 0 for any free one"
        ) from error
    listener.listen(2048)
    return listener


async def read_body(receive: Receive) -> bytes | None:
    """The whole request body; None when it is larger than anybody's."""
    parts: list[bytes] = []
    size = 0
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def client_gone(receive: Receive) -> None:
    """Wait until the client gives up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def cut_off(how: str, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Break the connection as a rehearsed fault orders: `hang…`, `truncate`, or a plain cut."""
    transport: asyncio.Transport = scope["state"]["transport"]
    if how.startswith("hang"):
        await client_gone(receive)
    elif how == "truncate":
        body = bytes(response.body)
        start = {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
        await send(start)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        transport.close()
    else:
        transport.abort()
