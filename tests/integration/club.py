"""A club's yearly change of everything, as one export with every kind of write; and what must hold of it.

First a plain export makes sixty people ours. Then some leave the source, change address or name, opt out, and
many join: unsubscriptions, additions, changes, moves and removals in one plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from state.model import Plan
from tests.integration.world import Ended, World, standing

FIRST = 10_000
OURS = 60


@dataclass(slots=True, frozen=True)
class Numbers:
    """How many of each kind the export holds."""

    joining: int
    changing: int
    moving: int
    leaving: int
    withdrawing: int

    @property
    def writes(self) -> int:
        return self.joining + self.changing + self.moving + self.leaving + self.withdrawing


SMALL = Numbers(joining=30, changing=6, moving=4, leaving=5, withdrawing=3)
MIDDLE = Numbers(joining=505, changing=55, moving=15, leaving=15, withdrawing=10)


@dataclass(slots=True, frozen=True)
class Club:
    """The plan to export, the platform before it, and who left before that."""

    plan: Plan
    numbers: Numbers
    opted_out: frozenset[str]
    before: dict[str, str]

    @property
    def options(self) -> dict[str, Any]:
        return {"max_removals": self.numbers.leaving + self.numbers.withdrawing}


def prepare(world: World, numbers: Numbers) -> Club:
    """Everything up to the saved plan; ledger rows count from there."""
    world.link(mode="mirror", more='address_change = "move"')
    world.rows.clear()
    world.put_all(standing("subscribed", 100))
    left = [*world.put_all(standing("unsubscribed", 15)), *world.put_all(standing("cleaned", 5))]
    ours = list(range(FIRST, FIRST + OURS))
    world.put_all(ours)
    world.save()
    first = world.export()
    assert (first.exit_code, dict(first.counts)) == (0, {"sent": OURS}), first.log
    people = iter(ours)
    for _ in range(numbers.leaving):
        world.drop([next(people)])
    for _ in range(numbers.withdrawing):
        world.change(next(people), newsletter_no="yes")
    for i in [next(people) for _ in range(numbers.moving)]:
        world.change(i, email=f"moved.{world.rows[str(i)].email}")
    changed = [*people][: numbers.changing // 2]
    changed += standing("subscribed", numbers.changing - len(changed))
    for i in changed:
        world.change(i, first_name=f"Changed {i}")
    world.put_all(range(FIRST + OURS, FIRST + OURS + numbers.joining))
    world.save()
    plan = world.preview()
    assert plan.writes == numbers.writes, plan.groups
    world.mark()
    return Club(plan, numbers, frozenset(address.lower() for address in left), world.platform())


@dataclass(slots=True, frozen=True)
class Result:
    """What an export left behind, for comparing a disturbed with an undisturbed one."""

    counts: dict[str, int]
    outcomes: dict[str, str]
    platform: dict[str, str]
    ours: frozenset[str]
    members: dict[str, tuple[str, str]]


def result_of(world: World, ended: Ended) -> Result:
    """Read it off the state and the platform."""
    members = {
        str(key): (str(consent), str(mapped))
        for key, consent, mapped in world.sql(
            "SELECT address_key, consent, mapped FROM members WHERE gone IS NULL"
        )
    }
    return Result(
        dict(ended.counts),
        {row.email: row.outcome.value for row in world.outcomes(ended.job.job_id)},
        world.platform(),
        frozenset(world.ours()),
        members,
    )


def check_sent(world: World, club: Club) -> None:
    """What the platform's own record must show, however often the job died (I1, I3, I4)."""
    added: dict[str, int] = {}
    for op in world.ops("add", ok=True):
        added[op["email"].lower()] = added.get(op["email"].lower(), 0) + 1
    assert all(count == 1 for count in added.values()), {k: n for k, n in added.items() if n > 1}
    assert len(added) == club.numbers.joining
    assert not world.asked() & club.opted_out
    statuses = {op["status"] for op in world.ops("change")} | {op["status"] for op in world.ops("address")}
    assert statuses <= {None}, "a change of a known member carried a status"
    fences = [row["fence"] for row in world.mutations()]
    assert fences == sorted(fences), "an older holder wrote after a newer one"


def check_resends(world: World) -> int:
    """Addresses sent more than once: each only over a chunk that was intended anew; returns how many."""
    times: dict[tuple[str, str], int] = {}
    for op in world.ops():
        place = (op["kind"], op["email"].lower())
        times[place] = times.get(place, 0) + 1
    again = {place for place, count in times.items() if count > 1}
    attempts = {
        str(key): int(attempt)
        for key, attempt in world.sql(
            "SELECT p.address_key, max(c.attempt) FROM chunks c JOIN jobs j ON j.no = c.job_no JOIN plans n ON n.plan_id = j.plan_id"
            " JOIN plan_rows p ON p.plan_no = n.no AND p.n BETWEEN c.first AND c.last GROUP BY p.address_key"
        )
    }
    formers = {
        str(former).lower(): str(key)
        for key, former in world.sql(
            "SELECT address_key, json_extract(payload, '$.former') FROM plan_rows WHERE json_extract(payload, '$.former') IS NOT NULL"
        )
    }
    for _, email in again:
        assert attempts[formers.get(email, email)] > 1, f"{email} was sent again without a new intent"
    return len(again)


def check_journal(world: World, ended: Ended) -> None:
    """The journal tells of every row exactly once (I12, R18)."""
    origin = f"job:{ended.job.job_id}"
    told = world.sql(
        "SELECT address_key, what, count(*) FROM journal WHERE origin = ? AND what NOT IN ('gone', 'appeared', 'consent', 'moved')"
        " GROUP BY address_key, what HAVING count(*) > 1",
        origin,
    )
    assert told == []
    sent = [row for row in world.outcomes(ended.job.job_id) if row.outcome.value == "sent"]
    for row in sent:
        assert any(entry[2] == origin for entry in world.journal(row.email)), row
