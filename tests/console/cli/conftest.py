"""A running sandbox, and a desk with settings and files of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from tests.console.cli.desk import LISTED, SEED, Desk


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """One process for the whole run."""
    with RunningSandbox(SandboxOptions(contacts=LISTED, seed=SEED)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    """The process, as it was at its start (its ledger goes on)."""
    running.control("mailchimp", "reset")
    running.control("mailchimp", "latency", ms=0)
    return running


@pytest.fixture
def desk(tmp_path: Path, sandbox: RunningSandbox) -> Desk:
    """Settings with one link, add-only, from a file of twenty people who are listed and five who are not."""
    folder = tmp_path / "desk"
    folder.mkdir(mode=0o700)
    made = Desk(folder, sandbox)
    made.lay_out()
    made.write_members(made.people([*range(20), *range(LISTED, LISTED + 5)]))
    return made
