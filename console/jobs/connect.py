"""Opens what a job needs: settings, the provider behind a connection, the account it belongs to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.provider import ConnectionSettings, Provider
from adapters.registry import provider_kind
from console.jobs.run import Run
from console.settings import Settings, load_usable, settings_path
from state.connections import account_of, put_account
from state.leases import lease_name
from state.slots import READ

EXPORT = "export"
"""Purpose of the places an export holds at an account."""


def load_settings(run: Run) -> Settings:
    """The usable part of the settings this job works by; one broken entry does not stop the others (R21)."""
    settings, _ = load_usable(settings_path(run.config))
    return settings


@asynccontextmanager
async def opened(
    run: Run,
    connection: ConnectionSettings,
    *,
    read_only: bool = True,
    purpose: str = READ,
    account: str = "",
) -> AsyncIterator[Provider]:
    """A provider for the time of the block.

    Reading is the default: only an export and an opt-in open for writing (design law 7). ``account`` is the
    account's lease name; without it the account is the one the last check told.
    """
    if not account:
        account_id = await run.db(account_of, connection.name)
        account = lease_name(connection.provider, account_id or f"connection {connection.name}")
    wire = run.wire(connection, read_only=read_only, purpose=purpose, account=account)
    provider = provider_kind(connection.provider).open(connection, wire)
    try:
        yield provider
    finally:
        await provider.aclose()
    await run.rest()


async def account_lease(run: Run, connection: ConnectionSettings) -> str:
    """The lease name of the account a connection leads to now; asks the platform and remembers."""
    async with opened(run, connection) as provider:
        account = await provider.account()
    await run.db(
        put_account, connection.name, connection.provider, account.account_id, account.name, run.now()
    )
    return lease_name(connection.provider, account.account_id)
