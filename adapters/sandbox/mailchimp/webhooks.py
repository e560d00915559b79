"""Webhooks: the registry of them (contract §8).

Invariant: a signing secret is told once, in the answer that creates the hook.
"""

import hashlib
import secrets
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from adapters.sandbox.clock import iso
from adapters.sandbox.mailchimp import errors
from adapters.sandbox.mailchimp.render import links
from adapters.sandbox.mailchimp.request import Request
from adapters.sandbox.mailchimp.store import Audience, Webhook
from adapters.sandbox.vendor import Answer

EVENTS = ("subscribe", "unsubscribe", "profile", "cleaned", "upemail", "campaign")
SOURCES = ("user", "admin", "api")
MAX_BATCH_WEBHOOKS = 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _document(request: Request, audience: Audience, hook: Webhook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "url": hook.url,
        "events": hook.events,
        "sources": hook.sources,
        "list_id": audience.id,
        "signing_enabled": True,
        "_links": links(request.base, f"/lists/{audience.id}/webhooks/{hook.id}"),
    }


def listed(request: Request) -> Answer:
    """GET /lists/{id}/webhooks."""
    audience = request.audience()
    rows = [_document(request, audience, hook) for hook in audience.webhooks.values()]
    return request.collection("webhooks", rows, list_id=audience.id)


def create(request: Request) -> Answer:
    """POST /lists/{id}/webhooks; a second hook with the same URL is refused."""
    audience = request.audience()
    body = request.document()
    url = _url(body)
    if any(hook.url == url for hook in audience.webhooks.values()):
        raise errors.invalid("Sorry, you can't set up multiple WebHooks for one URL")
    if request.switches.validate_webhooks:
        _validate(url)
    hook = Webhook(
        hashlib.sha256(f"{audience.id} {url} {request.now}".encode()).hexdigest()[:10],
        url,
        _flags(body, "events", EVENTS),
        _flags(body, "sources", SOURCES),
        secrets.token_hex(16),
    )
    audience.webhooks[hook.id] = hook
    request.account.dirty = True
    return request.answer({**_document(request, audience, hook), "signing_secret": hook.signing_secret})


def _find(request: Request, audience: Audience) -> Webhook:
    found = audience.webhooks.get(request.segments[3])
    if found is None:
        raise errors.not_found()
    return found


def read(request: Request) -> Answer:
    """GET …/webhooks/{id}."""
    audience = request.audience()
    return request.answer(_document(request, audience, _find(request, audience)))


def change(request: Request) -> Answer:
    """PATCH …/webhooks/{id}."""
    audience = request.audience()
    hook = _find(request, audience)
    body = request.document()
    if "url" in body:
        url = _url(body)
        if any(other.url == url for other in audience.webhooks.values() if other is not hook):
            raise errors.invalid("Sorry, you can't set up multiple WebHooks for one URL")
        hook.url = url
    hook.events = {**hook.events, **_flags(body, "events", EVENTS)}
    hook.sources = {**hook.sources, **_flags(body, "sources", SOURCES)}
    request.account.dirty = True
    return request.answer(_document(request, audience, hook))


def delete(request: Request) -> Answer:
    """DELETE …/webhooks/{id}."""
    audience = request.audience()
    del audience.webhooks[_find(request, audience).id]
    request.account.dirty = True
    return Answer(204)


def _url(body: dict[str, Any]) -> str:
    url = body.get("url")
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise errors.invalid_field("url", "Please enter a valid URL")
    return url


def _flags(body: dict[str, Any], name: str, known: tuple[str, ...]) -> dict[str, bool]:
    sent = body.get(name) or {}
    if not isinstance(sent, dict) or not set(sent) <= set(known):
        raise errors.invalid_field(name, f"Schema describes object with {', '.join(known)}")
    return {each: bool(sent[each]) for each in known if each in sent}


def _validate(url: str) -> None:
    """GET the URL as the vendor does; a sandbox asks loopback only, whatever it is told."""
    if urlsplit(url).hostname not in _LOOPBACK:
        raise errors.invalid_field("url", "The sandbox validates webhooks on this machine only.")
    asked = urllib.request.Request(url, headers={"User-Agent": "MailChimp.com WebHook Validator"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=10) as answer:
            status = answer.status
    except (urllib.error.URLError, OSError):
        status = 0
    if status != 200:
        raise errors.invalid("We could not validate the provided URL: it did not answer with 200.")


def _batch_document(request: Request, hook_id: str, url: str) -> dict[str, Any]:
    return {
        "id": hook_id,
        "url": url,
        "enabled": True,
        "created_at": iso(request.now),
        "_links": links(request.base, f"/batch-webhooks/{hook_id}"),
    }


def batch_listed(request: Request) -> Answer:
    """GET /batch-webhooks."""
    rows = [_batch_document(request, *each) for each in request.account.batch_webhooks.items()]
    return request.collection("webhooks", rows)


def batch_create(request: Request) -> Answer:
    """POST /batch-webhooks; 20 at most."""
    url = _url(request.document())
    if len(request.account.batch_webhooks) >= MAX_BATCH_WEBHOOKS:
        raise errors.invalid(f"You may have up to {MAX_BATCH_WEBHOOKS} batch webhooks.")
    hook_id = hashlib.sha256(f"{url} {request.now}".encode()).hexdigest()[:10]
    request.account.batch_webhooks[hook_id] = url
    request.account.dirty = True
    return request.answer(_batch_document(request, hook_id, url))


def batch_read(request: Request) -> Answer:
    """GET /batch-webhooks/{id}."""
    url = request.account.batch_webhooks.get(request.segments[1])
    if url is None:
        raise errors.not_found()
    return request.answer(_batch_document(request, request.segments[1], url))


def batch_delete(request: Request) -> Answer:
    """DELETE /batch-webhooks/{id}."""
    if request.account.batch_webhooks.pop(request.segments[1], None) is None:
        raise errors.not_found()
    request.account.dirty = True
    return Answer(204)
