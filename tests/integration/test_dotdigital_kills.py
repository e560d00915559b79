"""Killed at any instant while imports are posted, held or read, nobody is lost and no file is posted twice (I3, R38).

An import is no call that may be made again, and the answer to it carries no ids, so this is told from the platform's
own record: which addresses came in which file, and what became of them.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess

import pytest

from console.jobs import export, verifying
from console.jobs.process import alive
from state.model import Action, JobKind, JobState, Outcome
from state.store import open_state
from state.unblock import open_rows, unblock_job
from tests.integration import child
from tests.integration.books import Books, in_book
from tests.integration.test_kills import until_claimed
from tests.integration.world import EVA, Ended

KILLED = -9
FIRST = 20_000
A_REST = 120.0
"""More than the quarantine of the settings."""

STEPS = ("journal:1", "journal:2", "journal:3", "journal:5", "journal:7")
"""Some of all there are; ``make chaos`` takes every one, and every request."""

PLACES = ("reading list", "adding", "answering", "answering:3", "settling:2", "folding:2", "verifying")


@dataclass(slots=True)
class Killings:
    """Where the kills hit, and what a person had to let go."""

    points: list[str] = field(default_factory=list)
    released: set[str] = field(default_factory=set)
    waited: int = 0
    """How often the job ended as waiting on a held import."""


def join(books: Books, count: int, changing: int = 0) -> list[str]:
    """So many people nobody knows, and so many known with another name; their addresses in lower case."""
    books.rows.clear()
    emails = books.put_all(range(FIRST, FIRST + count))
    for i in in_book(changing):
        emails.append(books.put(i, first_name="Anders"))
    books.save()
    return [email.lower() for email in emails]


def posted(books: Books) -> Counter[str]:
    """How often each address left in an import since the mark, whether or not its answer came."""
    return Counter(op["email"].lower() for row in books.posts() for op in row["ops"])


def open_import_ids(books: Books) -> set[str]:
    """Ids of imports that the state holds, whatever became of them."""
    return {
        guid
        for (ticket,) in books.sql("SELECT ticket FROM chunks WHERE ticket <> ''")
        for guid in str(ticket).rpartition(":")[2].split("+")
    }


def stalled(books: Books, job_id: str) -> list[str]:
    """The addresses a stalled job has in doubt: all are unknown, and none of them is an import we hold."""
    with books.state() as state:
        chunks = open_rows(state, job_id)
    assert chunks, "it stands still over nothing"
    assert all(not chunk.ticket for chunk in chunks if chunk.action is not Action.REMOVE)
    unknown = [row.email.lower() for row in books.outcomes(job_id) if row.outcome is Outcome.UNKNOWN]
    assert len(unknown) >= sum(chunk.rows for chunk in chunks)
    return unknown


def let_go(books: Books, job_id: str, killings: Killings) -> Ended:
    """The platform ends what it holds; what reading back does not show even then, a person releases."""
    books.control("release-imports")
    ended = books.ended(-1, job_id)
    for _ in range(3):
        books.move_on(A_REST)
        if not ended.job.state.final:
            ended = books.carry(job_id)
    if ended.job.state is JobState.STALLED:
        killings.released.update(stalled(books, job_id))
        with open_state(books.state_path) as state:
            unblock_job(state, job_id, operator=EVA, now=books.now(), alive=alive)
    ended = books.ended(0, job_id)
    assert ended.job.state.final, ended.log
    return ended


def finish(books: Books, job_id: str, killings: Killings) -> None:
    """Go on, as a person would, until the plan has nothing left to send."""
    let_go(books, job_id, killings)
    plan = books.preview()
    for _ in range(4):
        if not plan.writes:
            return
        ended = books.export(plan)
        assert ended.exit_code == 0, ended.log
        books.move_on(A_REST)
        plan = books.preview()
    raise AssertionError(f"the plan is never empty: {plan.groups}")


def check(books: Books, emails: list[str], killings: Killings) -> None:
    """What must hold however often the job died."""
    times = posted(books)
    again = {email for email, count in times.items() if count > 1}
    assert again <= killings.released, "posted again though nobody released it"
    guids = [op_row["import"] for op_row in books.posts() if op_row.get("import")]
    assert len(guids) == len(set(guids))
    assert open_import_ids(books) <= set(guids)
    platform = books.platform()
    assert [email for email in emails if platform.get(email) != "Subscribed"] == [], "somebody is lost"
    members = {
        str(key): (str(origin), str(consent))
        for key, origin, consent in books.sql(
            "SELECT address_key, origin_id, consent FROM members WHERE gone IS NULL"
        )
    }
    without = [email for email in emails if not members.get(email, ("", ""))[0]]
    assert without == [], "origin ids are complete in the end"
    assert {members[email][1] for email in emails} == {"subscribed"}
    fences = [row["fence"] for row in books.mutations()]
    assert fences == sorted(fences), "an older holder wrote after a newer one"
    assert books.preview().writes == 0


def until_sending(books: Books, job_id: str, carrier: ForkServerProcess) -> None:
    """Wait until the job is about to post its first file, or is over, so that chance falls on the imports too."""
    end = time.monotonic() + 60
    query = "SELECT 1 FROM chunks c JOIN jobs j ON j.no = c.job_no WHERE j.job_id = ?"
    while carrier.is_alive() and not books.sql(query, job_id):
        assert time.monotonic() < end, "the job never came to its imports"
        time.sleep(0.01)


def kill_at_random(
    books: Books, source: random.Random, *, kills: int, longest: float, killings: Killings
) -> str:
    """Carry the export and kill it, again and again, imports held open about half of the time; the last job."""
    job_id = books.new_export(books.preview())
    before = len(killings.points)
    while len(killings.points) - before < kills:
        books.move_on(A_REST)
        held = source.random() < 0.5
        books.control("hold-imports", on=held)
        if not held:
            books.control("release-imports")
        carrier = child.process(
            job_id,
            books.configure(),
            books.state_path,
            books.environment,
            ahead=books.ahead,
            file_rows=books.file_rows,
        )
        carrier.start()
        until_claimed(books, job_id, carrier.pid)
        sending = source.random() < 0.6
        if sending:
            until_sending(books, job_id, carrier)
        seconds = source.uniform(0, longest)
        carrier.join(seconds)
        carrier.kill()
        carrier.join(30)
        code = carrier.exitcode
        carrier.close()
        ((phase, state, waits),) = books.sql(
            "SELECT phase, state, waiting_for FROM jobs WHERE job_id = ?", job_id
        )
        if code == KILLED:
            where = "waiting" if waits else phase or "start"
            after = "posting+" if sending else ""
            killings.points.append(
                f"{after}{seconds:.3f}s:{where}{':held' if held else ''}:{len(books.posts())}"
            )
            killings.waited += bool(waits)
            if not JobState(state).final:  # else the kill came when all was done
                continue
        if state == JobState.STALLED.value:
            stalled(books, job_id)
            let_go(books, job_id, killings)
        plan = books.preview()
        if not plan.writes:
            break
        job_id = books.new_export(plan)
    return job_id


@pytest.fixture
def small(books: Books, monkeypatch: pytest.MonkeyPatch) -> Books:
    """Import files of ten rows, in this process and in those that die."""
    books.file_rows = 10
    child.small_files(monkeypatch.setattr, 10)
    return books


def killed_once(books: Books, *, die_in: str = "", crash_at: str = "") -> Killings:
    emails = join(books, 20, changing=10)
    job_id = books.new_export(books.preview())
    books.mark()
    assert books.killed(job_id, die_in=die_in, crash_at=crash_at) == KILLED, "the kill did not hit"
    killings = Killings([die_in or crash_at])
    finish(books, job_id, killings)
    check(books, emails, killings)
    return killings


@pytest.mark.parametrize("place", PLACES)
def test_R38_killed_in_every_phase_of_an_import_it_goes_on(small: Books, place: str) -> None:
    killed_once(small, die_in=place)


def test_R17_what_reading_back_has_shown_is_not_missed_later(
    small: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by reading back, killed again, and verified from a later listing on, which does not tell of them anew."""
    monkeypatch.setattr(verifying, "FIND_AT_MOST", 3)
    monkeypatch.setattr(export, "_wants_whole", lambda errand: None)  # a whole look would show them once more
    emails = join(small, 20, changing=10)
    job_id = small.new_export(small.preview())
    small.mark()
    assert small.killed(job_id, die_in="answering:2") == KILLED
    small.move_on(A_REST)
    assert small.run(JobKind.CHECK, connection="verband").exit_code == 0  # the platform ends the imports now
    small.move_on(A_REST)
    assert small.killed(job_id, die_in="looking at the list") == KILLED, "right after reading back"
    small.move_on(A_REST)
    looked = len(whole_listings(small))
    ended = small.carry(job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 30}), ended.log
    assert "found-on-reading" in {row.reason for row in small.outcomes(job_id)}
    assert len(whole_listings(small)) == looked, "and no whole listing is needed for it"
    check(small, emails, Killings())


