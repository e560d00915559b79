"""Behaviour of Mailchimp that no source confirms, each under a name that a rehearsal can flip.

Invariant: the defaults are what the contract assumes; an adapter is right only if it is safe with either value.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Switches:
    """Set by the control verb `switch`; every one is a yes or no."""

    resubscribe_own: bool = False
    """Whom the API unsubscribed, the API may subscribe again (older notes say so; §5)."""
    cleaned_by_api: bool = True
    """subscribed → cleaned is granted (§5)."""
    cleaned_to_pending: bool = False
    """cleaned → pending is granted (§5)."""
    pending_to_subscribed: bool = True
    """pending → subscribed is granted without the person's click (§5)."""
    unarchive_opted_out: bool = False
    """An archived member who had left before may be subscribed again (§5)."""
    archive_twice: bool = False
    """DELETE of an archived member answers 204 again, not 405."""
    archived_in_listing: bool = False
    """A listing without `status` holds archived members too (§5)."""
    since_inclusive: bool = False
    """`since_last_changed` includes the second it names."""
    skip_unarchives: bool = True
    """A batch add without `update_existing` brings an archived member back (§5, §6a)."""
    echo_unchanged: bool = True
    """`updated_members` lists rows whose data did not change (§6a)."""
    unknown_merge_fields_refused: bool = False
    """A merge field the audience does not have is an error, not ignored."""
    validate_webhooks: bool = False
    """Creating a webhook GETs its URL and wants 200 (§8)."""
    legacy_ids: bool = False
    """Ids are hashed from the address as written, as some very old lists do (§5)."""
