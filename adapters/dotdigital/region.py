"""Where an account lives: the address to begin at, the one dotdigital names, and the host of its web pages.

Invariant (I15): an address found in an answer is followed only when it is https below dotdigital's own names, or
on this machine where the connection itself is; a configured address is never left. Source: contract §1, §9.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from adapters.origins import checked_base, loopback, origin
from adapters.provider import ConnectionSettings, Unreachable

HOSTS = ("dotdigital.com", "dotmailer.com")
FIRST_REGION = "r1"
"""The region that answers ``account-info`` for accounts of every region."""

AUTO = "auto"
VERSION = "/v2"
DEFAULT_APP = "https://r1-app.dotdigital.com"


def option(settings: ConnectionSettings, name: str, default: str = "") -> str:
    """An option's text without blanks around it; the default when it is not set."""
    return str(settings.options.get(name, "")).strip() or default


def base_url(settings: ConnectionSettings) -> str:
    """Where a connection begins to talk: an explicit base_url, the region set, else the first region."""
    if settings.base_url:
        return settings.base_url
    region = option(settings, "region", AUTO).lower()
    return f"https://{FIRST_REGION if region == AUTO else region}-api.dotdigital.com{VERSION}"


def followed(settings: ConnectionSettings, endpoint: str) -> str:
    """Where to talk to from now on, by the ``ApiEndpoint`` of the account.

    A configured address stays unless the endpoint has the same origin or both are on this machine. Raises
    ``Unreachable`` (``url-not-allowed``) for an endpoint that may not be called.
    """
    begun = checked_base(base_url(settings))
    if not endpoint.strip() or (not settings.base_url and option(settings, "region", AUTO).lower() != AUTO):
        return begun
    if settings.base_url:
        try:
            found = checked_base(_versioned(endpoint))
        except Unreachable:
            return begun
        same = origin(found) == origin(begun)
        return found if same or (loopback(origin(found)[1]) and loopback(origin(begun)[1])) else begun
    found = checked_base(_versioned(endpoint))
    scheme, host, _ = origin(found)
    if scheme != "https" or not _of_the_vendor(host):
        raise Unreachable(
            "url-not-allowed",
            f"dotdigital names {host} as the account's server, which is not one of its own.",
            "If that is right, set base_url in the connection's settings.",
        )
    return found


def app_host(settings: ConnectionSettings, api: str) -> str:
    """The web pages' host without a closing slash: set by hand, else of the region, else the vendor's default."""
    chosen = option(settings, "app_url")
    if chosen:
        return chosen.rstrip("/")
    parts = urlsplit(api)
    host = parts.hostname or ""
    if _of_the_vendor(host) and "-api." in host:
        return f"https://{host.replace('-api.', '-app.', 1)}"
    return api.removesuffix(VERSION) if loopback(host) else DEFAULT_APP


def region_of(api: str) -> str:
    """``r2`` of ``https://r2-api.dotdigital.com/v2``; empty where the host does not say."""
    host = urlsplit(api).hostname or ""
    return host.split("-api.")[0] if _of_the_vendor(host) and "-api." in host else ""


def _versioned(endpoint: str) -> str:
    bare = endpoint.strip().rstrip("/")
    return bare if bare.lower().endswith(VERSION) else bare + VERSION


def _of_the_vendor(host: str) -> bool:
    return any(host == name or host.endswith("." + name) for name in HOSTS)
