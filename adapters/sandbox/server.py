"""The sandbox's server: vendors on one loopback port, with latency, faults, a ledger and control routes.

It names no vendor but in `vendors_of`, where they are put together. Invariant: from the moment a request is applied
until its ledger row is written and its state kept nothing else runs, and only then the answer leaves: whatever a
client was told, the ledger and the kept state know.
"""

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.sandbox.clock import SandboxClock, iso, parse_moment
from adapters.sandbox.deferred import DeferredVendor
from adapters.sandbox.dotdigital import FRONT as DOTDIGITAL
from adapters.sandbox.dotdigital import SECOND_REGION
from adapters.sandbox.faults import CUT_AFTER, REFUSED, Fault, Faults
from adapters.sandbox.keep import KeptState
from adapters.sandbox.ledger import Ledger, caller_of
from adapters.sandbox.mailchimp import MailchimpSandbox
from adapters.sandbox.options import SandboxError, SandboxOptions
from adapters.sandbox.oro import OroSandbox
from adapters.sandbox.vendor import Answer, Call, ControlError, Settled, Slot, Vendor
from adapters.sandbox.verbs import check_verb
from adapters.sandbox.wire import HOST, QuietServer, WireProtocol, cut_off, listen, read_body

__all__ = ["Sandbox", "SandboxError", "SandboxOptions", "serve"]

_log = logging.getLogger("listwarden.sandbox")

# How the moved clock is told apart from the vendors' records in the kept state.
_CLOCK = ["sandbox", "clock"]

MAX_CONTACTS = 1_000_000

# Where a vendor also answers, beside its own name: a platform with several regions has a host for each.
ALSO_AT = {SECOND_REGION: DOTDIGITAL.name}

# What the server itself does for every vendor, with the fields each verb takes.
COMMON_VERBS = {
    "fail-next": "count, status, body, path, method, skip",
    "latency": "ms, after_ms",
    "clock": "advance (seconds), set (ISO 8601)",
}


@dataclass(slots=True)
class Latency:
    """Milliseconds a request waits before it is applied, and its answer after that."""

    before_ms: float = 0
    after_ms: float = 0


@dataclass(slots=True)
class Mount:
    """One vendor with what is ordered for it."""

    vendor: Vendor
    latency: Latency
    faults: Faults = field(default_factory=Faults)
    in_flight: Counter[str] = field(default_factory=Counter)


def vendors_of(options: SandboxOptions, clock: SandboxClock, kept: KeptState | None) -> list[Vendor]:
    """Every vendor that is built, in the order the ready document lists them."""

    def dotdigital() -> Vendor:
        from adapters.sandbox.dotdigital.platform import DotdigitalSandbox

        return DotdigitalSandbox(contacts=options.contacts, seed=options.seed, clock=clock, kept=kept)

    return [
        MailchimpSandbox(contacts=options.contacts, seed=options.seed, clock=clock, kept=kept),
        DeferredVendor(DOTDIGITAL, dotdigital),
        OroSandbox(contacts=options.contacts, seed=options.seed, clock=clock, kept=kept),
    ]


