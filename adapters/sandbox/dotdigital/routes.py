"""Which handler answers which path, and the door everybody comes through: user, region, rate.

Invariant: whatever a handler raises becomes an error document; nothing but a Refusal is expected.
"""

from collections.abc import Callable

from adapters.sandbox.dotdigital import (
    account_info,
    address_books,
    book_contacts,
    campaigns,
    contacts,
    data_fields,
    errors,
    imports,
    reports,
    suppressions,
)
from adapters.sandbox.dotdigital.request import Request
from adapters.sandbox.paths import PathTable
from adapters.sandbox.vendor import Answer

Handler = Callable[[Request], Answer]

_B = ("address-books", "*")
_C = ("contacts",)
_P = ("campaigns", "*")
_A = (*_P, "activities", "*")

ROUTES: dict[tuple[str, ...], dict[str, Handler]] = {
    ("account-info",): {"GET": account_info.read},
    ("server-time",): {"GET": account_info.server_time},
    # Address books (§3)
    ("address-books",): {"GET": address_books.listed, "POST": address_books.create},
    ("address-books", "private"): {"GET": address_books.private},
    ("address-books", "public"): {"GET": address_books.public},
    _B: {"GET": address_books.read, "PUT": address_books.change, "DELETE": address_books.delete},
    (*_B, "campaigns"): {"GET": campaigns.of_book},
    # Contacts (§4)
    _C: {"GET": contacts.listing, "POST": contacts.upsert},
    (*_C, "count"): {"GET": contacts.count},
    (*_C, "created-since", "*"): {"GET": contacts.created_since},
    (*_C, "modified-since", "*"): {"GET": contacts.modified_since},
    (*_C, "*"): {"GET": contacts.read, "PUT": contacts.change, "DELETE": contacts.delete},
    (*_C, "*", "address-books"): {"GET": contacts.books_of},
    (*_C, "deletion", "*"): {"GET": book_contacts.deletion},
    (*_B, "contacts"): {
        "GET": book_contacts.listing,
        "POST": book_contacts.add,
        "DELETE": book_contacts.empty,
    },
    (*_B, "contacts", "modified-since", "*"): {"GET": book_contacts.modified_since},
    (*_B, "contacts", "delete"): {"POST": book_contacts.delete_some},
    (*_B, "contacts", "delete-all"): {"POST": book_contacts.empty},
    (*_B, "contacts", "*"): {"DELETE": book_contacts.remove},
    # Leaving and coming back (§5)
    (*_C, "unsubscribe"): {"POST": suppressions.unsubscribe},
    (*_C, "suppress-contacts"): {"PUT": suppressions.suppress_some},
    (*_C, "unsubscribed-since", "*"): {"GET": suppressions.unsubscribed_since},
    (*_C, "suppressed-since", "*"): {"GET": suppressions.suppressed_since},
    (*_C, "resubscribe"): {"POST": suppressions.resubscribe},
    (*_C, "resubscribe-with-no-challenge"): {"POST": suppressions.resubscribe_at_once},
    (*_B, "contacts", "unsubscribe"): {"POST": suppressions.unsubscribe_from_book},
    (*_B, "contacts", "unsubscribed-since", "*"): {"GET": suppressions.unsubscribed_from_book_since},
    (*_B, "contacts", "resubscribe"): {"POST": suppressions.resubscribe_to_book},
    (*_B, "contacts", "resubscribe-with-no-challenge"): {"POST": suppressions.resubscribe_to_book_at_once},
    # Imports (§6)
    (*_B, "contacts", "import"): {"POST": imports.into_book},
    (*_B, "contacts", "import", "with-merge-option", "*"): {"POST": imports.into_book},
    (*_C, "import"): {"POST": imports.into_account},
    (*_C, "import", "with-merge-option", "*"): {"POST": imports.into_account},
    (*_C, "import-collection"): {"POST": imports.collection},
    (*_C, "import", "*"): {"GET": imports.status},
    (*_C, "import", "*", "report"): {"GET": imports.report},
    (*_C, "import", "*", "report-faults"): {"GET": imports.report_faults},
    # Data fields (§7)
    ("data-fields",): {"GET": data_fields.listed, "POST": data_fields.create},
    ("data-fields", "*"): {"DELETE": data_fields.delete},
    # Campaigns (§8)
    ("campaigns",): {"GET": campaigns.listed},
    ("campaigns", "send"): {"POST": campaigns.send},
    _P: {"GET": campaigns.read},
    (*_P, "address-books"): {"GET": campaigns.books_of},
    (*_P, "summary"): {"GET": reports.summary},
    (*_P, "activities"): {"GET": reports.activities},
    (*_P, "activities", "since-date", "*"): {"GET": reports.activities_since},
    _A: {"GET": reports.activity},
    (*_P, "hard-bouncing-contacts"): {"GET": reports.hard_bouncing},
}

for _kind in ("clicks", "opens", "page-views", "replies", "roi-details", "social-bookmark-views"):
    ROUTES[(*_A, _kind)] = {"GET": reports.of_contact}
for _kind in ("clicks", "opens", "social-bookmark-views"):
    ROUTES[(*_P, _kind)] = {"GET": reports.of_campaign}
for _kind in ("clicks", "opens", "page-views", "roi-details"):
    ROUTES[(*_P, _kind, "since-date", "*")] = {"GET": reports.of_campaign_since}

_TABLE = PathTable(ROUTES, any_case=True)


def dispatch(request: Request) -> Answer:
    """Carry one request out; the ops and notes it left are in the answer."""
    try:
        answer = _handler(request)(request)
    except errors.Refusal as refusal:
        answer = refusal.answer(request.switches)
    answer.ops = request.ops
    answer.note = request.note
    return answer


def _handler(request: Request) -> Handler:
    methods = _TABLE.methods(request.segments)
    if methods is None:
        raise errors.nothing_here()
    handler = methods.get("GET" if request.method == "HEAD" else request.method)
    if handler is None:
        raise errors.method_not_allowed()
    return handler
