"""Every request this adapter may send, in two lists.

Invariant: what is on neither list cannot leave: no delete-permanent, no campaign, no emptying of a list, and no
write at all over a read-only wire (design laws 1 and 7).
"""

from __future__ import annotations

from adapters.http import Allowed

PING = "/ping"
ACCOUNT = "/"
LISTS = "/lists"
LIST = "/lists/{list}"
MERGE_FIELDS = "/lists/{list}/merge-fields"
MEMBERS = "/lists/{list}/members"
MEMBER = "/lists/{list}/members/{member}"
BATCHES = "/batches"
BATCH = "/batches/{batch}"

READS = tuple(
    Allowed.of("GET", template)
    for template in (PING, ACCOUNT, LISTS, LIST, MERGE_FIELDS, MEMBERS, MEMBER, BATCH)
)
WRITES = (
    Allowed.of("POST", LIST),
    Allowed.of("PATCH", MEMBER),
    Allowed.of("PUT", MEMBER),
    Allowed.of("DELETE", MEMBER),
    Allowed.of("POST", BATCHES),
)
