"""One connection's trouble starves no other: a platform that never answers holds up its own job alone (R44)."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from console.tui.widgets.status_line import job_line, jobs_now
from state.store import open_state
from tests.console.cli.desk import Desk

DEADLINE = 30.0


@pytest.fixture
def deaf(desk: Desk) -> Iterator[str]:
    """A connection whose server takes every request and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/3.0"
        text = f'\n[connections.deaf]\nprovider = "mailchimp"\nkey = {{ file = "key" }}\nbase_url = "{url}"\n'
        desk.config.write_text(desk.config.read_text() + text)
        yield "deaf"


def running_jobs(desk: Desk, connection: str) -> list[dict[str, Any]]:
    if not desk.state.exists():
        return []
    found = desk.run("jobs", "--json").document
    return [job for job in found if job["connection"] == connection and job["state"] == "running"]


def test_r44_a_platform_that_never_answers_holds_up_its_own_job_alone(desk: Desk, deaf: str) -> None:
    desk.preview()  # the state is there
    command = desk.command("check", deaf)
    with subprocess.Popen(
        command,
        env=desk.child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as hanging:
        try:
            deadline = time.monotonic() + DEADLINE
            while not running_jobs(desk, deaf):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert desk.run("check", "verband").code == 0
            answer = desk.run("sync", "members-news", "--yes", "--json")
            assert (answer.code, answer.document["state"]) == (0, "done"), answer.err
            assert hanging.poll() is None
            assert running_jobs(desk, deaf), "it still waits for its own platform"
            with open_state(desk.state, read_only=True) as state:
                (line,) = [job_line(job, pace).plain for job, pace in jobs_now(state)]
            assert "check deaf" in line
        finally:
            hanging.kill()
