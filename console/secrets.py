"""Where secrets come from and where a typed one goes (design law 8).

The settings hold references only; the secret is fetched when a connection is opened and lives in a ``Secret``,
which cannot be printed by accident. Invariant: no text of this module's errors holds a secret or the output of
a secret's command, and no secret is handed to another process by argument or environment.
"""

from __future__ import annotations

import os
import re
import select
import signal
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from adapters.secret import Secret

COMMAND_SECONDS = 15.0
KEYRING_SECONDS = 3.0
LARGEST_SECRET = 64 * 1024
FOLDER = "secrets"
FORMS = '{ env = "NAME" }, { command = ["program", "argument"] }, { file = "path" } or { keyring = "service/user" }'

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SecretError(Exception):
    """A secret that cannot be had: reason code, sentence and next step; never the secret."""

    def __init__(self, reason: str, text: str, next: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.next = next


@dataclass(slots=True, frozen=True)
class FromEnvironment:
    """``{ env = "NAME" }``"""

    name: str


@dataclass(slots=True, frozen=True)
class FromCommand:
    """``{ command = ["pass", "show", "mailchimp"] }``: first line of what it prints, run without a shell."""

    words: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class FromFile:
    """``{ file = "secrets/verband-key" }``: first line of a file nobody else may read."""

    path: str


@dataclass(slots=True, frozen=True)
class FromKeyring:
    """``{ keyring = "service/user" }``"""

    service: str
    user: str


SecretReference = FromEnvironment | FromCommand | FromFile | FromKeyring


def parse_reference(value: object) -> SecretReference:
    """The reference a settings value means.

    Raises ``SecretError`` with ``secret-in-clear`` for plain text and ``settings-value`` for anything else;
    the text names the kind of value found, not the value.
    """
    if isinstance(value, str):
        raise SecretError("secret-in-clear", "a text in clear", f"Use {FORMS}.")
    if not isinstance(value, Mapping):
        raise _not_a_reference(f"a value of another kind ({type(value).__name__})")
    if len(value) != 1:
        raise _not_a_reference("a table with " + (", ".join(sorted(map(str, value))) or "nothing in it"))
    [(way, where)] = value.items()
    match way, where:
        case "env", str():
            if not _VARIABLE.fullmatch(where):
                raise _not_a_reference("a text that cannot be the name of an environment variable")
            return FromEnvironment(where)
        case "command", list():
            if not where or not all(isinstance(word, str) and word and "\0" not in word for word in where):
                raise _not_a_reference("a command that is not a list of texts")
            return FromCommand(tuple(where))
        case "file", str():
            if not where.strip() or "\0" in where:
                raise _not_a_reference("a file without a name")
            return FromFile(where)
        case "keyring", str():
            service, slash, user = where.rpartition("/")
            if not (slash and service and user):
                raise _not_a_reference("a keyring entry that is not service/user")
            return FromKeyring(service, user)
    raise _not_a_reference(f"a table with {str(way)[:40]!r} of an unexpected kind")


def reference_value(reference: SecretReference) -> dict[str, str | list[str]]:
    """The table that stands for a reference in the settings."""
    match reference:
        case FromEnvironment(name):
            return {"env": name}
        case FromCommand(words):
            return {"command": list(words)}
        case FromFile(path):
            return {"file": path}
        case FromKeyring(service, user):
            return {"keyring": f"{service}/{user}"}


def fetch(
    reference: SecretReference,
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    hide: Collection[str] = (),
    seconds: float | None = None,
) -> Secret:
    """Fetch a secret now. ``folder`` is where relative paths start.

    ``hide`` names environment variables that hold other secrets: a command does not inherit them. Raises
    ``SecretError``: ``secret-missing``, ``secret-exposed``, ``secret-command`` or ``secret-keyring``.
    """
    environ = os.environ if environ is None else environ
    match reference:
        case FromEnvironment(name):
            text = environ.get(name, "").strip()
            if not text:
                raise SecretError(
                    "secret-missing",
                    f"the environment variable {name} is {'empty' if name in environ else 'not set'}",
                    f"Set {name} where Listwarden is started, or let the settings point elsewhere.",
                )
            return Secret(text)
        case FromCommand(words):
            kept = {name: value for name, value in environ.items() if name not in hide}
            return _from_command(words, folder, kept, COMMAND_SECONDS if seconds is None else seconds)
        case FromFile(path):
            return _from_file(secret_path(path, folder))
        case FromKeyring(service, user):
            return _from_keyring(service, user, KEYRING_SECONDS if seconds is None else seconds)


def secret_path(path: str, folder: Path) -> Path:
    """Where a ``{ file = … }`` reference points; relative paths start at the settings' folder."""
    return folder / Path(path).expanduser()


def keep(folder: Path, label: str, secret: Secret) -> FromFile:
    """Write a typed secret to a new file ``secrets/LABEL`` (0600, folder 0700) and return its reference.

    The name carries a number if it is taken, so that the secret in use stays as it is until the settings name
    the new one. Raises ``OSError``, and ``SecretError`` for what is no secret (empty, several lines).
    """
    text = secret.reveal().strip()
    if not text or any(character in text for character in "\r\n\0"):
        raise SecretError("secret-missing", "nothing was typed, or several lines", "Type the secret again.")
    store = folder / FOLDER
    store.mkdir(mode=0o700, exist_ok=True)
    kept = store.lstat()
    if not stat.S_ISDIR(kept.st_mode) or kept.st_uid not in _owners():
        raise SecretError("secret-exposed", f"{store} is not a folder of this account", f"Remove {store}.")
    if stat.S_IMODE(kept.st_mode) != 0o700:
        store.chmod(0o700)
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", label)
    for number in range(1, 1000):
        name = safe if number == 1 else f"{safe}-{number}"
        try:
            _write_new(store, name, text)
        except FileExistsError:
            continue
        return FromFile(f"{FOLDER}/{name}")
    raise SecretError(
        "secret-missing", f"{store} has too many files named {safe}", "Remove those not in use."
    )


def _write_new(store: Path, name: str, text: str) -> None:
    """Complete or absent: linked to its name only when it is whole on the disk."""
    descriptor, temporary = tempfile.mkstemp(dir=store, prefix=".new-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)
            file.write(text + "\n")
            file.flush()
            os.fsync(descriptor)
        os.link(temporary, store / name)
    finally:
        Path(temporary).unlink()


def _owners() -> frozenset[int]:
    """This account, and the machine's administrator."""
    return frozenset({os.geteuid(), 0})


def _not_a_reference(found: str) -> SecretError:
    return SecretError("settings-value", found, f"Use {FORMS}.")


def _first_line(data: bytes) -> str | None:
    """The first line as text; None when there is none or it is no text."""
    line = data.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].strip()
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text and text.isprintable() else None


def _from_file(path: Path) -> Secret:
    try:
        # Non-blocking: a pipe in the file's place must not hang the console.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SecretError(
            "secret-missing", f"the file {path} is not there", "Write the secret to it, chmod 600."
        ) from None
    except OSError as error:
        raise SecretError(
            "secret-missing", f"the file {path} cannot be read: {error.strerror}", "Correct its permissions."
        ) from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise SecretError("secret-missing", f"{path} is not a file", "Name a file that holds the secret.")
    with os.fdopen(descriptor, "rb") as file:
        if found.st_uid not in _owners():
            raise SecretError(
                "secret-exposed", f"the file {path} belongs to another account", f"chown it: {path}."
            )
        if found.st_mode & 0o077:
            raise SecretError(
                "secret-exposed",
                f"the file {path} is open to other accounts (mode {stat.S_IMODE(found.st_mode):04o})",
                f"chmod 600 {path}",
            )
        text = _first_line(file.read(LARGEST_SECRET))
    if text is None:
        raise SecretError(
            "secret-missing", f"the first line of {path} is empty or no text", "Write the secret to it."
        )
    return Secret(text)


