"""A running sandbox for the tests of this folder, put back to its start before each of them."""

from collections.abc import Iterator

import pytest

from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from tests.adapters.sandbox.dotdigital.desk import Desk, Wire


@pytest.fixture(scope="session")
def running_dotdigital() -> Iterator[RunningSandbox]:
    """One process for the whole run."""
    with RunningSandbox(SandboxOptions(contacts=200)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_dotdigital: RunningSandbox) -> RunningSandbox:
    """The process, as it was at its start."""
    running_dotdigital.control("dotdigital", "reset")
    return running_dotdigital


@pytest.fixture
def wire(sandbox: RunningSandbox) -> Iterator[Wire]:
    """A connection to it."""
    opened = Wire(sandbox)
    yield opened
    opened.close()


@pytest.fixture
def desk() -> Desk:
    """A dotdigital in this process."""
    return Desk()
