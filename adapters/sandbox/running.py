"""A sandbox in a process of its own, for tests, the demo and benchmarks.

Invariants: the process is ready or refused within a deadline; it never outlives the one who started it, because it
ends when its stdin closes; talking to it needs the standard library only and never a proxy.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote, urlencode

from adapters.sandbox.options import SandboxError, SandboxOptions

READY_SECONDS = 30.0
STOP_SECONDS = 10.0
_ROOT = Path(__file__).resolve().parents[2]


class RunningSandbox:
    """`with RunningSandbox(SandboxOptions(contacts=50)) as sandbox: ...`"""

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self.options = options or SandboxOptions()
        self.ready: dict[str, Any] = {}
        """The ready document (design §6)."""
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._said = ""
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> dict[str, Any]:
        """Start the process and wait for its ready document. Raises SandboxError when it does not come."""
        options = self.options
        command = [sys.executable, "-m", "adapters.sandbox", "--with-parent"]
        command += ["--port", str(options.port), "--contacts", str(options.contacts)]
        command += ["--seed", str(options.seed), "--latency", str(options.latency_ms)]
        if options.ledger is not None:
            command += ["--ledger", str(options.ledger.resolve())]
        if options.keep is not None:
            command += ["--keep", str(options.keep.resolve())]
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by stop)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        line = self._first_line(self._process)
        if line is None:
            self.stop()
            raise SandboxError(self._said or f"the sandbox was not ready after {READY_SECONDS:.0f} s")
        self.ready = json.loads(line)
        return self.ready

    def _first_line(self, process: subprocess.Popen[bytes]) -> bytes | None:
        """The first line of stdout, or None when the process ended or the deadline passed without one."""
        if process.stdout is None:
            return None
        deadline = time.monotonic() + READY_SECONDS
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                part = os.read(process.stdout.fileno(), 65_536)
                if not part:
                    return None
                line += part
        return line

    @property
    def pid(self) -> int:
        """The process id, for tests that kill it."""
        if self._process is None:
            raise SandboxError("the sandbox is not running; start() starts it")
        return self._process.pid

    def errors(self) -> str:
        """What the process wrote to stderr so far, also after its end."""
        if self._errors is None:
            return self._said
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()

    def stop(self) -> int | None:
        """End it cleanly, or by force when it does not end; its exit status. Harmless twice."""
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        return self._reap(process)

    def kill(self) -> None:
        """End it like a power cut (SIGKILL); what was answered is in the kept file and the ledger."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            self._reap(process)

    def _reap(self, process: subprocess.Popen[bytes]) -> int:
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            status = process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._said = self.errors()
        if self._errors is not None:
            self._errors.close()
            self._errors = None
        return status

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.ready['port']}"

    def url(self, vendor: str) -> str:
        """A connection's base URL."""
        return str(self.ready["urls"][vendor])

    def key(self, vendor: str) -> Any:
        """The credentials of the default account."""
        return self.ready["keys"][vendor]

    def control(self, vendor: str, verb: str, **arguments: Any) -> dict[str, Any]:
        """Carry a control verb out. Raises SandboxError with the sandbox's own words when it is refused."""
        body = json.dumps(arguments).encode()
        path = f"/__sandbox__/{quote(vendor)}/{quote(verb)}"
        answer: dict[str, Any] = json.loads(self._open(path, body))
        return answer

    def state(self, vendor: str, list_id: str | None = None) -> dict[str, str]:
        """`{"email": "raw status"}`; the first list when none is named."""
        query = f"?{urlencode({'list': list_id})}" if list_id is not None else ""
        answer: dict[str, str] = json.loads(self._open(f"/__sandbox__/state/{quote(vendor)}{query}"))
        return answer

    def ledger_rows(self) -> list[dict[str, Any]]:
        """Every row so far, oldest first; from the file when there is one, also after the end."""
        if self.options.ledger is not None:
            text = self.options.ledger.read_text(encoding="utf-8")
        else:
            text = self._open("/__sandbox__/ledger").decode()
        return [json.loads(line) for line in text.splitlines() if line]

    def _open(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.origin + path, body, {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=60) as answer:
                content: bytes = answer.read()
        except urllib.error.HTTPError as error:
            raise SandboxError(error.read().decode(errors="replace")) from error
        return content
