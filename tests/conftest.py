"""What every test runs in: an empty home, UTC, nobody's settings, and no network but loopback.

Invariant: nothing of the machine's own configuration or state is read, and an attempt to reach another host
fails the test even where the code under test swallows the error. (A process a test starts inherits the
environment, not the network guard: give it loopback addresses only.)
"""

import ipaddress
import itertools
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# `make test` says the same twice and never judges by the clock; `--hypothesis-profile search` looks further.
_untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", _untimed, derandomize=True)
settings.register_profile("search", _untimed, max_examples=1000, print_blob=True)
settings.load_profile("repeatable")

_FOLDERS = {
    "XDG_CONFIG_HOME": ".config",
    "XDG_STATE_HOME": ".local/state",
    "XDG_DATA_HOME": ".local/share",
    "XDG_CACHE_HOME": ".cache",
    "XDG_RUNTIME_DIR": ".run",
}
_FOREIGN_PREFIXES = ("LISTWARDEN_", "TEXTUAL", "TYPER_", "_TYPER", "PIP_")
_REPORT = "TEXTUAL_SNAPSHOT_TEMPDIR"  # set by the snapshot plug-in for its own use
_FOREIGN = {
    *("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM"),
    *("COLUMNS", "LINES", "PAGER", "EDITOR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "GITHUB_ACTIONS"),
    *("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTHON"),
}


def _move_in(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Of the folders only that of the running session exists beforehand, as on a machine never used."""
    (home / _FOLDERS["XDG_RUNTIME_DIR"]).mkdir(parents=True, mode=0o700)
    patch.setenv("HOME", str(home))
    for variable, folder in _FOLDERS.items():
        patch.setenv(variable, str(home / folder))


@pytest.fixture(scope="session", autouse=True)
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Path]]:
    """Cleans the environment, also for fixtures that outlive a test; hands out a home for each test."""
    homes = (tmp_path_factory.getbasetemp() / "homes" / str(number) for number in itertools.count())
    with pytest.MonkeyPatch.context() as patch:
        for variable in list(os.environ):
            if variable in _FOREIGN or (variable.startswith(_FOREIGN_PREFIXES) and variable != _REPORT):
                patch.delenv(variable)
        patch.setenv("TZ", "UTC")
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.setenv("TERM", "xterm-256color")
        time.tzset()
        _move_in(patch, next(homes))
        yield homes
    time.tzset()


@pytest.fixture(autouse=True)
def _own_home(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    _move_in(monkeypatch, next(_homes))


class NetworkForbiddenError(RuntimeError):
    """A test tried to speak with another machine. No OSError: nobody shall take it for a dead network."""


def _is_loopback(host: str) -> bool:
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def forbidden_hosts() -> Iterator[list[str]]:
    """Guards the socket for the whole run; the list holds what was tried."""
    tried: list[str] = []

    def check(host: str | bytes | None) -> None:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host or ""
        if not _is_loopback(name):
            tried.append(name)
            raise NetworkForbiddenError(f"tests may speak with loopback only, not with {name}")

    def guarded(original: Any, address_at: int) -> Any:
        def call(self: socket.socket, *args: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                check(args[address_at][0])
            return original(self, *args)

        return call

    look_up = socket.getaddrinfo

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        check(host)
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect, 0))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex, 0))
        patch.setattr(socket.socket, "sendto", guarded(socket.socket.sendto, -1))
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield tried


@pytest.fixture(autouse=True)
def _loopback_only(forbidden_hosts: list[str]) -> Iterator[None]:
    forbidden_hosts.clear()
    yield
    assert not forbidden_hosts, f"tried to reach {', '.join(forbidden_hosts)}"
