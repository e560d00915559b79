"""Where the settings are, and whether the file may be trusted.

Invariant: settings that anybody but their owner may write are not used and not written (I16): they name commands
to run and lists to write to. Settings of another account may be looked at, as support staff do, and no more: no
secret is fetched by them and nothing is written. The administrator trusts whatever file is named.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from console.settings.model import Fault, SettingsError

FILE_NAME = "listwarden.toml"
LARGEST_FILE = 4 * 1024 * 1024


@dataclass(slots=True, frozen=True)
class FileText:
    """A settings file as read: its text, the digest of its bytes, and its rights."""

    text: str
    digest: str
    mode: int
    owner: int
    group: int


def settings_path(given: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """``--config``, else ``LISTWARDEN_CONFIG``, else the platform's config folder. A folder means the file in it."""
    environ = os.environ if environ is None else environ
    named = given or environ.get("LISTWARDEN_CONFIG")
    if named:
        path = Path(named).expanduser().absolute()
        return path / FILE_NAME if path.is_dir() else path
    from platformdirs import user_config_path

    return user_config_path("listwarden", appauthor=False) / FILE_NAME


def read_file(path: Path) -> FileText | None:
    """The file's text; None when it is not there. Raises ``SettingsError``, also for a file others may write."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, f"the file, but cannot open it: {error.strerror}") from None
    rights = os.fstat(descriptor)
    if not stat.S_ISREG(rights.st_mode):
        os.close(descriptor)
        raise _unreadable(path, "something that is not a file")
    with os.fdopen(descriptor, "rb") as file:
        faults = [
            fault for fault in (_open_fault(path, path, rights), folder_fault(path)) if fault is not None
        ]
        if faults:
            raise SettingsError(faults)
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise _unreadable(path, f"more than {LARGEST_FILE} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"a byte that is no UTF-8 (0x{data[error.start]:02x})"
        raise SettingsError([Fault(path, line, "", "settings-broken", "UTF-8 text", found)]) from None
    mode = stat.S_IMODE(rights.st_mode)
    return FileText(text, digest_of(data), mode, rights.st_uid, rights.st_gid)


def digest_of(data: bytes) -> str:
    """Names the content of a settings file."""
    return blake2b(data, digest_size=16).hexdigest()


def is_borrowed(owner: int) -> bool:
    """Whether a file of that owner belongs to another account, which may change it at any time."""
    account = os.geteuid()
    return account != 0 and owner not in (account, 0)


def borrowed_fault(path: Path) -> Fault:
    """Why settings of another account are only looked at."""
    return Fault(
        path,
        0,
        "",
        "settings-writable",
        "settings of this account",
        "settings of another account, which may change them at any time",
        next="Work as that account, or copy the settings to a file of your own and name it with --config.",
    )


def folder_fault(path: Path) -> Fault | None:
    """The fault of a folder in which anybody may put a file of their own in the place of this one."""
    folder = path.resolve().parent
    try:
        rights = folder.stat()
    except OSError:
        return None
    if rights.st_mode & stat.S_ISVTX:
        return None
    return _open_fault(path, folder, rights)


def _open_fault(path: Path, place: Path, rights: os.stat_result) -> Fault | None:
    """The fault of a file or folder that group or others may write."""
    if not rights.st_mode & 0o022:
        return None
    found = f"{place} with mode {stat.S_IMODE(rights.st_mode):04o}"
    return Fault(
        path, 0, "", "settings-writable", "that only its owner may write", found, next=f"chmod go-w {place}"
    )


def _unreadable(path: Path, found: str) -> SettingsError:
    return SettingsError(
        [
            Fault(
                path,
                0,
                "",
                "settings-broken",
                "a readable file",
                found,
                next="Name another file with --config.",
            )
        ]
    )
