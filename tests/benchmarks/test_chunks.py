"""What a chunk of an export costs in the state: its intent and its answer, each a durable commit."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from statistics import median

from state.chunks import Answer, Grip, answer, intend
from state.jobs import create_job, job_no
from state.leases import take_lease
from state.liveness import ProcessMark
from state.model import Action, JobKind, Operator, Outcome
from state.plans import take_plan
from state.store import open_state
from tests.benchmarks.conftest import Report
from tests.benchmarks.crowd import LINK, NOW, Crowd, first_preview

SIZE = 500
EVA = Operator("eva", "desk")


def test_chunks(crowd: Crowd, tmp_path: Path, report: Report) -> None:
    path = tmp_path / "state.db"
    shutil.copy(crowd.base, path)
    intents: list[float] = []
    answers: list[float] = []
    with open_state(path) as state:
        plan = first_preview(state, crowd)
        job_id = create_job(
            state,
            kind=JobKind.EXPORT,
            connection=LINK.connection,
            link=LINK.name,
            plan_id=plan.plan_id,
            operator=EVA,
            now=NOW,
        )
        fence = take_lease(
            state,
            "account:x",
            job_id=job_id,
            operator=EVA,
            process=ProcessMark("desk", 1, "1", "boot"),
            now=NOW,
            alive=lambda mark: False,
        )
        take_plan(state, plan.plan_id, job_id)
        grip = Grip(job_id, job_no(state, job_id), "account:x", fence, EVA)
        for action in (Action.ADD, Action.CHANGE):
            after = -1
            while True:
                began = time.perf_counter()
                chunk, after = intend(state, grip, plan, action, after=after, size=SIZE, now=NOW)
                if chunk is None:
                    break
                intents.append(time.perf_counter() - began)
                found = [Answer(row.n, Outcome.SENT, "added", f"{row.n:032x}") for row in chunk.rows]
                began = time.perf_counter()
                answer(state, grip, chunk, found, now=NOW)
                answers.append(time.perf_counter() - began)
    assert len(intents) == len(answers) > 0
    report(
        f"a chunk of {SIZE} at {crowd.contacts:,} contacts",
        f"intent {median(intents) * 1000:.1f} ms, answer {median(answers) * 1000:.1f} ms, both durable",
        anchor="one random commit of 500 rows of a million: 4–5 ms",
    )
