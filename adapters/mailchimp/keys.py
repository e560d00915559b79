"""What an API key tells by its looks: the data centre to call, and whether it was copied whole.

Invariant: no text made here holds more of a key than its data centre (I7).
"""

from __future__ import annotations

import base64
import re

from adapters.provider import ConnectionSettings
from adapters.secret import Secret

HOST = "https://api.mailchimp.com/3.0"
"""One host for every account, by the vendor's newest documents (Mailchimp contract §1)."""

_DATA_CENTRE = re.compile(r"-([a-z]+\d+)$")
_BARE_KEY = re.compile(r"[0-9a-fA-F]{32}")


def key_of(settings: ConnectionSettings) -> Secret:
    """The connection's key without the blanks and line ends that copying adds; empty when there is none."""
    return Secret(settings.secrets.get("key", Secret("")).reveal().strip())


def data_centre(key: Secret) -> str:
    """The part after the last dash, such as ``us19``; empty when the key does not name one."""
    found = _DATA_CENTRE.search(key.reveal())
    return found.group(1) if found else ""


def base_url(settings: ConnectionSettings) -> str:
    """An explicit base_url, else the data centre the key names, else the common host (Mailchimp contract §1)."""
    if settings.base_url:
        return settings.base_url
    centre = data_centre(key_of(settings))
    return f"https://{centre}.api.mailchimp.com/3.0" if centre else HOST


def key_fault(key: Secret) -> tuple[str, str] | None:
    """Reason and sentence when the key cannot be one, without asking anybody."""
    text = key.reveal()
    if not text:
        return "key-missing", "The connection has no key."
    if not text.isascii() or not text.isprintable() or any(letter.isspace() for letter in text):
        return (
            "key-malformed",
            "The key has characters that no Mailchimp key has, such as a blank or a dash of a text program.",
        )
    return None


def looks_cut(key: Secret) -> bool:
    """A key of the usual length whose data centre was not copied."""
    return _BARE_KEY.fullmatch(key.reveal()) is not None


def authorization(key: Secret) -> Secret:
    """The header's value: Basic with any user name (Mailchimp contract §1)."""
    pair = f"listwarden:{key.reveal()}".encode()
    return Secret("Basic " + base64.b64encode(pair).decode("ascii"))
