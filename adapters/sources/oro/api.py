"""The CRM's JSON:API over the one transport: access tokens, lists, single entities, changes.

Invariants: a token that ran out is replaced once a request (a refused request did nothing, so it is safe to ask
again); besides reading only the token request leaves, unless the API was opened for writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adapters.http import Allowed, Answer, Client
from adapters.origins import Route, route
from adapters.pace import Limits, RetryPolicy
from adapters.provider import CredentialsRefused, Unrecognised, Wire
from adapters.secret import Secret
from adapters.source import SourceUnreadable
from adapters.sources.oro.documents import (
    MEDIA_TYPE,
    Entity,
    Page,
    Value,
    complaints_of,
    entity_of,
    excerpt,
    page_of,
    refusal_of,
)
from adapters.sources.oro.place import OroPlace

TOKEN_ROUTE = Route("/oauth2-token", "/oauth2-token")
POLICY = RetryPolicy(tries=3, waits=(2.0, 5.0), trusts_503=False)
"""A 503 may come from a proxy that lost patience: whether a write was done is looked up."""
USER_AGENT = "listwarden"


class OroApi:
    """One CRM. Build it inside the event loop that uses it, and ``aclose`` it."""

    def __init__(
        self,
        place: OroPlace,
        wire: Wire | None,
        *,
        writing: bool = False,
        policy: RetryPolicy | None = None,
        limits: Limits | None = None,
    ) -> None:
        given = wire or Wire(USER_AGENT, read_only=not writing)
        used = given if writing else replace(given, read_only=True)
        self._place = place
        self._auth: dict[str, Secret] = {}
        policy = policy or POLICY
        below = f"{place.prefix}/api/{{entity}}"
        self._list, self._one = below, below + "/{id}"
        self._api = Client(
            place.base_url,
            self._auth,
            used,
            reads=(Allowed.of("GET", self._list), Allowed.of("GET", self._one)),
            writes=(Allowed.of("PATCH", self._one), Allowed.of("POST", self._list)),
            policy=policy,
            limits=limits,
            headers={
                "Accept": MEDIA_TYPE,
                "Content-Type": MEDIA_TYPE,
                "X-Include": "totalCount; noHateoas",
            },
        )
        self._tokens = Client(
            place.base_url,
            {},
            used,
            reads=(Allowed.of("POST", TOKEN_ROUTE.template),),  # it changes nothing in the CRM
            policy=policy,
            limits=limits,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._api.aclose()
        await self._tokens.aclose()

    async def page(self, entity: str, params: Mapping[str, str]) -> Page:
        """One list request; raises ``AdapterError`` (``SourceUnreadable`` for settings)."""
        answer = await self._ask("GET", route(self._list, entity=entity), params=params)
        if answer.status != 200:
            raise refusal_of(answer, entity)
        return page_of(answer)

    async def entity(self, entity: str, key: str) -> Entity | None:
        """One entity; None when the CRM has none of that id."""
        answer = await self._ask("GET", route(self._one, entity=entity, id=key))
        if answer.status == 404 and complaints_of(answer):
            return None
        if answer.status != 200:
            raise refusal_of(answer, entity)
        return entity_of(answer)

    async def change(self, entity: str, key: str, attributes: Mapping[str, Value]) -> Answer:
        """Set attributes of one entity; the answer of any status below 500."""
        document = {"data": {"type": entity, "id": key, "attributes": dict(attributes)}}
        return await self._ask("PATCH", route(self._one, entity=entity, id=key), content=document)

    async def create(self, entity: str, attributes: Mapping[str, Value]) -> Answer:
        """Create one entity; the answer of any status below 500."""
        document = {"data": {"type": entity, "attributes": dict(attributes)}}
        return await self._ask("POST", route(self._list, entity=entity), content=document)

    async def _ask(
        self,
        method: str,
        path: Route,
        *,
        params: Mapping[str, str] | None = None,
        content: object = None,
    ) -> Answer:
        fresh = not self._auth
        if fresh:
            await self._renew()
        answer = await self._api.send(method, path, params=params, content=content)
        if answer.status == 401 and not fresh:
            await self._renew()
            answer = await self._api.send(method, path, params=params, content=content)
        return answer

    async def _renew(self) -> None:
        """A new access token (client credentials, valid for ``expires_in`` seconds, mostly 3600)."""
        content = {
            "grant_type": "client_credentials",
            "client_id": self._place.client_id,
            "client_secret": self._place.client_secret.reveal(),
        }
        answer = await self._tokens.send("POST", TOKEN_ROUTE, content=content)
        document = answer.document()
        bare = answer.status == 401 and not answer.body
        if bare or (answer.status in (400, 401, 403) and document is not None):
            told = document or {}
            words = told.get("error_description") or told.get("message") or told.get("error") or ""
            raise CredentialsRefused(
                "source-key-refused",
                "The CRM refuses the client id or the client secret.",
                "Copy both again from the OAuth application in the CRM, which must be active.",
                raw=str(words)[:500],
            )
        if answer.status in (401, 403):
            raise refusal_of(answer, "tokens")
        if answer.status in (404, 405):
            raise SourceUnreadable(
                "source-missing",
                f"There is no {TOKEN_ROUTE.text} at base_url.",
                "Set base_url to the address the CRM is opened at, without /api or /admin.",
                raw=excerpt(answer),
            )
        token = document.get("access_token") if document is not None and answer.status == 200 else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
            raise Unrecognised(
                "answer-not-understood",
                f"The CRM answered {answer.status} to the token request, and gave no token.",
                "Check base_url: is it the CRM itself?",
            )
        self._auth["Authorization"] = Secret(f"Bearer {token}")