class Sandbox:
    """The ASGI application behind the port."""

    def __init__(self, options: SandboxOptions) -> None:
        """Raises SandboxError for options that cannot be served."""
        if not 0 <= options.contacts <= MAX_CONTACTS:
            raise SandboxError(f"--contacts goes from 0 to {MAX_CONTACTS:,}, not {options.contacts:,}")
        if options.seed < 0:
            raise SandboxError(f"--seed is a whole number from 0 on, not {options.seed}")
        self.options = options
        self.clock = SandboxClock()
        self.origin = ""
        self._turn = asyncio.Lock()
        self._kept = KeptState(options.keep) if options.keep is not None else None
        self._mounts = {
            vendor.name: Mount(vendor, Latency(options.latency_ms))
            for vendor in vendors_of(options, self.clock, self._kept)
        }
        try:
            self._restore()
            self.ledger = Ledger(options.ledger)
        except (OSError, ValueError) as error:
            raise SandboxError(f"the sandbox cannot use its files: {error}") from error

    def _restore(self) -> None:
        if self._kept is None:
            return
        records = self._kept.read()
        for record in records:
            if record[:2] == _CLOCK:
                self.clock.offset = record[2]
        for name, mount in self._mounts.items():
            mount.vendor.restore([record for record in records if record[0] == name])
        rows = [record for mount in self._mounts.values() for record in mount.vendor.records()]
        self._kept.rewrite([[*_CLOCK, self.clock.offset], *rows])

    def ready(self, port: int) -> dict[str, Any]:
        """The ready document; only what is built is in it."""
        self.origin = f"http://{HOST}:{port}"
        vendors = {name: mount.vendor for name, mount in self._mounts.items()}
        return {
            "ready": True,
            "port": port,
            "urls": {name: vendor.url(self.origin) for name, vendor in vendors.items()},
            "keys": {name: vendor.key() for name, vendor in vendors.items()},
            "lists": {name: vendor.lists() for name, vendor in vendors.items()},
            "rehearsals": {name: vendor.rehearsal_keys() for name, vendor in vendors.items()},
        }

    def close(self) -> None:
        """Write the last rows of queued work and close the files."""
        self._settle()
        self.ledger.close()
        if self._kept is not None:
            self._kept.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request."""
        if scope["type"] != "http":
            return
        t0 = time.time()
        path = scope["raw_path"].decode("ascii", errors="replace")
        body = await read_body(receive)
        if body is None:
            await Response("body too large", 413)(scope, receive, send)
            return
        head = path.strip("/").split("/", 1)[0]
        if head == "__sandbox__":
            await self._own(scope, path, body)(scope, receive, send)
            return
        mount = self._mounts.get(ALSO_AT.get(head, head))
        if mount is None:
            await _json({"error": f"no vendor at {path}; there are {', '.join(self._mounts)}"}, 404)(
                scope, receive, send
            )
            return
        await self._serve(mount, self._call(mount, head, scope, path, body), t0, scope, receive, send)

    # A vendor's request

    def _call(self, mount: Mount, head: str, scope: Scope, path: str, body: bytes) -> Call:
        headers = Headers(scope=scope)
        base = f"/{head}{mount.vendor.url('')[len(mount.vendor.name) + 1 :]}"
        short = path[len(base) :] if path.startswith(base) else path[len(head) + 1 :]
        parts = [unquote(part) for part in path.split("/") if part]
        return Call(
            scope["method"],
            short or "/",
            tuple(parts[1:]),
            dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers,
            body,
            self.origin,
            caller_of(headers.get("user-agent", ""), scope["state"]["conn_id"]),
            head,
        )

    async def _serve(
        self, mount: Mount, call: Call, t0: float, scope: Scope, receive: Receive, send: Send
    ) -> None:
        query = scope["query_string"].decode("latin-1")
        slot = mount.vendor.slot(call)
        if slot is not None and mount.in_flight[slot.account] >= slot.limit:
            answer = mount.vendor.crowded(call)
            self._record(mount, call, query, t0, answer, None)
            await self._send(answer, scope, receive, send)
            return
        with _held(mount.in_flight, slot):
            if mount.latency.before_ms:
                await asyncio.sleep(mount.latency.before_ms / 1000)
            async with self._turn:
                # Requests whose wait ends together would else be worked off in one go, and the first answer
                # leave only after the last was made.
                await asyncio.sleep(0)
                fault = mount.faults.take(call.method, call.path)
                answer = self._answer(mount, call, fault)
                after_ms = mount.latency.after_ms
                if after_ms:
                    # Applied, but not told yet: kept already, because a kill now loses no more than the answer.
                    mount.vendor.persist()
                else:
                    self._settle()
                    self._record(mount, call, query, t0, answer, fault)
            if after_ms:
                await asyncio.sleep(after_ms / 1000)
                self._settle()
                self._record(mount, call, query, t0, answer, fault)
            if fault is None or fault.body in REFUSED:
                await self._send(answer, scope, receive, send)
                return
            await self._lose(answer, fault, scope, receive, send)

    def _answer(self, mount: Mount, call: Call, fault: Fault | None) -> Answer:
        vendor = mount.vendor
        if fault is not None and fault.body not in CUT_AFTER:
            body = fault.body if fault.body in REFUSED else "empty"
            answer = vendor.failure(fault.status, body)
            answer.ops = vendor.attempted(call)
            return answer
        try:
            return vendor.handle(call)
        except Exception:  # noqa: BLE001  (a server has to answer; the log says what broke)
            # The rehearsal's own fault, not the client's: told as the vendor would tell it.
            _log.exception("the sandbox failed at %s %s", call.method, call.path)
            answer = vendor.failure(500, "problem")
            answer.ops = vendor.attempted(call)
            return answer

    def _settle(self) -> None:
        """Keep what changed, and write the rows of work the vendors did by themselves."""
        for mount in self._mounts.values():
            for row in mount.vendor.background():
                now = time.time()
                if isinstance(row, Settled):
                    self.ledger.settled(now, mount.vendor.name, row)
                    continue
                self.ledger.request(
                    vendor=mount.vendor.name,
                    method=row.method,
                    path=row.path,
                    query="",
                    code=row.code,
                    t0=now,
                    t1=now,
                    caller=row.caller,
                    ops=row.ops,
                    note=row.note,
                )
            mount.vendor.persist()

    def _record(
        self, mount: Mount, call: Call, query: str, t0: float, answer: Answer, fault: Fault | None
    ) -> None:
        cut = fault is not None and fault.body not in REFUSED
        note = {**answer.note, "fault": fault.body} if fault is not None else answer.note
        self.ledger.request(
            vendor=mount.vendor.name,
            method=call.method,
            path=call.path,
            query=query,
            # What the client saw: nothing at all when the connection was cut.
            code=0 if cut else answer.status,
            t0=t0,
            t1=time.time(),
            caller=call.caller,
            ops=answer.ops,
            note=note or None,
        )

    async def _send(self, answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        response = Response(answer.body, answer.status, self._headers(answer))
        await response(scope, receive, send)

    def _headers(self, answer: Answer) -> dict[str, str]:
        headers = {
            "X-Request-Id": str(uuid.uuid4()),
            # The vendor's time is the sandbox's, so that cursors taken from it follow a moved clock.
            "Date": formatdate(self.clock.now(), usegmt=True),
            **answer.headers,
        }
        if answer.status != 204:
            headers["Content-Type"] = answer.content_type
        return headers

    async def _lose(self, answer: Answer, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        response = Response(answer.body, answer.status, self._headers(answer))
        await cut_off(fault.body, response, scope, receive, send)

    # The sandbox's own routes

    def _own(self, scope: Scope, path: str, body: bytes) -> Response:
        parts = [unquote(part) for part in path.strip("/").split("/")][1:]
        method = scope["method"]
        try:
            if method == "GET" and parts == ["ledger"]:
                self._settle()
                return Response("\n".join(self.ledger.lines()) + "\n", media_type="application/x-ndjson")
            if method == "GET" and parts == ["ready"]:
                return _json(self.ready(int(self.origin.rpartition(":")[2])))
            if method == "GET" and len(parts) == 2 and parts[0] == "state":
                query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
                self._settle()
                return _json(self._mount(parts[1]).vendor.state(query.get("list")))
            if method == "POST" and len(parts) == 2:
                return _json(self._control(self._mount(parts[0]), parts[1], body))
        except ControlError as error:
            return _json({"error": str(error), "verbs": self._verbs()}, 400)
        return _json(
            {
                "error": f"nothing at {method} {path}",
                "routes": [
                    "GET /__sandbox__/ready",
                    "GET /__sandbox__/ledger",
                    "GET /__sandbox__/state/<vendor>?list=ID",
                    "POST /__sandbox__/<vendor>/<verb>",
                ],
                "verbs": self._verbs(),
            },
            404,
        )

    def _verbs(self) -> dict[str, dict[str, str]]:
        return {name: {**COMMON_VERBS, **mount.vendor.verbs} for name, mount in self._mounts.items()}

    def _mount(self, name: str) -> Mount:
        mount = self._mounts.get(name)
        if mount is None:
            raise ControlError(f"no vendor {name!r}; there are {', '.join(self._mounts)}")
        return mount

    def _control(self, mount: Mount, verb: str, body: bytes) -> dict[str, Any]:
        try:
            arguments = json.loads(body) if body.strip() else {}
        except ValueError as error:
            raise ControlError(f"the body is no JSON: {error}") from error
        if not isinstance(arguments, dict):
            raise ControlError("the body is a JSON object")
        check_verb({**COMMON_VERBS, **mount.vendor.verbs}, verb, arguments)
        if verb in COMMON_VERBS:
            return self._common(mount, verb, arguments)
        self._settle()
        done = mount.vendor.control(verb, arguments)
        if verb == "reset":
            mount.faults.clear()
            mount.latency = Latency(self.options.latency_ms)
            # Requests still under way give back the slots they took, not those of the new start.
            mount.in_flight = Counter()
            self.clock.offset = 0.0
            self._keep_clock()
        mount.vendor.persist()
        now = time.time()
        for event, email, status in done.events:
            self.ledger.event(now, mount.vendor.name, event, email, status)
        return done.document

    def _common(self, mount: Mount, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if verb == "fail-next":
            mount.faults.order(arguments)
        elif verb == "latency":
            mount.latency = Latency(
                _number(arguments, "ms", mount.latency.before_ms),
                _number(arguments, "after_ms", mount.latency.after_ms),
            )
        else:
            self._move_clock(arguments)
        return {"ok": True, "now": iso(self.clock.now()), "faults_hit": mount.faults.hits}

    def _move_clock(self, arguments: dict[str, Any]) -> None:
        if "advance" in arguments:
            advance = arguments["advance"]
            if not isinstance(advance, (int, float)) or isinstance(advance, bool):
                raise ControlError(f"advance is a number of seconds, not {advance!r}")
            self.clock.advance(advance)
        if "set" in arguments:
            try:
                self.clock.set(parse_moment(str(arguments["set"])))
            except ValueError as error:
                raise ControlError(f"set is a moment such as 2026-03-01T08:15:30+00:00: {error}") from error
        self._keep_clock()

    def _keep_clock(self) -> None:
        if self._kept is not None:
            self._kept.append([[*_CLOCK, self.clock.offset]])


def _number(arguments: dict[str, Any], name: str, default: float) -> float:
    value = arguments.get(name, default)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value < 0:
        raise ControlError(f"{name} is a number of milliseconds, not {value!r}")
    return value


def _json(document: object, status: int = 200) -> Response:
    return Response(json.dumps(document, ensure_ascii=False), status, media_type="application/json")


@contextlib.contextmanager
def _held(in_flight: Counter[str], slot: Slot | None) -> Iterator[None]:
    """Hold one of the account's slots; a client that gave up holds it until the work is done (§2)."""
    if slot is None:
        yield
        return
    in_flight[slot.account] += 1
    try:
        yield
    finally:
        in_flight[slot.account] -= 1


