"""Which handler answers which path, and the door everybody comes through: key, account, rights.

Batches run their operations through `dispatch` too, so an operation behaves exactly like the direct call.
Invariant: whatever a handler raises becomes a problem document; nothing but a Problem is expected.
"""

from collections.abc import Callable, Mapping

from adapters.sandbox.credentials import basic
from adapters.sandbox.mailchimp import (
    audience_parts,
    batch_add,
    batches,
    errors,
    lists,
    members,
    reports,
    tags,
    webhooks,
)
from adapters.sandbox.mailchimp.rehearsals import Rehearsals
from adapters.sandbox.mailchimp.request import Request
from adapters.sandbox.mailchimp.store import Account
from adapters.sandbox.paths import PathTable
from adapters.sandbox.vendor import Answer

Handler = Callable[[Request], Answer]

_L = ("lists", "*")
_M = ("lists", "*", "members", "*")

ROUTES: dict[tuple[str, ...], dict[str, Handler]] = {
    (): {"GET": lists.account},
    ("ping",): {"GET": lists.ping},
    ("lists",): {"GET": lists.audiences},
    _L: {"GET": lists.audience, "POST": batch_add.add},
    (*_L, "members"): {"GET": lists.listing, "POST": members.create},
    _M: {
        "GET": members.read,
        "PUT": members.upsert,
        "PATCH": members.change,
        "DELETE": members.archive,
    },
    (*_M, "actions", "delete-permanent"): {"POST": members.delete_permanent},
    (*_M, "tags"): {"GET": tags.of_member, "POST": tags.set_of_member},
    (*_M, "activity"): {"GET": reports.member_activity},
    (*_L, "segments"): {"GET": tags.segments, "POST": tags.create},
    (*_L, "segments", "*"): {
        "GET": tags.read,
        "POST": tags.change_members,
        "PATCH": tags.rename,
        "DELETE": tags.delete,
    },
    (*_L, "segments", "*", "members"): {"GET": tags.members},
    (*_L, "tag-search"): {"GET": tags.search},
    (*_L, "merge-fields"): {
        "GET": audience_parts.merge_fields_listed,
        "POST": audience_parts.merge_field_created,
    },
    (*_L, "merge-fields", "*"): {
        "GET": audience_parts.merge_field_read,
        "PATCH": audience_parts.merge_field_changed,
        "DELETE": audience_parts.merge_field_deleted,
    },
    (*_L, "interest-categories"): {
        "GET": audience_parts.categories_listed,
        "POST": audience_parts.category_created,
    },
    (*_L, "interest-categories", "*"): {
        "GET": audience_parts.category_read,
        "DELETE": audience_parts.category_deleted,
    },
    (*_L, "interest-categories", "*", "interests"): {
        "GET": audience_parts.interests_listed,
        "POST": audience_parts.interest_created,
    },
    (*_L, "interest-categories", "*", "interests", "*"): {"DELETE": audience_parts.interest_deleted},
    (*_L, "webhooks"): {"GET": webhooks.listed, "POST": webhooks.create},
    (*_L, "webhooks", "*"): {
        "GET": webhooks.read,
        "PATCH": webhooks.change,
        "DELETE": webhooks.delete,
    },
    (*_L, "activity"): {"GET": lists.activity},
    (*_L, "growth-history"): {"GET": lists.growth_history},
    ("search-members",): {"GET": lists.search},
    ("batches",): {"GET": batches.listed, "POST": batches.submit},
    ("batches", "*"): {"GET": batches.read, "DELETE": batches.stop},
    ("batch-webhooks",): {"GET": webhooks.batch_listed, "POST": webhooks.batch_create},
    ("batch-webhooks", "*"): {"GET": webhooks.batch_read, "DELETE": webhooks.batch_delete},
    ("reports",): {"GET": reports.listed},
    ("reports", "*"): {"GET": reports.read},
    ("reports", "*", "email-activity"): {"GET": reports.email_activity},
    ("reports", "*", "sent-to"): {"GET": reports.sent_to},
    ("reports", "*", "unsubscribed"): {"GET": reports.unsubscribed},
}


_TABLE = PathTable(ROUTES)


def dispatch(request: Request) -> Answer:
    """Carry one request out; the ops it touched are in `request.ops` and in the answer."""
    try:
        answer = _dispatch(request)
    except errors.Problem as problem:
        answer = problem.answer()
    answer.ops = request.ops
    return answer


def _dispatch(request: Request) -> Answer:
    if len(request.segments) > _TABLE.longest:
        raise errors.nesting_too_deep()
    methods = _TABLE.methods(request.segments)
    if methods is None:
        raise errors.not_found()
    handler = methods.get("GET" if request.method == "HEAD" else request.method)
    if handler is None:
        raise errors.method_not_allowed()
    if request.method not in ("GET", "HEAD") and not request.account.may_write:
        raise errors.not_permitted()
    return handler(request)


def key_of_headers(headers: Mapping[str, str]) -> str:
    """The key out of HTTP Basic (any user) or Bearer. Raises the 401 Problem when there is none."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        sent = basic(headers)
        if sent is None:
            raise errors.key_invalid()
        value = sent[1]
    elif scheme.lower() != "bearer":
        value = ""
    if not value:
        raise errors.key_missing()
    return value


def account_of(key: str, accounts: Mapping[str, Account], rehearsals: Rehearsals) -> Account:
    """The account a key opens. Raises the 401 Problem for one that opens none (contract §11)."""
    lowered = key.lower()
    if lowered in rehearsals.bad_keys or not lowered.endswith("-us0") or len(lowered) < 5:
        raise errors.key_invalid()
    if lowered.startswith("expired"):
        raise errors.key_invalid()
    if lowered.startswith("disabled"):
        raise errors.key_disabled()
    for name, account in accounts.items():
        if name != "default" and lowered.startswith(name):
            return account
    return accounts["default"]
