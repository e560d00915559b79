"""Credentials out of a request's headers, as every vendor with HTTP Basic reads them."""

import base64
import binascii
from collections.abc import Mapping


def basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """User and password; None when there are none or they cannot be read."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, colon, password = decoded.partition(":")
    return (user, password) if colon else None