def serve(options: SandboxOptions, *, with_parent: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; the first line on stdout is the ready document.

    `with_parent` ends it too when stdin is closed, so that a killed parent leaves no server behind.
    Raises SandboxError when it cannot start.
    """
    # The port first: a second start on a taken one must not touch the first one's files.
    listener = listen(options.port)
    try:
        sandbox = Sandbox(options)
    except SandboxError:
        listener.close()
        raise
    document = sandbox.ready(listener.getsockname()[1])
    config = uvicorn.Config(
        sandbox,
        http=WireProtocol,
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    server = QuietServer(config)
    try:
        asyncio.run(_run(server, listener, document, with_parent=with_parent))
    finally:
        sandbox.close()
        listener.close()


async def _run(
    server: QuietServer, listener: socket.socket, document: dict[str, Any], *, with_parent: bool
) -> None:
    loop = asyncio.get_running_loop()

    def end() -> None:
        server.should_exit = True

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
    if with_parent:

        def read() -> None:
            if not os.read(sys.stdin.fileno(), 1024):
                loop.remove_reader(sys.stdin.fileno())
                end()

        loop.add_reader(sys.stdin.fileno(), read)
    # What is there at the start stays; sweeping a full roll again and again would stall the answers.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    print(json.dumps(document, ensure_ascii=False), flush=True)
    await server.serve(sockets=[listener])
