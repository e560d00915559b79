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
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

import httpx

from adapters.bodies import BodyFault, Inflater, load_json
from adapters.origins import Resolver, Route, check_download, checked_base, loopback, origin, resolve
from adapters.pace import Limits, Places, RetryPolicy, http_date, retry_after
from adapters.provider import (
    AdapterError,
    IncompleteRead,
    Refused,
    RequestNote,
    Slots,
    Throttled,
    Unanswered,
    Unreachable,
    Unrecognised,
    Wire,
    WriteRefused,
)
from adapters.secret import Secret

# Their records hold whole URLs with queries, and response headers (I7).
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

KEPT_HEADERS = ("content-type", "date", "retry-after", "x-request-id")
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


@dataclass(slots=True, frozen=True)
class Answer:
    """An answer with its whole body; only the headers somebody needs are kept."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    @property
    def date(self) -> datetime | None:
        """The server's clock when it answered."""
        return http_date(self.headers.get("date"))

    @property
    def says_json(self) -> bool:
        """The header promises JSON and there is a body."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return bool(self.body) and (kind == "application/json" or kind.endswith("+json"))

    def json(self) -> object:
        """The body's JSON value; raises ``BodyFault``."""
        return load_json(self.body)

    def document(self) -> dict[str, object] | None:
        """The body when it is a JSON object, else None: a page of a gateway, nothing at all, something cut."""
        if not self.says_json:
            return None
        try:
            value = self.json()
        except BodyFault:
            return None
        return value if isinstance(value, dict) else None


class _Kind(Enum):
    NOT_SENT = auto()
    TIMED_OUT = auto()
    CUT = auto()
    TLS = auto()
    BODY = auto()


@dataclass(slots=True, frozen=True)
class _Trouble:
    """Why a try has no answer. A value and no exception: nothing of httpx hangs on the error we raise."""

    kind: _Kind
    reason: str
    text: str