def _from_command(words: tuple[str, ...], folder: Path, environ: dict[str, str], seconds: float) -> Secret:
    program = Path(words[0]).name
    by_hand = f"Run {program!r} by hand, as the account that starts Listwarden."
    start = str(folder / Path(words[0]).expanduser()) if "/" in words[0] else words[0]
    try:
        process = subprocess.Popen(
            [start, *words[1:]],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # What a command complains of may quote the secret: it is not shown and not kept.
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise SecretError(
            "secret-command", f"the command {program!r} cannot be started: {error.strerror}", by_hand
        ) from None
    assert process.stdout is not None
    deadline = time.monotonic() + seconds
    data = _read_until(process.stdout, deadline)
    process.stdout.close()
    ended = data is not None and len(data) <= LARGEST_SECRET
    try:
        process.wait(max(0.0, deadline - time.monotonic()) if ended else 0)
    except subprocess.TimeoutExpired:
        ended = False
    if not ended:
        # The whole group: what the command started may outlive it and hold the pipe open.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if data is None or not ended:
        complaint = f"did not end in {seconds:g} seconds"
        if data is not None and len(data) > LARGEST_SECRET:
            complaint = f"printed more than {LARGEST_SECRET} bytes"
        raise SecretError("secret-command", f"the command {program!r} {complaint}", by_hand)
    if process.returncode != 0:
        raise SecretError(
            "secret-command", f"the command {program!r} ended with {process.returncode}", by_hand
        )
    text = _first_line(data)
    if text is None:
        raise SecretError(
            "secret-command", f"the command {program!r} printed no text in its first line", by_hand
        )
    return Secret(text)


def _read_until(pipe: IO[bytes], deadline: float) -> bytes | None:
    """All a pipe gives, cut at the largest secret; None when it is still open at the deadline."""
    data = b""
    while len(data) <= LARGEST_SECRET:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return None
        piece = os.read(pipe.fileno(), 65536)
        if not piece:
            return data
        data += piece
    return data


def _from_keyring(service: str, user: str, seconds: float) -> Secret:
    other_way = (
        "Install the Python package keyring and unlock the keyring, or use { env = … } or { file = … }."
    )
    found: list[str | None] = []
    faults: list[str] = []

    def ask() -> None:
        try:
            from importlib import import_module

            keyring = import_module("keyring")
        except ImportError:
            faults.append("the Python package keyring is not installed")
            return
        try:
            found.append(keyring.get_password(service, user))
        except Exception as error:  # noqa: BLE001 - back ends raise what they like; the kind is told, its words may quote
            faults.append(f"the keyring failed ({type(error).__name__})")

    # A locked keyring waits for a dialog nobody sees; the thread is left behind then, and ends with the process.
    thread = threading.Thread(target=ask, name="keyring", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise SecretError("secret-keyring", f"the keyring did not answer in {seconds:g} seconds", other_way)
    if faults:
        raise SecretError("secret-keyring", faults[0], other_way)
    text = (found[0] or "").strip()
    if not text:
        raise SecretError(
            "secret-keyring", f"the keyring has nothing for {service}/{user}", f"keyring set {service} {user}"
        )
    return Secret(text)
