"""The only module that imports httpx: one client a connection, with pace, retries, limits and a list of reads.

Invariants: credentials go to the configured origin only and no redirect is followed (I15); over a read-only wire
nothing leaves that is not on the list of reads (design law 7, I13); a write that left without an answer is
``Unanswered`` and never silently sent again (design law 3); no URL, address or key reaches a log (I7).
"""

from __future__ import annotations

import asyncio
import http.cookiejar
import json
import logging
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import httpx

from adapters.answers import Answer as Answer
from adapters.answers import Kind, Trouble, bare, checked, final, given_up, may_repeat, unanswered
from adapters.bodies import BodyFault, Inflater
from adapters.budget import CallBudget
from adapters.origins import Resolver, Route, check_download, checked_base, loopback, origin, resolve
from adapters.pace import Limits, Places, RetryPolicy, retry_after
from adapters.provider import (
    Refused,
    RequestNote,
    Slots,
    Wire,
    WriteRefused,
)
from adapters.secret import Secret

# Their records hold whole URLs with queries, and response headers (I7).
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

KEPT_HEADERS = (
    "content-type",
    "date",
    "retry-after",
    "x-request-id",
    "x-include-total-count",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-scope",
)
KEEPALIVE_SECONDS = 3.0
"""Below the five seconds many servers keep an idle connection: a write never meets one just being closed."""


@dataclass(slots=True, frozen=True)
class Allowed:
    """One kind of request an adapter may send: the method and a pattern for the whole path below base_url."""

    method: str
    path: re.Pattern[str]

    @classmethod
    def of(cls, method: str, template: str) -> Allowed:
        """From a template: each ``{…}`` is one non-empty segment."""
        pattern = re.sub(r"\\\{[a-z_]+\\\}", "[^/?#]+", re.escape(template))
        return cls(method, re.compile(pattern))

    def covers(self, method: str, path: str) -> bool:
        return method == self.method and self.path.fullmatch(path) is not None


