"""The status machine of a Mailchimp member (contract §5): which change is granted, and how the rest is refused.

A pure function of where a member stands and what is asked, so the whole table can be tested row by row.
Invariant: no path leads from an opt-out to `subscribed` through the API unless a switch, named and off by default,
says that the vendor behaves otherwise.
"""

from enum import IntEnum, StrEnum

from adapters.sandbox.mailchimp.switches import Switches


class Standing(IntEnum):
    """Where an address stands on a list; the value is one byte of the roll's status column."""

    ABSENT = 0
    SUBSCRIBED = 1
    UNSUBSCRIBED = 2
    CLEANED = 3
    PENDING = 4
    TRANSACTIONAL = 5
    ARCHIVED = 6
    FORGOTTEN = 7

    @property
    def word(self) -> str:
        """The vendor's word."""
        return WORDS[self]


WORDS: dict[int, str] = {standing: standing.name.lower() for standing in Standing}
BY_WORD: dict[str, Standing] = {standing.name.lower(): standing for standing in Standing}

LISTED = frozenset(
    {
        Standing.SUBSCRIBED,
        Standing.UNSUBSCRIBED,
        Standing.CLEANED,
        Standing.PENDING,
        Standing.TRANSACTIONAL,
    }
)
"""What a listing holds when no status is asked for."""

PRESENT = LISTED | {Standing.ARCHIVED}

_OPTED_OUT = frozenset({Standing.UNSUBSCRIBED, Standing.CLEANED})
_RAISING = frozenset({Standing.SUBSCRIBED, Standing.PENDING})


class Verdict(StrEnum):
    """What the machine says to a wanted change."""

    GRANTED = "granted"
    COMPLIANCE = "compliance"
    FORGOTTEN = "forgotten"
    INVALID = "invalid"


def judge(
    now: Standing,
    wanted: Standing,
    switches: Switches,
    *,
    before_archive: Standing = Standing.ABSENT,
    by_api: bool = False,
) -> Verdict:
    """Whether a member standing at `now` may be set to `wanted` by the API.

    `before_archive` is what an archived member was; `by_api` says that an unsubscription was made through the API.
    """
    if now is Standing.FORGOTTEN:
        return Verdict.FORGOTTEN
    if wanted not in LISTED:
        return Verdict.INVALID
    if now is Standing.ABSENT or now is wanted:
        return Verdict.GRANTED
    if wanted is Standing.TRANSACTIONAL:
        # A known person's consent is never traded for order mails (unconfirmed; PATCH does not list the word).
        return Verdict.INVALID
    if wanted is Standing.CLEANED and now is Standing.SUBSCRIBED:
        return Verdict.GRANTED if switches.cleaned_by_api else Verdict.INVALID
    if now is Standing.UNSUBSCRIBED and wanted is Standing.SUBSCRIBED:
        return Verdict.GRANTED if switches.resubscribe_own and by_api else Verdict.COMPLIANCE
    if now is Standing.CLEANED and wanted in _RAISING:
        may = wanted is Standing.PENDING and switches.cleaned_to_pending
        return Verdict.GRANTED if may else Verdict.COMPLIANCE
    if now is Standing.PENDING and wanted is Standing.SUBSCRIBED:
        return Verdict.GRANTED if switches.pending_to_subscribed else Verdict.COMPLIANCE
    if now is Standing.ARCHIVED and wanted in _RAISING and before_archive in _OPTED_OUT:
        return Verdict.GRANTED if switches.unarchive_opted_out else Verdict.COMPLIANCE
    return Verdict.GRANTED


def may_archive(now: Standing, switches: Switches) -> bool:
    """Whether DELETE is carried out; cleaned members are locked and answer 405."""
    if now is Standing.CLEANED:
        return False
    return now is not Standing.ARCHIVED or switches.archive_twice
