"""The API user's name and password: how they are sent, and what their looks tell.

Invariant: no text made here holds a password or a name (I7).
"""

from __future__ import annotations

import base64

from adapters.dotdigital.region import option
from adapters.provider import ConnectionSettings, CredentialsRefused
from adapters.secret import Secret

API_USERS = "@apiconnector.com"
"""The end of every API user's name (contract §1)."""

WHERE = "In dotdigital: Settings › Access › API users."


def authorization(settings: ConnectionSettings) -> Secret:
    """The Basic header of a connection; raises ``CredentialsRefused`` when something is missing or cannot be right."""
    user = option(settings, "user")
    password = settings.secrets.get("password", Secret("")).reveal().strip()
    if not user or not password:
        missing = "password of the API user" if user else "API user"
        raise CredentialsRefused("login-missing", f"The connection has no {missing}.", WHERE)
    if any(not letter.isprintable() for letter in user + password) or ":" in user or " " in user:
        raise CredentialsRefused(
            "login-refused",
            "The API user or its password has characters that none has.",
            f"Copy both again. {WHERE}",
        )
    return Secret("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii"))


def refused(settings: ConnectionSettings, raw: str = "") -> CredentialsRefused:
    """What a 401 means, with the likeliest mistake by the looks of the user."""
    if not option(settings, "user").lower().endswith(API_USERS):
        return CredentialsRefused(
            "login-refused",
            "dotdigital refuses the login. The user is not of apiconnector.com, as every API user is: it looks like a"
            " person's own login, and the interface takes API users only.",
            f"Make an API user and use its name and password. {WHERE}",
            raw=raw,
        )
    return CredentialsRefused(
        "login-refused",
        "dotdigital refuses the API user: its name or password is mistyped, or it was disabled.",
        f"Set its password anew and store it where the settings point. {WHERE}",
        raw=raw,
    )