class Client:
    """One connection's transport. Build it inside the event loop that uses it, and ``aclose`` it.

    ``reads`` is the list of requests that change nothing; ``writes`` the list of those that may leave besides
    when the wire is not read-only. A request on neither list never leaves. ``auth`` is looked at anew for each
    request. ``headers`` go with every call and take the place of ours; a Content-Type only goes with a body.
    ``budget`` is asked before each call and told of each answer.
    """

    def __init__(
        self,
        base_url: str,
        auth: Mapping[str, Secret],
        wire: Wire,
        *,
        reads: Sequence[Allowed],
        writes: Sequence[Allowed] = (),
        policy: RetryPolicy | None = None,
        limits: Limits | None = None,
        resolver: Resolver = resolve,
        headers: Mapping[str, str] | None = None,
        budget: CallBudget | None = None,
    ) -> None:
        self.base_url = checked_base(base_url)
        self._budget = budget
        self._auth = auth
        self._own_headers = headers or {}
        self._wire = wire
        self._reads = tuple(reads)
        self._writes = tuple(writes)
        self._policy = policy or RetryPolicy()
        self._limits = limits or Limits()
        self._resolver = resolver
        self._sleep = wire.sleep or asyncio.sleep
        self._slots: Slots = wire.slots or Places(wire.connections)
        scheme, host, _ = origin(self.base_url)
        # A plain connection to this machine can do without the certificates of the world.
        local = scheme == "http" and loopback(host)
        self._http = httpx.AsyncClient(
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if local else _certificates(),
            trust_env=False,
            follow_redirects=False,
            cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(
                connect=self._limits.connect,
                read=self._limits.read,
                write=self._limits.write,
                pool=self._limits.total,
            ),
            limits=httpx.Limits(
                max_connections=64, max_keepalive_connections=64, keepalive_expiry=KEEPALIVE_SECONDS
            ),
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def send(
        self,
        method: str,
        path: Route,
        *,
        params: Mapping[str, str] | None = None,
        content: object = None,
        repeatable: bool = False,
        tries: int | None = None,
    ) -> Answer:
        """One call with its retries; the answer of any status the policy does not deal with (2xx and most 4xx).

        ``content`` is sent as JSON when it is not None. ``repeatable`` says that the same write twice has the
        same effect *and* the same answer. Raises ``WriteRefused``, ``Throttled``, ``Unreachable``,
        ``Unanswered`` (writes), ``IncompleteRead`` (reads).
        """
        is_read = any(allowed.covers(method, path.text) for allowed in self._reads)
        if not is_read and (
            self._wire.read_only or not any(allowed.covers(method, path.text) for allowed in self._writes)
        ):
            raise WriteRefused(
                "write-refused",
                f"{method} {path.template} is not on the list of requests that may leave here.",
                "Nothing was sent. This is a fault of ours: report it.",
            )
        body = _encoded(content)
        most = max(1, min(tries or self._policy.tries, self._policy.tries))
        maybe_done = False
        for made in range(1, most + 1):
            result = await self._attempt(method, path, params, body, made)
            if isinstance(result, Answer):
                if not self._retried(result):
                    return checked(result, is_read)
                refused = self._policy.trusts_503 and result.status == 503
                maybe_done = maybe_done or (not is_read and result.status >= 500 and not refused)
                if maybe_done and not repeatable:
                    raise unanswered(
                        f"The platform answered {result.status}; it may have done it all the same."
                    )
            elif not may_repeat(result, is_read):
                raise final(result, is_read)
            if made == most:
                if maybe_done:
                    raise unanswered(
                        f"No clear answer after {made} tries; it may have been done all the same."
                    )
                raise given_up(result, made, is_read)
            await self._pause(result, made, most)
        raise AssertionError("unreachable: the loop returns or raises")

    async def download(self, url: str, hosts: Sequence[str]) -> Answer:
        """A file whose URL stands in an answer: no credentials go with it, sizes are limited (I15).

        One try: the caller asks the platform for a fresh URL before another. Raises ``Unreachable``,
        ``IncompleteRead``; statuses other than 200 come back as they are.
        """
        await check_download(url, base_url=self.base_url, hosts=hosts, resolver=self._resolver)
        request = self._http.build_request("GET", url, headers=self._headers(credentials=False))
        result = await self._noted(request, Route(url, "(result file)"), 1, self._limits.file_bytes)
        if isinstance(result, Answer):
            return checked(result, is_read=True)
        raise final(result, is_read=True)

    def _headers(self, *, credentials: bool, body: bool = False) -> dict[str, str]:
        headers = {
            "User-Agent": self._wire.user_agent,
            "Accept": "application/json, application/problem+json" if credentials else "*/*",
            "Accept-Encoding": "gzip" if credentials else "identity",
        }
        if body:
            headers["Content-Type"] = "application/json; charset=utf-8"
        if credentials:
            own = self._own_headers.items()
            headers.update({name: text for name, text in own if body or name.lower() != "content-type"})
            headers.update({name: secret.reveal() for name, secret in self._auth.items()})
        return headers

    async def _attempt(
        self, method: str, path: Route, params: Mapping[str, str] | None, body: bytes | None, made: int
    ) -> Answer | Trouble:
        if self._budget is None:
            return await self._placed(method, path, params, body, made)
        await self._budget.admit()
        result: Answer | Trouble | None = None
        try:
            result = await self._placed(method, path, params, body, made)
        finally:
            answered = result if isinstance(result, Answer) else None
            self._budget.done(answered.headers if answered else {}, answered.date if answered else None)
        return result

    async def _placed(
        self, method: str, path: Route, params: Mapping[str, str] | None, body: bytes | None, made: int
    ) -> Answer | Trouble:
        await self._slots.enter()
        try:
            if self._wire.before_request is not None:
                await self._wire.before_request()
            request = self._http.build_request(
                method,
                self.base_url + path.text,
                params=params,
                content=body,
                headers=self._headers(credentials=True, body=body is not None),
            )
            result = await self._noted(request, path, made, self._limits.wire_bytes)
        finally:
            self._slots.leave()
        if isinstance(result, Answer) and (result.status == 429 or bare(result, 403)):
            self._slots.narrow()
        return result

    async def _noted(self, request: httpx.Request, path: Route, made: int, most: int) -> Answer | Trouble:
        started = time.monotonic()
        status: int | None = None
        note = "cancelled"
        try:
            result = await self._exchange(request, most, started)
            status, note = (result.status, "") if isinstance(result, Answer) else (None, result.text)
            return result
        finally:
            milliseconds = round((time.monotonic() - started) * 1000)
            self._wire.on_request(
                RequestNote(request.method, path.template, status, milliseconds, made, note)
            )

    async def _exchange(self, request: httpx.Request, most: int, started: float) -> Answer | Trouble:
        try:
            async with asyncio.timeout(self._limits.total):
                response = await self._http.send(request, stream=True)
                try:
                    body = await self._body(response, most)
                finally:
                    await response.aclose()
        except BodyFault as fault:
            return Trouble(Kind.BODY, fault.reason, fault.text)
        except (httpx.ConnectTimeout, httpx.PoolTimeout):
            return Trouble(Kind.NOT_SENT, "timed-out", "The platform did not take the connection in time.")
        except (httpx.TimeoutException, TimeoutError):
            return Trouble(Kind.TIMED_OUT, "timed-out", "The platform did not answer in time.")
        except httpx.ConnectError as error:
            if _certificate(error):
                return Trouble(Kind.TLS, "tls", "The server's certificate could not be verified.")
            return Trouble(Kind.NOT_SENT, "unreachable", "No connection to the platform.")
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError):
            return Trouble(Kind.TLS, "url-not-allowed", "The request could not be put into words of HTTP.")
        except httpx.HTTPError:
            return Trouble(Kind.CUT, "answer-cut", "The connection broke before the answer was whole.")
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        return Answer(response.status_code, headers, body, time.monotonic() - started)

    async def _body(self, response: httpx.Response, most: int) -> bytes:
        coding = response.headers.get("content-encoding", "").strip().lower()
        if coding not in ("", "identity", "gzip"):
            raise BodyFault("answer-not-understood", "The answer is packed in a way we did not ask for.")
        inflater = Inflater(self._limits.unpacked_bytes) if coding == "gzip" else None
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_raw():
            size += len(part)
            if size > most:
                raise BodyFault("answer-too-large", f"The answer is larger than the {most} bytes allowed.")
            if inflater is None:
                parts.append(part)
            else:
                inflater.feed(part)
        promised = response.headers.get("content-length", "")
        if promised.isdigit() and response.request.method != "HEAD" and size != int(promised):
            raise BodyFault("answer-cut", "The answer is not as long as it says.")
        if inflater is not None and size:
            return inflater.finish()
        return b"".join(parts)

    async def _pause(self, result: Answer | Trouble, made: int, most: int) -> None:
        if isinstance(result, Answer):
            asked = retry_after(result.headers.get("retry-after"))
            if asked is None and self._budget is not None and result.status == 429:
                asked = self._budget.until_reset(result.headers, result.date)
            timed_out = False
            throttling = result.status == 429 or bare(result, 403)
            why = "The platform is throttling" if throttling else "The platform has trouble"
            why = f"{why} ({result.status})"
        else:
            asked, timed_out, why = None, result.kind is Kind.TIMED_OUT, result.text.rstrip(".")
        seconds = self._policy.wait(made, asked=asked, timed_out=timed_out)
        self._wire.on_wait(f"{why}; waiting {seconds:.0f} s before try {made + 1} of {most}.")
        await self._sleep(seconds)
        if self._budget is not None:
            self._budget.waited(seconds)

    def _retried(self, answer: Answer) -> bool:
        if answer.status == 403:
            return self._policy.bare_403_passes and bare(answer, 403)
        return answer.status == 429 or answer.status >= 500


@cache
def _certificates() -> ssl.SSLContext:
    """The certificates of the world: reading them costs 20 ms, so all clients of a process share them."""
    return httpx.create_ssl_context(trust_env=False)


def _encoded(content: object) -> bytes | None:
    if content is None:
        return None
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise Refused("undecodable", "A value has characters that are no text.", "Correct the row.") from None


def _certificate(error: BaseException) -> bool:
    seen: BaseException | None = error
    for _ in range(6):
        if seen is None:
            return False
        if isinstance(seen, ssl.SSLError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
