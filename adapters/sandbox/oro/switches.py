"""Behaviour of OroCRM that no source confirms or that installations differ in, each under a name to flip.

Invariant: an adapter is right only if it is safe with either value.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Switches:
    """Set by the control verb `switch`; every one is a yes or no."""

    filter_updated_at: bool = True
    """`filter[updatedAt]` is supported."""
    filter_id: bool = True
    """`filter[id]` takes operators such as `[gt]`."""
    filter_emails: bool = True
    """`filter[emails]` is supported."""
    search_ignores_case: bool = False
    """Addresses in filters are compared without case, as some databases do."""
    total_count: bool = True
    """`X-Include-Total-Count` arrives; a proxy may remove it."""
    admin_prefix: bool = False
    """The API of the back office is below `/admin`, and nowhere else."""
    snapshot_relationship: bool = False
    """A snapshot's rows name their contact by a relationship, not by an attribute."""
    name_required: bool = True
    """A contact needs a first or a last name; an address is not enough."""
    documents_with_401: bool = True
    """A refused access token is answered with an error document; with nothing otherwise."""
