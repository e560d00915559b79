"""A rehearsed CRM for the tests of this folder, as new before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from tests.adapters.wires import Recorder

CONTACTS = 1_400


@pytest.fixture(scope="package")
def running() -> Iterator[RunningSandbox]:
    with RunningSandbox(SandboxOptions(contacts=CONTACTS)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    running.control("oro", "reset")
    return running


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()
