"""The account behind an API user, and the server's clock (contract §1).

Invariant: every property's value is a text; the counters are those the user is really judged by.
"""

from datetime import UTC, datetime

from adapters.sandbox.dotdigital.front import NAME, SECOND_REGION
from adapters.sandbox.dotdigital.request import Request
from adapters.sandbox.vendor import Answer


def read(request: Request) -> Answer:
    """GET /account-info."""
    account = request.account
    mount = SECOND_REGION if region_of(request) == 2 else NAME
    endpoint = f"{request.origin}/{mount}{'/' if request.switches.endpoint_slash else ''}"
    rate = request.rehearsals.rate
    special = "" if account.name == "default" else f" ({account.name})"
    properties = (
        ("Name", "String", f"Alpenverein Musterberg{special}"),
        ("MainEmail", "String", "office@alpine.example"),
        ("MainMobilePhoneNumber", "String", ""),
        ("APILocale", "String", "de-DE" if request.switches.localised_names else "en-GB"),
        ("CurrencyCode", "String", "CHF"),
        ("TimeZoneIana", "String", "Europe/Zurich"),
        ("ShowClock", "Boolean", "False"),
        ("AvailableEmailSendsCredits", "Int", "100000"),
        ("ApiCallsInLastHour", "Int", str(account.meter.last(request.now))),
        ("ApiCallsRemaining", "Int", str(account.meter.remaining(rate, request.now))),
        ("ApiEndpoint", "String", endpoint),
    )
    rows = [{"name": name, "type": kind, "value": value} for name, kind, value in properties]
    return request.answer({"id": account.id, "properties": rows})


def region_of(request: Request) -> int:
    """Where the account lives: the first region or the second."""
    if request.account.name == "default" and request.rehearsals.second_region:
        return 2
    return request.account.region


def server_time(request: Request) -> Answer:
    """GET /server-time: a text."""
    told = datetime.fromtimestamp(request.now, UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")
    return Answer.of(told)
