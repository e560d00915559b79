"""What happened before the demo begins: real jobs against the sandbox, and people who did something there.

Invariant: nothing is invented in the state; every line of it was written by the job that did the thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from adapters.sandbox.mailchimp.seed import seeded_status
from adapters.sandbox.running import RunningSandbox
from console.cli.failure import CommandRefused
from console.demo.club import Club, write_courses, write_members
from console.demo.home import DemoHome
from console.exit_codes import ExitCode
from console.jobs.ends import JobEnd
from console.jobs.runner import run_inline
from console.settings import connect_link, load_usable
from state.address import address_key
from state.connections import list_rows
from state.model import JobKind, Operator
from state.store import open_state

VENDOR = "mailchimp"
NEWS, COURSES, YOUTH = "members-news", "courses", "youth-camp"


@dataclass(slots=True)
class Stage:
    """The demo's parts, and the check that nobody who opted out was written to."""

    home: DemoHome
    club: Club
    sandbox: RunningSandbox
    operator: Operator
    opted_out_written: int = 0
    """Addresses in request bodies that the platform had as opted out, pending, archived or erased: must stay 0."""
    writes_seen: int = 0
    erased: set[str] = field(default_factory=set)
    """Addresses erased at the platform; those erased before our first export are here only after it."""

    def job(
        self,
        kind: JobKind,
        *,
        connection: str = "verband",
        link: str = "",
        plan_id: str = "",
        options: Mapping[str, object] | None = None,
    ) -> JobEnd:
        """Run a job to its end."""
        return run_inline(
            kind,
            connection=connection,
            link=link,
            plan_id=plan_id,
            operator=self.operator,
            config=self.home.config,
            state_path=self.home.state,
            options=options,
        )

    def must(self, end: JobEnd) -> JobEnd:
        """The end, if the job did what it should."""
        if end.exit_code != 0:
            told = f"A step of the demo did not end as it must ({end.state.value}): {end.text}"
            raise CommandRefused(end.reason or "unknown", told, end.next, exit_code=ExitCode.FAILED)
        return end

    def preview(self, link: str, *, save: bool = False) -> str:
        """A plan of the link; its id."""
        end = self.must(self.job(JobKind.PREVIEW, link=link, options={"save": save}))
        return str(end.result["plan"])

    def export(self, link: str, plan_id: str) -> JobEnd:
        """Export a plan, and look into the platform's ledger for anybody who must not appear there."""
        list_id = load_usable(self.home.config)[0].links[link].list_id
        shut = self._untouchable(list_id)
        before = len(self.sandbox.ledger_rows())
        end = self.job(JobKind.EXPORT, link=link, plan_id=plan_id)
        for row in self.sandbox.ledger_rows()[before:]:
            for op in row.get("ops") or ():
                self.writes_seen += 1
                self.opted_out_written += address_key(op["email"]) in shut
        return end

    def _untouchable(self, list_id: str) -> set[str]:
        """Everybody on a list but the subscribed (and whom the platform keeps for transactions), and the erased."""
        present = self.sandbox.state(VENDOR, list_id)
        mailable = ("subscribed", "transactional")
        shut = {address_key(email) for email, status in present.items() if status not in mailable}
        return shut | self.erased


def make_history(stage: Stage, told: Callable[[str], None]) -> None:
    """An export a while ago, what people did at the platform since, and the files as they are today."""
    home, club, sandbox = stage.home, stage.club, stage.sandbox
    ready = sandbox.ready
    home.write_settings(
        sandbox.url(VENDOR), _keys(str(sandbox.key(VENDOR))), [one["id"] for one in ready["lists"][VENDOR]]
    )
    write_members(home.members, club.former_rows())
    write_courses(home.courses, club.course_rows())
    write_members(home.camp, club.camp_rows())
    told("checking the accounts")
    stage.must(stage.job(JobKind.CHECK))
    stage.job(JobKind.CHECK, connection="abgelaufen")
    stage.job(JobKind.CHECK, connection="voll")
    stage.must(stage.job(JobKind.READ))
    _link_full_account(stage)
    told("the first export")
    stage.must(stage.export(NEWS, stage.preview(NEWS)))
    stage.export(COURSES, stage.preview(COURSES))
    listed = range(club.listed)
    stage.erased |= {address_key(club.email(i)) for i in listed if club.erased_before(i)}
    told("what people did since")
    _people_act(stage)
    stage.must(stage.job(JobKind.FEEDBACK))
    write_members(home.members, club.present_rows())
    told("a preview of today")
    stage.preview(YOUTH, save=True)
    stage.preview(NEWS, save=True)


def _keys(healthy: str) -> dict[str, str]:
    """The sandbox knows special accounts by how their key begins."""
    digits = healthy[:24]
    special = {"abgelaufen": "expired", "voll": "limit", "gedrosselt": "throttled"}
    return {"verband": healthy} | {name: f"{word}{digits}-us0" for name, word in special.items()}


def _link_full_account(stage: Stage) -> None:
    """A link to the account without room: whoever exports it sees what that looks like."""
    stage.must(stage.job(JobKind.READ, connection="voll"))
    with open_state(stage.home.state, read_only=True) as state:
        lists = list_rows(state, "voll")
    settings, _ = load_usable(stage.home.config)
    connect_link(
        settings,
        "camp-full",
        {
            "source": "camp",
            "connection": "voll",
            "list": lists[0].list_id,
            "consent": "camp registration, signed by the parents",
            "fields": {"FNAME": "first_name", "LNAME": "last_name"},
        },
    )


def _people_act(stage: Stage) -> None:
    """At the platform: some leave, one bounces, one is erased, one joins by the form, one is edited by hand."""
    club, control = stage.club, stage.sandbox.control
    unsubscribed, bounced, erased = (
        club.gone_at_platform[at] for at in (slice(0, 3), slice(3, 4), slice(4, 5))
    )
    for verb, people in (("unsubscribe", unsubscribed), ("clean", bounced), ("forget", erased)):
        if people:
            control(VENDOR, verb, emails=[club.email(i) for i in people])
    stage.erased |= {address_key(club.email(i)) for i in erased}
    control(
        VENDOR,
        "subscribe",
        email="durchs.formular@example.org",
        fields={"FNAME": "Ohne", "LNAME": "Mitgliedschaft"},
    )
    known = [i for i in range(club.first + 20, club.listed) if seeded_status(club.seed, i) == "subscribed"]
    control(VENDOR, "edit", email=club.email(known[0]), fields={"FNAME": "Von Hand"})
    control(VENDOR, "move", email=club.email(known[1]), to=f"umgezogen.{club.email(known[1]).lower()}")
