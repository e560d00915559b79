"""Who is at the keyboard: the name written beside everything that is done (R46, I18)."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping

from state.model import Operator

LONGEST_NAME = 80


def current_operator(environment: Mapping[str, str]) -> Operator:
    """``LISTWARDEN_OPERATOR`` on a shared Unix account, else the Unix account; and where they came from by SSH."""
    name = _one_line(environment.get("LISTWARDEN_OPERATOR", "")) or _unix_account()
    peer = environment.get("SSH_CONNECTION", "").split()
    return Operator(name, socket.gethostname(), _one_line(peer[0]) if peer else None)


def _unix_account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a number without an account
        return f"uid {os.getuid()}"


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[
        :LONGEST_NAME
    ]
