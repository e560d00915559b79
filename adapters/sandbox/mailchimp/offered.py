"""What a person can rehearse with Mailchimp, by name: lost answers, held batches, a full account, a refused key.

Each is a few orders to the control routes (``control``).
"""

from typing import Final

from adapters.rehearsal import Rehearsal

OFFERED: Final = (
    Rehearsal(
        "no-answer",
        "Next additions: no answer",
        "The next additions are applied, and the line is cut before the answer: they are read back.",
        (("fail-next", {"count": 1, "method": "POST", "path": "^/lists/[^/]+$", "body": "drop-after"}),),
    ),
    Rehearsal(
        "never-arrives",
        "Next additions: line cut before",
        "The line is cut before the next additions are applied; from here that looks the same as no answer.",
        (("fail-next", {"count": 1, "method": "POST", "path": "^/lists/[^/]+$", "body": "drop"}),),
    ),
    Rehearsal(
        "gateway",
        "Next three requests: a gateway's page",
        "Something in between answers with a page of its own.",
        (("fail-next", {"count": 3, "status": 502, "body": "html"}),),
    ),
    Rehearsal(
        "batches-hold",
        "Batches: held",
        "From now on batches stay unfinished, and jobs wait, until they are let go.",
        (("hold-batches", {"on": True}),),
    ),
    Rehearsal(
        "batches-release", "Batches: let go", "Batches held before go on.", (("hold-batches", {"on": False}),)
    ),
    Rehearsal(
        "loses-rows",
        "Every third row lost",
        "From now on every third row is confirmed and not stored: reading back shows it. End it with normal.",
        (("lose-rows", {"every": 3}),),
    ),
    Rehearsal(
        "account-full",
        "Account: no room",
        "Another contact does not fit the plan of the account.",
        (("contact-limit", {"limit": 0}),),
    ),
    Rehearsal(
        "key-refused",
        "Key: refused",
        "The key of the first account is refused.",
        (("expire-key", {}),),
    ),
    Rehearsal(
        "normal",
        "All as usual",
        "Batches go on, no rows are lost, there is room, and the key is good.",
        (
            ("hold-batches", {"on": False}),
            ("lose-rows", {"every": 0}),
            ("contact-limit", {"limit": None}),
            ("restore-key", {}),
        ),
    ),
)