class Client:
    """One connection's transport. Build it inside the event loop that uses it, and ``aclose`` it.

    ``reads`` is the list of requests that change nothing; ``writes`` the list of those that may leave besides
    when the wire is not read-only. A request on neither list never leaves.
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
    ) -> None:
        self.base_url = checked_base(base_url)
        self._auth = auth
        self._wire = wire
        self._reads = tuple(reads)
        self._writes = tuple(writes)
        self._policy = policy or RetryPolicy()
        self._limits = limits or Limits()
        self._resolver = resolver
        self._sleep = wire.sleep or asyncio.sleep
        self._slots: Slots = wire.slots or Places(wire.connections)
        scheme, host, _ = origin(self.base_url)
        # Reading the certificates of the world costs 20 ms that a plain connection to this machine can spare.
        local = scheme == "http" and loopback(host)
        verify: ssl.SSLContext | bool = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if local else True
        self._http = httpx.AsyncClient(
            verify=verify,
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
                if not _retried_status(result):
                    return _checked(result, is_read)
                maybe_done = maybe_done or (not is_read and result.status >= 500 and result.status != 503)
                if maybe_done and not repeatable:
                    raise _unanswered(
                        f"The platform answered {result.status}; it may have done it all the same."
                    )
            elif not _may_repeat(result, is_read):
                raise _final(result, is_read)
            if made == most:
                if maybe_done:
                    raise _unanswered(
                        f"No clear answer after {made} tries; it may have been done all the same."
                    )
                raise _given_up(result, made, is_read)
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
            return _checked(result, is_read=True)
        raise _final(result, is_read=True)

    def _headers(self, *, credentials: bool, body: bool = False) -> dict[str, str]:
        headers = {
            "User-Agent": self._wire.user_agent,
            "Accept": "application/json, application/problem+json" if credentials else "*/*",
            "Accept-Encoding": "gzip" if credentials else "identity",
        }
        if body:
            headers["Content-Type"] = "application/json; charset=utf-8"
        if credentials:
            headers.update({name: secret.reveal() for name, secret in self._auth.items()})
        return headers

    async def _attempt(
        self, method: str, path: Route, params: Mapping[str, str] | None, body: bytes | None, made: int
    ) -> Answer | _Trouble:
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
        if isinstance(result, Answer) and (result.status == 429 or _bare(result, 403)):
            self._slots.narrow()
        return result

    async def _noted(self, request: httpx.Request, path: Route, made: int, most: int) -> Answer | _Trouble:
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

    async def _exchange(self, request: httpx.Request, most: int, started: float) -> Answer | _Trouble:
        try:
            async with asyncio.timeout(self._limits.total):
                response = await self._http.send(request, stream=True)
                try:
                    body = await self._body(response, most)
                finally:
                    await response.aclose()
        except BodyFault as fault:
            return _Trouble(_Kind.BODY, fault.reason, fault.text)
        except (httpx.ConnectTimeout, httpx.PoolTimeout):
            return _Trouble(_Kind.NOT_SENT, "timed-out", "The platform did not take the connection in time.")
        except (httpx.TimeoutException, TimeoutError):
            return _Trouble(_Kind.TIMED_OUT, "timed-out", "The platform did not answer in time.")
        except httpx.ConnectError as error:
            if _certificate(error):
                return _Trouble(_Kind.TLS, "tls", "The server's certificate could not be verified.")
            return _Trouble(_Kind.NOT_SENT, "unreachable", "No connection to the platform.")
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError):
            return _Trouble(_Kind.TLS, "url-not-allowed", "The request could not be put into words of HTTP.")
        except httpx.HTTPError:
            return _Trouble(_Kind.CUT, "answer-cut", "The connection broke before the answer was whole.")
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

    async def _pause(self, result: Answer | _Trouble, made: int, most: int) -> None:
        if isinstance(result, Answer):
            asked = retry_after(result.headers.get("retry-after"))
            timed_out = False
            throttling = result.status == 429 or _bare(result, 403)
            why = "The platform is throttling" if throttling else "The platform has trouble"
            why = f"{why} ({result.status})"
        else:
            asked, timed_out, why = None, result.kind is _Kind.TIMED_OUT, result.text.rstrip(".")
        seconds = self._policy.wait(made, asked=asked, timed_out=timed_out)
        self._wire.on_wait(f"{why}; waiting {seconds:.0f} s before try {made + 1} of {most}.")
        await self._sleep(seconds)


def _encoded(content: object) -> bytes | None:
    if content is None:
        return None
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise Refused("undecodable", "A value has characters that are no text.", "Correct the row.") from None


def _bare(answer: Answer, *statuses: int) -> bool:
    """Refused by something before the platform: no problem document, so nothing is said of the key (R20)."""
    return answer.status in statuses and answer.document() is None


def _retried_status(answer: Answer) -> bool:
    return answer.status == 429 or answer.status >= 500 or _bare(answer, 403)


def _checked(answer: Answer, is_read: bool) -> Answer:
    if 300 <= answer.status < 400:
        raise Unreachable(
            "redirected",
            "The server wants to send us to another address; we never follow.",
            "Check base_url in the settings.",
        )
    if answer.status < 200:
        raise (
            _unanswered("The answer was not understood.")
            if not is_read
            else Unrecognised("answer-not-understood", f"The server answered {answer.status}.")
        )
    return answer


def _certificate(error: BaseException) -> bool:
    seen: BaseException | None = error
    for _ in range(6):
        if seen is None:
            return False
        if isinstance(seen, ssl.SSLError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _may_repeat(trouble: _Trouble, is_read: bool) -> bool:
    if trouble.kind is _Kind.NOT_SENT:
        return True
    if trouble.kind is _Kind.BODY:
        return is_read and trouble.reason == "answer-cut"
    return is_read and trouble.kind in (_Kind.TIMED_OUT, _Kind.CUT)


def _unanswered(text: str) -> Unanswered:
    return Unanswered("no-answer", text, "It is read back before it is sent again.")


def _final(trouble: _Trouble, is_read: bool) -> AdapterError:
    """The error of a try that is not repeated, or was the last."""
    if trouble.kind in (_Kind.NOT_SENT, _Kind.TLS):
        return Unreachable(trouble.reason, trouble.text, "Check the network and base_url.")
    if not is_read:
        return _unanswered(trouble.text)
    if trouble.kind is _Kind.TIMED_OUT:
        return Unreachable("timed-out", trouble.text, "Try again later.")
    if trouble.reason == "answer-not-understood":
        return Unrecognised(trouble.reason, trouble.text, "Try again; if it stays, report it.")
    return IncompleteRead(trouble.reason, trouble.text, "Try again.")


def _given_up(result: Answer | _Trouble, tries: int, is_read: bool) -> AdapterError:
    if isinstance(result, _Trouble):
        return _final(result, is_read)
    after = f"after {tries} tries" if tries > 1 else "and was asked once"
    if result.status == 429:
        return Throttled(
            "throttled", f"The platform is throttling, {after}.", "Wait some minutes and try again."
        )
    if _bare(result, 403, 503):
        return Unreachable(
            "gateway-blocked",
            f"A gateway before the platform refused the request without a reason ({result.status}), {after}; "
            "this says nothing about the key.",
            "Wait; if it stays, ask the platform whether this machine's address is blocked.",
            raw=_excerpt(result),
        )
    return Unreachable(
        "vendor-trouble",
        f"The platform answered {result.status}, {after}.",
        "Try again later; see its status page.",
        raw=_excerpt(result),
    )


def _excerpt(answer: Answer) -> str:
    return answer.body[:500].decode("utf-8", "replace")
