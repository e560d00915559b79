"""dotdigital's REST API v2 as a loopback rehearsal, written from the vendor's contract.

What stands here is cheap to import; the platform itself is in `platform` and made when it is needed.
"""

from adapters.sandbox.dotdigital.front import ALL_BOOK, FIRST_BOOK, FRONT, SECOND_REGION, TEST_BOOK
from adapters.sandbox.dotdigital.seed import seeded_fields, seeded_left, seeded_status

__all__ = [
    "ALL_BOOK",
    "FIRST_BOOK",
    "FRONT",
    "SECOND_REGION",
    "TEST_BOOK",
    "seeded_fields",
    "seeded_left",
    "seeded_status",
]
