"""The CRM for synchronous callers: sources are read and written by plain iterators in a job's thread."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from adapters.http import Answer
from adapters.loop_thread import LoopThread
from adapters.pace import Limits, RetryPolicy
from adapters.provider import Wire
from adapters.sources.oro.api import OroApi
from adapters.sources.oro.documents import Entity, Page, Value
from adapters.sources.oro.place import OroPlace

T = TypeVar("T")


class OroSession:
    """Connections to one CRM for the time of a ``with`` block; may be left in another thread than entered."""

    def __init__(
        self,
        place: OroPlace,
        wire: Wire | None,
        *,
        writing: bool = False,
        policy: RetryPolicy | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.place = place
        self._loop = LoopThread(f"source {place.entity}")
        try:
            self._api = self._run(_opened(place, wire, writing, policy, limits))
        except BaseException:
            self._loop.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._run(self._api.aclose())
        finally:
            self._loop.close()

    def page(self, entity: str, params: Mapping[str, str]) -> Page:
        """As ``OroApi.page``."""
        return self._run(self._api.page(entity, params))

    def entity(self, entity: str, key: str) -> Entity | None:
        """As ``OroApi.entity``."""
        return self._run(self._api.entity(entity, key))

    def change(self, entity: str, key: str, attributes: Mapping[str, Value]) -> Answer:
        """As ``OroApi.change``."""
        return self._run(self._api.change(entity, key, attributes))

    def create(self, entity: str, attributes: Mapping[str, Value]) -> Answer:
        """As ``OroApi.create``."""
        return self._run(self._api.create(entity, attributes))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run(work)


async def _opened(
    place: OroPlace, wire: Wire | None, writing: bool, policy: RetryPolicy | None, limits: Limits | None
) -> OroApi:
    return OroApi(place, wire, writing=writing, policy=policy, limits=limits)
