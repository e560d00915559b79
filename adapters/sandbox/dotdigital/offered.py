"""What a person can rehearse with dotdigital, by name: how imports end, what the network does, how calls run out.

Each is a few orders to the control routes (``control``). Invariant: every end an import can have is among them.
"""

from collections.abc import Mapping
from typing import Final

from adapters.rehearsal import Rehearsal

_IMPORT: Final = "import(-collection|/with-merge-option/[A-Za-z]+)?$"


def _ends(name: str, status: str, help_: str) -> Rehearsal:
    orders: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("next-import", {"status": status, "polls": 1, "replace": True}),
    )
    return Rehearsal(f"import-{name}", f"Next import: {status}", help_, orders)


OFFERED: Final = (
    _ends("finished", "Finished", "The next import is loaded, after it was asked about twice."),
    _ends(
        "watchdog",
        "RejectedByWatchdog",
        "The next file is refused as a whole; its rows come back in the next plan.",
    ),
    _ends(
        "format",
        "InvalidFileFormat",
        "The next file is not understood; its header and first row are kept with the job.",
    ),
    _ends(
        "failed",
        "Failed",
        "The next import fails on the platform's side; its rows are read back, then not confirmed.",
    ),
    _ends(
        "unknown",
        "Unknown",
        "The platform does not know what became of the next import; its rows are read back.",
    ),
    _ends("limit", "ExceedsAllowedContactLimit", "The next import does not fit the account's package."),
    _ends(
        "newer",
        "NotAvailableInThisVersion",
        "The next import ends in a word that this version does not know.",
    ),
    Rehearsal(
        "import-hold",
        "Imports: held open",
        "From now on imports stay NotFinished, and exports of the account wait, until they are let go.",
        (("hold-imports", {"on": True}),),
    ),
    Rehearsal(
        "import-release",
        "Imports: let go",
        "Imports held open end as ordered, later ones are not held. A job that waited long sees it when it is resumed (R).",
        (("release-imports", {}),),
    ),
    Rehearsal(
        "import-loses-rows",
        "Imports: every third row lost",
        "From now on every third row is counted and not loaded: reading back shows it. End it with normal.",
        (("lose-rows", {"every": 3}),),
    ),
    Rehearsal(
        "no-answer",
        "Next import: no answer",
        "The next file arrives, and the line is cut before the answer: it is never sent again by itself.",
        (("fail-next", {"count": 1, "method": "POST", "path": _IMPORT, "body": "drop-after"}),),
    ),
    Rehearsal(
        "never-arrives",
        "Next import: line cut before",
        "The line is cut before the next file is taken; from here that looks the same as no answer.",
        (("fail-next", {"count": 1, "method": "POST", "path": _IMPORT, "body": "drop"}),),
    ),
    Rehearsal(
        "calls-per-minute",
        "Calls: 30 a minute",
        "The tiered limit: jobs wait for the next minute, and leave some calls to people at a screen.",
        (("rate", {"scheme": "tiered", "limit": 30, "per": 60}),),
    ),
    Rehearsal(
        "calls-per-hour",
        "Calls: 20 an hour",
        "The flat limit: an export stops, and can go on in at most an hour.",
        (("rate", {"scheme": "flat", "limit": 20, "per": 3600}),),
    ),
    Rehearsal(
        "gateway",
        "Next three requests: a gateway's page",
        "Something in between answers with a page of its own.",
        (("fail-next", {"count": 3, "status": 502, "body": "html"}),),
    ),
    Rehearsal(
        "region-moves",
        "Account: lives in another region",
        "Calls are refused where they went so far; the account's address is asked for again.",
        (("region", {"second": True}),),
    ),
    Rehearsal(
        "normal",
        "All as usual",
        "Imports end well and are let go, no rows are lost, calls suffice, the region is the first one.",
        (
            ("release-imports", {}),
            ("next-import", {"status": "Finished", "polls": 1, "count": 0}),
            ("lose-rows", {"every": 0}),
            ("rate", {"scheme": "tiered"}),
            ("region", {"second": False}),
        ),
    ),
)
