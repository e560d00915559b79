"""One sandbox for all tests of a process, reset for each; waits of jobs are cut to a hundredth."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters import registry
from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from console.jobs.run import Run
from tests.integration.books import Books
from tests.integration.child import impatient
from tests.integration.world import CONTACTS, SEED, World


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    ledger = tmp_path_factory.mktemp("sandbox") / "ledger.ndjson"
    with RunningSandbox(SandboxOptions(contacts=CONTACTS, seed=SEED, ledger=ledger)) as sandbox:
        yield sandbox


@pytest.fixture
def world(tmp_path: Path, shared_sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(Run, "_wait", impatient)
    return World.begin(tmp_path / "world", shared_sandbox)


@pytest.fixture
def books(tmp_path: Path, shared_sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Books:
    monkeypatch.setattr(Run, "_wait", impatient)
    return Books.begin(tmp_path / "books", shared_sandbox)


@pytest.fixture
def swift(books: Books, monkeypatch: pytest.MonkeyPatch) -> Books:
    """The same books where a wait of a job costs next to nothing and both clocks move on by it: ours and the platform's."""

    async def moved_on(run: Run, stopped: asyncio.Event, seconds: float) -> None:
        await impatient(run, stopped, min(seconds, 0.1))
        if not stopped.is_set():
            books.move_on(seconds)

    monkeypatch.setattr(Run, "_wait", moved_on)
    return books


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform in memory stands in the registry."""
    monkeypatch.setitem(registry.PROVIDERS, "fake", "tests.integration.fake_platform")
    monkeypatch.setenv("FAKE_KEY", "key")
