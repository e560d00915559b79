"""The one way from the console to a sandbox's control routes.

Invariant: nothing leaves this machine, and nothing is ordered of a server that does not say that it is a sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from adapters.bodies import BodyFault
from adapters.http import Allowed, Answer, Client
from adapters.origins import on_this_machine, route
from adapters.provider import AdapterError, Refused, Wire
from adapters.rehearsal import Rehearsal

READY = "/__sandbox__/ready"
ORDER = "/__sandbox__/{vendor}/{verb}"


async def look_for_sandbox(provider: str, base_url: str, wire: Wire) -> None:
    """Ask the server behind a connection whether it is a sandbox that has the platform.

    Raises ``Refused`` (``not-a-sandbox``), or what the transport raises.
    """
    async with _Control(provider, base_url, wire) as control:
        await control.check()


async def order(provider: str, base_url: str, rehearsal: Rehearsal, wire: Wire) -> None:
    """Carry a rehearsal's orders out, after a look at who takes them. Raises as ``look_for_sandbox``."""
    async with _Control(provider, base_url, wire) as control:
        await control.check()
        for verb, arguments in rehearsal.orders:
            await control.order(verb, arguments)


class _Control:
    """The control routes of the server behind a base URL."""

    def __init__(self, provider: str, base_url: str, wire: Wire) -> None:
        if not on_this_machine(base_url):
            raise _no_sandbox("Its address is not on this machine.")
        self._provider = provider
        parts = urlsplit(base_url)
        self._client = Client(
            f"{parts.scheme}://{parts.netloc}",
            {},
            wire,
            reads=(Allowed.of("GET", READY),),
            writes=(Allowed.of("POST", ORDER),),
        )

    async def __aenter__(self) -> _Control:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.aclose()

    async def check(self) -> None:
        """Only a ready document with the platform in it is a sandbox's."""
        try:
            answer = await self._client.send("GET", route(READY), tries=1)
        except AdapterError as error:
            raise _no_sandbox(error.text) from None
        ready = answer.document() or {}
        urls = ready.get("urls")
        if answer.status != 200 or not ready.get("ready") or not isinstance(urls, dict):
            raise _no_sandbox("The server at its address is none.")
        if self._provider not in urls:
            raise _no_sandbox(f"The sandbox at its address has no {self._provider}.")

    async def order(self, verb: str, arguments: Mapping[str, object]) -> None:
        """One control verb."""
        there = route(ORDER, vendor=self._provider, verb=verb)
        answer = await self._client.send("POST", there, content=dict(arguments))
        if answer.status != 200:
            raise Refused("request-refused", f"The sandbox does not take {verb}: {_words(answer)}.", "")


def _words(answer: Answer) -> str:
    try:
        told = answer.json()
    except BodyFault:
        told = None
    return str(told.get("error")) if isinstance(told, dict) else f"status {answer.status}"


def _no_sandbox(why: str) -> Refused:
    return Refused(
        "not-a-sandbox",
        f"The connection does not lead to a sandbox. {why}",
        "Rehearse in listwarden demo, or start listwarden sandbox and name its address as base_url.",
    )
