"""The exit codes of the command line: a documented interface that other people's scripts rely on (design §6)."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. A number never changes its meaning."""

    DONE = 0
    """Done: nothing to do, end states met while sending, or an import the platform still works on."""

    FAILED = 1
    """Failed for another reason than those below."""

    USAGE = 2
    """The call was not understood."""

    PARTLY = 3
    """Some rows were rejected, are unverified or unknown."""

    PLAN_STALE = 4
    """The plan is stale."""

    GUARD = 5
    """A guard refused, or a read was incomplete."""

    BUSY = 6
    """The account's lease is held, or an import is open at the platform."""

    CREDENTIALS = 7
    """Credentials, rights, or a limit of the account."""

    CONFIGURATION = 8
    """The settings are wrong, or name a list the account does not have."""

    UNREACHABLE = 9
    """The platform cannot be reached or throttles."""

    STATE = 10
    """The state file is damaged, locked, or cannot be written."""

    INTERRUPTED = 130
    """Interrupted or cancelled by a person."""
