"""Which addresses of servers may be called, and how a path is put together without holes in it.

Invariant (I15): TLS everywhere but on this machine's own loopback; a URL found in an answer is called only when
it is https, on the list of hosts, and not a private address; a value in a path stays one segment of it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from adapters.provider import Refused, Unreachable

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses as text."""


@dataclass(slots=True, frozen=True)
class Route:
    """A path to call, and the template of it that may be logged (no id, no hash, no address: I7)."""

    text: str
    template: str


def route(template: str, **values: str) -> Route:
    """Fills a template such as ``/lists/{list}``; each value is quoted into one segment. Raises ``Refused``."""
    for name, value in values.items():
        if value.strip(".") == "" or any(ord(letter) < 32 for letter in value):
            raise Refused("request-refused", f"{name} {value!r} cannot stand in a path.", "Check the id.")
    try:
        return Route(
            template.format(**{name: quote(value, safe="") for name, value in values.items()}), template
        )
    except UnicodeEncodeError:
        raise Refused("request-refused", "An id has characters that are no text.", "Check the id.") from None


def loopback(host: str) -> bool:
    """True for this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _forbidden(text: str) -> Unreachable:
    return Unreachable(
        "url-not-allowed", text, "Plain http is allowed to this machine only; all else is https."
    )


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL; raises ``Unreachable`` for what is no plain http or https URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _forbidden("The address is not a URL.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _forbidden("The address is not an https URL.")
    if parts.username is not None or parts.password is not None:
        raise _forbidden("The address has a user name or password in it.")
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)


def on_this_machine(url: str) -> bool:
    """Whether a base URL is this machine over plain http, as a sandbox's is; asks nobody."""
    try:
        scheme, host, _ = origin(url)
    except Unreachable:
        return False
    return scheme == "http" and loopback(host)


def checked_base(url: str) -> str:
    """The base URL without a closing slash, when it may be called; raises ``Unreachable``."""
    scheme, host, _ = origin(url)
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise _forbidden("base_url has a query or a fragment.")
    if scheme == "http" and not loopback(host):
        raise _forbidden(f"Plain http to {host} would send the key in clear text.")
    return url.rstrip("/")


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host as this machine finds them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def check_download(
    url: str, *, base_url: str, hosts: Sequence[str], resolver: Resolver = resolve
) -> None:
    """Raises ``Unreachable`` unless a URL found in an answer may be fetched.

    ``hosts`` are names; each allows itself and what is below it. The connection's own origin is allowed when it
    is this machine (sandbox).
    """
    here = origin(url)
    if here == origin(base_url) and loopback(here[1]):
        return
    scheme, host, port = here
    if scheme != "https" or not any(host == name or host.endswith("." + name) for name in hosts):
        raise _forbidden(f"The platform named a file at {host}, which is not one of its servers.")
    try:
        addresses = await resolver(host, port)
    except OSError:
        raise Unreachable("unreachable", f"{host} is not found.", "Check the network.") from None
    if not addresses or not all(
        ipaddress.ip_address(address.split("%")[0]).is_global for address in addresses
    ):
        raise _forbidden(
            f"The platform named a file at {host}, which is an address inside a private network."
        )
