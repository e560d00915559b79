"""The API user's name and password: how they are sent, and what their looks tell.

Invariant: no text made here holds a password or a name (I7).
"""

from __future__ import annotations

import base64

from adapters.dotdigital.region import option
from adapters.provider import ConnectionSettings, CredentialsRefused
from adapters.secret import Secret

API_USERS = "@apiconnector."
"""What every API user's name has, and no person's login (contract §1); what follows it is the vendor's own domain."""

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


def looks_like_api_user(user: str) -> bool:
    """Whether a user name is of the kind the interface lets in: ``apiuser-…@apiconnector.com`` (contract §1)."""
    name = user.casefold()
    return name.startswith("apiuser-") or API_USERS in name


def refused(settings: ConnectionSettings, raw: str = "") -> CredentialsRefused:
    """What a 401 means, with the likeliest mistake by the looks of the user."""
    if not looks_like_api_user(option(settings, "user")):
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
