"""An export against the sandbox: how near to what the connections allow, and how much memory it wants."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mailchimp_marketing
import pytest

from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.people import person
from adapters.sandbox.running import RunningSandbox
from console.jobs.process import spawn_job
from state.model import JobState
from state.moments import moment
from tests.benchmarks.conftest import Report
from tests.integration.world import World

LATENCY = 0.2
CONNECTIONS = 8
CHUNK = 500
SEED = 21
ELSEWHERE = 50_000_000
"""Where the numbers of the people begin whom the vendor's own client adds."""

DEADLINE = 900.0


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    with RunningSandbox(SandboxOptions(contacts=10, seed=SEED, ledger=tmp_path / "ledger.ndjson")) as running:
        yield running


def exported(folder: Path, sandbox: RunningSandbox, rows: int, latency: float) -> tuple[float, float, float]:
    """Add that many people; seconds from the first intent to the last answer, and of the whole job, and its peak in MB.

    The job runs as the product runs it: detached, in a process of its own, every intent and answer durable.
    """
    world = World.begin(folder, sandbox)
    world.link(mode="add-only", more="")
    source = folder / "members.csv"
    with source.open("w", encoding="utf-8") as file:
        file.write("person_id,email,first_name,last_name,newsletter_no\n")
        for i in range(rows):
            who = person(SEED, 1_000 + i)
            file.write(f"{i},{who.email},{who.first_name},{who.last_name},\n")
    plan = world.preview()
    assert plan.counts["new"] == rows
    job_id = world.new_export(plan)
    world.control("latency", ms=latency * 1000)
    began = time.perf_counter()
    pid = spawn_job(job_id, config=folder / "listwarden.toml", state_path=world.state_path)
    peak = 0.0
    while True:
        peak = max(peak, _peak(pid))
        job = world.ended(0, job_id).job
        if job.state.final or time.perf_counter() - began > DEADLINE:
            break
        time.sleep(0.1)
    whole = time.perf_counter() - began
    world.control("latency", ms=0)
    assert job.state is JobState.DONE, (job.state, job.text)
    assert job.counts == {"sent": rows}
    first, last = world.sql("SELECT min(intended_at), max(answered_at) FROM chunks")[0]
    return (moment(last) - moment(first)).total_seconds(), whole, peak


def _peak(pid: int) -> float:
    """The most memory a process ever had, in MB; 0 when it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM:")), 0.0)


def test_export_at_latency(
    tmp_path: Path, sandbox: RunningSandbox, report: Report, request: pytest.FixtureRequest
) -> None:
    rows = int(request.config.getoption("--sent"))
    seconds, whole, _ = exported(tmp_path / "ours", sandbox, rows, LATENCY)
    theory = CONNECTIONS * CHUNK / LATENCY
    rate = rows / seconds
    theirs = _official(sandbox)
    report(
        f"export of {rows:,} at {LATENCY * 1000:.0f} ms, {CONNECTIONS} connections",
        f"{rate / theory:.0%} of theory ({rate:,.0f} of {theory:,.0f} contacts/s; the job with reading and verifying {whole:.1f} s)",
        goal="≥ 85 % of theory",
        anchor=f"official client, one call after the other: {theirs / theory:.0%} ({theirs:,.0f} contacts/s)",
    )


def _official(sandbox: RunningSandbox, chunks: int = 10) -> float:
    """Contacts a second of the vendor's own client."""
    client: Any = mailchimp_marketing.Client()
    client.set_config({"api_key": sandbox.key("mailchimp"), "server": "us0"})
    client.api_client.host = sandbox.url("mailchimp")
    list_id = sandbox.ready["lists"]["mailchimp"][0]["id"]
    bodies = []
    for chunk in range(chunks):
        start = ELSEWHERE + chunk * CHUNK
        people = [person(SEED, i) for i in range(start, start + CHUNK)]
        members = [
            {
                "email_address": who.email,
                "status": "subscribed",
                "merge_fields": {"FNAME": who.first_name, "LNAME": who.last_name},
            }
            for who in people
        ]
        bodies.append({"members": members, "update_existing": False})
    sandbox.control("mailchimp", "latency", ms=LATENCY * 1000)
    began = time.perf_counter()
    for body in bodies:
        answer = client.lists.batch_list_members(list_id, body)
        assert answer["total_created"] == CHUNK
    taken = time.perf_counter() - began
    sandbox.control("mailchimp", "latency", ms=0)
    return chunks * CHUNK / taken


def test_export_memory(
    tmp_path: Path, sandbox: RunningSandbox, report: Report, request: pytest.FixtureRequest
) -> None:
    rows = int(request.config.getoption("--sent-at-once"))
    _, _, at_start = exported(tmp_path / "one", sandbox, 1, 0)
    seconds, _, peak = exported(tmp_path / "many", sandbox, rows, 0)
    report(
        f"export memory, {rows:,} contacts",
        f"{peak - at_start:.0f} MB over an export of one ({at_start:.0f} MB); {rows / seconds:,.0f} contacts/s without latency",
        goal="≤ 150 MB over start",
        anchor="lists of objects: 600 MB up for a million",
    )
