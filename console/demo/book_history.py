"""What happened before the demo begins at dotdigital and in the CRM: real jobs, and people who did something.

Invariant: nothing is invented in the state; every line of it was written by the job that did the thing. The import
that still waits began three hours ago by the clock of its job.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from adapters.sandbox.running import RunningSandbox
from console.demo.club import HOSTILE_NAMES
from console.demo.crm import FORM, NAMELESS_FORM, Crm
from console.demo.parts import DOTDIGITAL, ORO, Stage
from console.demo.settings_text import (
    BACK,
    CRM_LINK,
    EVERYBODY,
    NOT_BACK,
    SOUTH_LINK,
    TOURS_LINK,
    TRIAL,
)
from console.jobs.ends import JobEnd
from console.jobs.run import Listener
from state.model import JobKind, LogLine
from state.moments import utc_now

WAITED = timedelta(hours=3)
"""Longer than a job follows an import by itself."""

TRIED = timedelta(days=8)
"""So long ago was the trial; longer than a list is read by its changes only."""


def make_book_history(stage: Stage, told: Callable[[str], None], *, waiting: bool = True) -> None:
    """A trial with some of the CRM's people, what happened since on both sides, and the settings as they are today.

    ``waiting``: an import is left that the platform works on.
    """
    control, crm = stage.sandbox.control, stage.crm
    told("the address book and the CRM")
    import_ends(stage.sandbox, polls=0)
    _make_trial_group(stage.sandbox, crm)
    control(DOTDIGITAL, "clock", advance=-TRIED.total_seconds())
    _trial(stage, told)
    control(DOTDIGITAL, "clock", advance=TRIED.total_seconds())
    told("what happened on both sides since")
    for name in ("freunde-abgelaufen", "freunde-sued"):
        stage.job(JobKind.CHECK, connection=name)
    stage.must(stage.job(JobKind.READ, connection="freunde"))
    _people_act(stage.sandbox, crm)
    stage.must(stage.job(JobKind.FEEDBACK, connection="freunde"))
    stage.home.change_settings((TRIAL, EVERYBODY), (NOT_BACK, BACK))
    if waiting:
        told("an import that the platform works on")
        _begin_an_import(stage)
    told("a preview of today")
    stage.preview(TOURS_LINK, save=True)
    stage.preview(CRM_LINK, save=True)
    import_ends(stage.sandbox, polls=1)


def _trial(stage: Stage, told: Callable[[str], None]) -> None:
    """Eight days ago: the first export, one whose import was refused, and a look at what was sent."""

    def then() -> datetime:
        return utc_now() - TRIED

    stage.must(stage.job(JobKind.CHECK, connection="freunde", now=then))
    told("a trial with some of the CRM's people")
    stage.must(stage.export(CRM_LINK, stage.preview(CRM_LINK, now=then), now=then))
    stage.sandbox.control(DOTDIGITAL, "next-import", status="RejectedByWatchdog", polls=0)
    stage.export(TOURS_LINK, stage.preview(TOURS_LINK, now=then), now=then)
    told("what was sent to the address books")
    stage.must(stage.job(JobKind.CAMPAIGNS, connection="freunde", now=then))


def import_ends(sandbox: RunningSandbox, *, polls: int) -> None:
    """From now on the platform is done with an import after so many questions about it."""
    sandbox.control(DOTDIGITAL, "next-import", polls=polls, count=0)


def _make_trial_group(sandbox: RunningSandbox, crm: Crm) -> None:
    """In the CRM: some people try the magazine first, and some have names as real registers do.

    And few enough are in the address book only for the guard of what is written into the source.
    """
    sandbox.control(DOTDIGITAL, "remove", emails=[crm.email(i) for i in crm.not_in_book])
    for i in (*crm.known, *crm.joined):
        sandbox.control(ORO, "edit", id=crm.contact(i), groups=["1", "2"])
    for number, (first_name, last_name) in enumerate(HOSTILE_NAMES):
        names = {"firstName": first_name, "lastName": last_name}
        email = f"boese.namen{number}@example.net"
        sandbox.control(ORO, "add", attributes={**names, "primaryEmail": email}, groups=["1"])


def _people_act(sandbox: RunningSandbox, crm: Crm) -> None:
    """In the CRM and at the platform: people leave, move, bounce, join, and are edited by hand."""
    _in_the_crm(sandbox, crm)
    for verb, people in (
        ("unsubscribe", crm.left_book),
        ("unsubscribe-account", crm.left_account),
        ("bounce", crm.bounced),
        ("remove", crm.taken_out),
    ):
        if people:
            sandbox.control(DOTDIGITAL, verb, emails=[crm.email(i) for i in people])
    names = {"FIRSTNAME": "Ohne", "LASTNAME": "Mitgliedschaft"}
    sandbox.control(DOTDIGITAL, "subscribe", email=FORM, fields=names)
    sandbox.control(DOTDIGITAL, "subscribe", email=NAMELESS_FORM)
    for i in crm.renamed_there:
        sandbox.control(DOTDIGITAL, "edit", email=crm.email(i), fields={"FIRSTNAME": "Von Hand"})
    for i in crm.renamed_twice:
        sandbox.control(DOTDIGITAL, "edit", email=crm.email(i), fields={"LASTNAME": "Dort-Anders"})


def _in_the_crm(sandbox: RunningSandbox, crm: Crm) -> None:
    for i in crm.deleted:
        sandbox.control(ORO, "delete", id=crm.contact(i))
    for i in crm.moved:
        email = f"neu.{crm.email(i)}"
        sandbox.control(ORO, "edit", id=crm.contact(i), attributes={"primaryEmail": email})
    for i in (*crm.renamed_here, *crm.renamed_twice):
        sandbox.control(ORO, "edit", id=crm.contact(i), attributes={"lastName": "Hier-Anders"})
    for i in crm.withdrew:
        sandbox.control(ORO, "edit", id=crm.contact(i), attributes={"newsletterOptOut": True})


def _begin_an_import(stage: Stage) -> JobEnd:
    """An export whose import the platform does not end; its job has given up asking and waits."""
    plan_id = stage.preview(SOUTH_LINK)
    stage.sandbox.control(DOTDIGITAL, "hold-imports", on=True)
    began: list[datetime] = []

    def now() -> datetime:
        return utc_now() if began else utc_now() - WAITED

    def on_line(line: LogLine) -> None:
        if "NotFinished" in line.text:
            began.append(line.at)

    try:
        return stage.export(SOUTH_LINK, plan_id, now=now, listener=Listener(on_line=on_line))
    finally:
        stage.sandbox.control(DOTDIGITAL, "hold-imports", on=False)
