"""Who is at the keyboard (R46, I18)."""

from __future__ import annotations

import os
import pwd
import socket

import pytest

from console.operator import LONGEST_NAME, current_operator
from state.model import Operator


def test_the_unix_account_is_the_operator() -> None:
    account = pwd.getpwuid(os.getuid()).pw_name
    assert current_operator({}) == Operator(account, socket.gethostname(), None)
    assert current_operator({"LISTWARDEN_OPERATOR": "  ", "SSH_CONNECTION": ""}).name == account


def test_on_a_shared_account_the_name_is_given_and_the_peer_told() -> None:
    found = current_operator(
        {"LISTWARDEN_OPERATOR": " Eva  Muster ", "SSH_CONNECTION": "192.0.2.7 50022 192.0.2.1 22"}
    )
    assert (found.name, found.ssh_peer) == ("Eva Muster", "192.0.2.7")


def test_a_name_is_one_short_line() -> None:
    name = current_operator({"LISTWARDEN_OPERATOR": "Eva\x1b[2J\nroot " + "x" * 200}).name
    assert name.startswith("Eva [2J root x")
    assert len(name) == LONGEST_NAME


def test_an_account_without_a_name_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> object:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert current_operator({}).name == f"uid {os.getuid()}"