def whole_listings(books: Books) -> list[str]:
    """Requests for everybody in the book."""
    return [row["path"] for row in books.ledger() if row["path"].endswith(f"/{books.list_id}/contacts")]


@pytest.mark.parametrize("step", STEPS)
def test_I03_killed_at_a_step_of_an_import_it_goes_on(small: Books, step: str) -> None:
    killed_once(small, crash_at=step)


def test_R38_eight_random_kills_of_2500_rows(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    books.file_rows = 250
    child.small_files(monkeypatch.setattr, 250)
    seed = random.SystemRandom().randrange(2**32)
    emails = join(books, 2_490, changing=10)
    books.preview()
    books.mark()
    killings = Killings()
    books.control("latency", ms=5, after_ms=5)
    job_id = kill_at_random(books, random.Random(seed), kills=8, longest=1.0, killings=killings)
    books.control("latency", ms=0, after_ms=0)
    print(f"seed {seed}; {len(killings.points)} kills at", *killings.points)
    finish(books, job_id, killings)
    check(books, emails, killings)


@pytest.mark.chaos
def test_I03_every_step_and_request_of_a_small_import(small: Books) -> None:
    hits: dict[str, int] = {}
    released = 0
    for kind in ("journal", "request"):
        for n in range(1, 200):
            again = Books.begin(small.folder.with_name(f"{kind}-{n}"), small.sandbox)
            again.file_rows = 10
            emails = join(again, 20, changing=10)
            job_id = again.new_export(again.preview())
            again.mark()
            code = again.killed(job_id, crash_at=f"{kind}:{n}")
            if code != KILLED:
                assert code == 0
                break
            hits[kind] = n
            killings = Killings()
            finish(again, job_id, killings)
            check(again, emails, killings)
            released += bool(killings.released)
    print(f"killed at every step: {hits}; a person had to release rows {released} times")
    assert hits["journal"] > 5
    assert hits["request"] > 20


@pytest.mark.chaos
def test_R38_fifty_kills_of_25000_contacts(books: Books) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    killings = Killings()
    runs, let_go_runs, again = 0, 0, 0
    began = time.monotonic()
    while len(killings.points) < 50:
        runs += 1
        world = Books.begin(books.folder.with_name(f"killed-{runs}"), books.sandbox)
        emails = join(world, 24_900, changing=100)
        one = Killings()
        world.preview()
        world.mark()
        job_id = kill_at_random(
            world, source, kills=min(8, 50 - len(killings.points)), longest=6.0, killings=one
        )
        finish(world, job_id, one)
        check(world, emails, one)
        killings.points += one.points
        killings.waited += one.waited
        let_go_runs += bool(one.released)
        again += sum(1 for count in posted(world).values() if count > 1)
        assert len({row["import"] for row in world.posts() if row.get("import")}) >= 3, "three files at least"
    print(f"seed {seed}; {len(killings.points)} kills at", *killings.points)
    print(
        f"{runs} runs of 25,000 contacts in {time.monotonic() - began:.0f} s; {killings.waited} kills hit a job waiting"
        f" on a held import; in {let_go_runs} runs a person had to release rows; rows posted again without that: 0;"
        f" posted again after it: {again:,}"
    )
