"""Merges and splits campaigns for the screens. Blocking calls run in a thread; what went wrong is said in a toast."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from console.tui.text import counted
from state.errors import StateError
from state.marketing import merge_campaigns, split_campaigns
from state.store import State, open_state

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp


async def merge(app: ConsoleApp, connection: str, name: str, campaign_ids: Sequence[str]) -> bool:
    """Count some campaigns as one; False when that was refused (the reason was shown)."""
    done = await _write(app, lambda state: merge_campaigns(state, connection, name, campaign_ids))
    if done:
        app.say(f"{counted(len(campaign_ids), 'campaign')} count to “{' '.join(name.split())}” now.")
    return done


async def split(app: ConsoleApp, connection: str, campaign_ids: Sequence[str]) -> bool:
    """Count each by itself again; False when that was refused."""
    done = await _write(app, lambda state: split_campaigns(state, connection, campaign_ids))
    if done:
        app.say(f"{counted(len(campaign_ids), 'campaign')} count by themselves again.")
    return done


async def _write(app: ConsoleApp, change: Callable[[State], None]) -> bool:
    def write() -> None:
        with open_state(app.state_path) as state:
            change(state)

    try:
        await asyncio.to_thread(write)
    except StateError as error:
        app.say(f"{error.text} {error.next}", error=True)
        return False
    return True
