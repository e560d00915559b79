"""One sandbox for all tests of a process, reset for each; waits of jobs are cut to a hundredth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters import registry
from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from console.jobs.run import Run
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
def in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform in memory stands in the registry."""
    monkeypatch.setitem(registry.PROVIDERS, "fake", "tests.integration.fake_platform")
    monkeypatch.setenv("FAKE_KEY", "key")
