"""A sandbox for the tests of this folder, as new before each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from adapters.dotdigital.provider import Dotdigital
from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from tests.adapters.dotdigital.rehearsing import CONTACTS, open_account
from tests.adapters.wires import Recorder


@pytest.fixture(scope="package")
def running() -> Iterator[RunningSandbox]:
    with RunningSandbox(SandboxOptions(contacts=CONTACTS)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    running.control("dotdigital", "reset")
    return running


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def dotdigital(sandbox: RunningSandbox, recorder: Recorder) -> AsyncIterator[Dotdigital]:
    account = open_account(sandbox, recorder)
    yield account
    await account.aclose()
