"""One connection's calls: opened where the account lives, and told of every refusal of the login or the region.

Invariant: the account is asked once where it lives, and once more after a read was denied (contract §1); a write
is never sent a second time because of its region. What the answers say of the calls left goes to the budget.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from adapters.budget import CallBudget
from adapters.dotdigital import region, routes
from adapters.dotdigital.credentials import authorization, refused
from adapters.dotdigital.documents import count_in, field_of, object_in, text_in
from adapters.dotdigital.errors import FLAT_LIMIT, failure, problem_in, wrong_region
from adapters.http import Answer, Client
from adapters.origins import Route, route
from adapters.pace import Limits, RetryPolicy
from adapters.provider import AdapterError, ConnectionSettings, Wire

POLICY = RetryPolicy(
    tries=4, waits=(2.0, 5.0, 10.0), after_timeout=0.0, bare_403_passes=False, trusts_503=False
)
"""A read is asked again after 2, 5 and 10 s; a write never, unless it surely was not done (contract §2)."""

LIMITS = Limits(connect=10.0, read=121.0)
"""The vendor asks clients to wait so long (contract §1)."""

READ_ACCOUNT = "read the account"
_HEADERS = {"Accept": "application/json, text/csv;q=0.9, */*;q=0.1", "Cache-Control": "no-cache"}
"""Faults come as CSV; a status that some proxy kept is worth nothing."""

_HOUR = ("apicallsinlasthour", "apicallsremaining")
"""Calls made in the last hour and calls left of it: the flat scheme's figures (contract §2)."""


class Session:
    """Opens the client late: settings may be at fault, and nothing is asked before something is wanted."""

    def __init__(
        self,
        settings: ConnectionSettings,
        wire: Wire,
        *,
        policy: RetryPolicy | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.settings = settings
        self.wire = wire
        self._policy = policy or POLICY
        self._limits = limits or LIMITS
        self._budget = CallBudget(wire)
        self._client: Client | None = None
        self._left: list[Client] = []
        self._asked_again = False
        self._fresh: dict[str, str] | None = None
        self._opening = asyncio.Lock()

    async def aclose(self) -> None:
        """Close all connections; no request after this."""
        for client in (*self._left, *((self._client,) if self._client is not None else ())):
            await client.aclose()
        self._left, self._client = [], None

    # --- calls --------------------------------------------------------------------------------------------

    async def get(
        self, path: Route, *, params: Mapping[str, str] | None = None, tries: int | None = None
    ) -> Answer:
        """One read; the answer of any status but 401."""
        client = await self._opened(tries)
        answer = await client.send("GET", path, params=params, tries=tries)
        if wrong_region(answer):
            moved = await self._found_anew(client, tries)
            if moved is not None:
                answer = await moved.send("GET", path, params=params, tries=tries)
        return self._heard(answer)

    async def write(self, method: str, path: Route, content: object = None) -> Answer:
        """One write, sent once; the answer of any status but 401. Raises ``Unanswered`` as the transport does."""
        client = await self._opened()
        return self._heard(await client.send(method, path, content=content))

    # --- the account --------------------------------------------------------------------------------------

    async def account_info(self, *, tries: int | None = None) -> dict[str, str]:
        """Properties of the account by name, and its ``id``; what the opening has just learned is not asked twice."""
        await self._opened(tries)
        found, self._fresh = self._fresh, None
        if found is not None:
            return found
        answer = await self.get(route(routes.ACCOUNT), tries=tries)
        if answer.status != 200:
            raise failure(answer, READ_ACCOUNT)
        return self._counted(_properties(object_in(answer, READ_ACCOUNT)))

    async def api_base(self) -> str:
        """Where the account is called, ending in the version."""
        return (await self._opened()).base_url

    async def app_host(self) -> str:
        """The host of the account's web pages."""
        return region.app_host(self.settings, await self.api_base())

    # --- opening ------------------------------------------------------------------------------------------

    async def _opened(self, tries: int | None = None) -> Client:
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    self._client = await self._discover(tries)
        return self._client

    async def _found_anew(self, denied: Client, tries: int | None) -> Client | None:
        """The client of the region the account lives in now; None when it is where it was asked already."""
        async with self._opening:
            if self._client is denied and not self._asked_again:
                self._asked_again = True
                found = await self._discover(tries)
                self._left.append(denied)
                self._client = found
        found_now = self._client
        return found_now if found_now is not None and found_now.base_url != denied.base_url else None

    async def _discover(self, tries: int | None) -> Client:
        """Ask the account where it lives, at the address the connection begins with."""
        client = self._made(region.base_url(self.settings))
        try:
            answer = self._heard(await client.send("GET", route(routes.ACCOUNT), tries=tries))
            if answer.status != 200:
                raise failure(answer, READ_ACCOUNT)
            info = self._counted(_properties(object_in(answer, READ_ACCOUNT)))
            base = region.followed(self.settings, info.get("apiendpoint", ""))
        except BaseException:
            await client.aclose()
            raise
        self._fresh = info
        if base == client.base_url:
            return client
        await client.aclose()
        return self._made(base)

    def _made(self, base: str) -> Client:
        return Client(
            base,
            {"Authorization": authorization(self.settings)},
            self.wire,
            reads=routes.READS,
            writes=routes.WRITES,
            policy=self._policy,
            limits=self._limits,
            headers=_HEADERS,
            budget=self._budget,
        )

    # --- answers ------------------------------------------------------------------------------------------

    def _heard(self, answer: Answer) -> Answer:
        problem = problem_in(answer) if answer.status in (400, 401) else None
        if problem is not None and problem.code == FLAT_LIMIT:
            self._budget.exhausted()
        if problem is not None and answer.status == 401:
            raise self._login_error(answer)
        return answer

    def _login_error(self, answer: Answer) -> AdapterError:
        problem = problem_in(answer)
        return refused(self.settings, problem.raw) if problem.document else failure(answer, "log in")

    def _counted(self, info: dict[str, str]) -> dict[str, str]:
        """What an account of the flat scheme says of its hour; one of the other scheme says it too, and means nothing."""
        if self._budget.tiered:
            return {name: value for name, value in info.items() if name not in _HOUR}
        if (counted := calls(info)) is not None:
            self._budget.counted(*counted)
        return info


def _properties(document: Mapping[str, object]) -> dict[str, str]:
    """``account-info`` as texts by lower-cased name; ``id`` is the account's number."""
    found = {"id": text_in(document, "id")}
    entries = field_of(document, "properties")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and text_in(entry, "name"):
            found[text_in(entry, "name").lower()] = text_in(entry, "value").strip()
    return found


def calls(info: Mapping[str, str]) -> tuple[int, int] | None:
    """Calls made in the last hour and calls left of it, where the account tells both."""
    used, left = info.get("apicallsinlasthour", ""), info.get("apicallsremaining", "")
    if not (used.isdigit() and left.isdigit()):
        return None
    return count_in(info, "apicallsinlasthour"), count_in(info, "apicallsremaining")
