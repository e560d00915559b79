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
MERGE_FIELD = "/lists/{list}/merge-fields/{field}"
MEMBERS = "/lists/{list}/members"
MEMBER = "/lists/{list}/members/{member}"
BATCHES = "/batches"
BATCH = "/batches/{batch}"
REPORTS = "/reports"
REPORT = "/reports/{campaign}"
SENT_TO = "/reports/{campaign}/sent-to"
EMAIL_ACTIVITY = "/reports/{campaign}/email-activity"
UNSUBSCRIBED = "/reports/{campaign}/unsubscribed"

READS = tuple(
    Allowed.of("GET", template)
    for template in (
        PING,
        ACCOUNT,
        LISTS,
        LIST,
        MERGE_FIELDS,
        MEMBERS,
        MEMBER,
        BATCH,
        REPORTS,
        REPORT,
        SENT_TO,
        EMAIL_ACTIVITY,
        UNSUBSCRIBED,
    )
)
WRITES = (
    Allowed.of("POST", LIST),
    Allowed.of("PATCH", MEMBER),
    Allowed.of("PUT", MEMBER),
    Allowed.of("DELETE", MEMBER),
    Allowed.of("POST", BATCHES),
    Allowed.of("POST", MERGE_FIELDS),
    Allowed.of("DELETE", MERGE_FIELD),
)
