"""Starts a coroutine as a worker of a page or widget: it ends with its owner, and an error in it is a crash.

A coroutine that is replaced before it began is never made, hence a function and its arguments. Textual takes the
children of a screen away before it cancels the screen's workers: one that comes back in that moment finds nothing
to write to, which is no fault.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ParamSpec, cast

from textual.css.query import NoMatches
from textual.dom import DOMNode

_P = ParamSpec("_P")
Work = Callable[_P, Coroutine[Any, Any, Any]]


def start(owner: DOMNode, group: str, work: Work[_P], *args: _P.args, **kwargs: _P.kwargs) -> None:
    """Run ``work(…)`` beside the others of its group."""
    _start(owner, group, partial(work, *args, **kwargs), exclusive=False)


def start_alone(owner: DOMNode, group: str, work: Work[_P], *args: _P.args, **kwargs: _P.kwargs) -> None:
    """Run ``work(…)`` and cancel what the group was doing."""
    _start(owner, group, partial(work, *args, **kwargs), exclusive=True)


def _start(owner: DOMNode, group: str, work: partial[Coroutine[Any, Any, Any]], *, exclusive: bool) -> None:
    async def guarded() -> None:
        try:
            await work()
        except NoMatches:
            if not _leaving(owner):
                raise

    owner.run_worker(cast(Any, guarded), group=group, exclusive=exclusive)


def _leaving(owner: DOMNode) -> bool:
    """Whether the owner is being taken away, or the whole console ends."""
    return not owner.app.is_running or any(
        node._closing or node._closed or node._pruning for node in owner.ancestors_with_self
    )
