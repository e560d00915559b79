"""What happened before the demo begins: real jobs against the sandbox, and people who did something there.

Invariant: nothing is invented in the state; every line of it was written by the job that did the thing.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.sandbox.mailchimp.seed import seeded_status
from adapters.sandbox.running import RunningSandbox
from console.demo.book_history import make_book_history
from console.demo.club import write_courses, write_members
from console.demo.parts import DOTDIGITAL, MAILCHIMP, ORO, Stage
from console.settings import connect_link, load_usable
from state.address import address_key
from state.connections import list_rows
from state.model import JobKind
from state.store import open_state

NEWS, COURSES, YOUTH = "members-news", "courses", "youth-camp"


def make_history(stage: Stage, told: Callable[[str], None], *, waiting: bool = True) -> None:
    """Exports a while ago, what people did at the platforms since, and the files as they are today.

    ``waiting``: an import is left that a platform works on.
    """
    home, club = stage.home, stage.club
    home.write_settings(*_words_and_secrets(stage.sandbox))
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
    make_book_history(stage, told, waiting=waiting)
    told("a preview of today")
    stage.preview(YOUTH, save=True)
    stage.preview(NEWS, save=True)


def _words_and_secrets(sandbox: RunningSandbox) -> tuple[dict[str, str], dict[str, str]]:
    """What the settings' text has in braces, and the secrets by the names of their files."""
    ready = sandbox.ready
    words = {platform: sandbox.url(platform) for platform in (MAILCHIMP, DOTDIGITAL, ORO)}
    for name, found in zip(("news", "courses", "youth"), ready["lists"][MAILCHIMP], strict=True):
        words[name] = found["id"]
    secrets = {f"{name}-key": key for name, key in _keys(str(sandbox.key(MAILCHIMP))).items()}
    logins = ready["rehearsals"][DOTDIGITAL]
    for name, login in {
        "freunde": sandbox.key(DOTDIGITAL),
        "freunde-sued": logins["region"],
        "freunde-abgelaufen": logins["expired"],
        "freunde-voll": logins["limit"],
        "freunde-gedrosselt": logins["throttled"],
        "freunde-stunde": logins["flat"],
        "freunde-gateway": logins["gateway"],
    }.items():
        words[name] = login["user"]
        secrets[f"{name}-password"] = login["password"]
    books = ready["lists"][DOTDIGITAL]
    words |= {"magazine": books[0]["id"], "tours": books[1]["id"], "south": logins["region"]["lists"][0]}
    words["client"] = sandbox.key(ORO)["client_id"]
    secrets["crm-secret"] = sandbox.key(ORO)["client_secret"]
    return words, secrets


def _keys(healthy: str) -> dict[str, str]:
    """Mailchimp's sandbox knows special accounts by how their key begins."""
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
            control(MAILCHIMP, verb, emails=[club.email(i) for i in people])
    stage.erased |= {address_key(club.email(i)) for i in erased}
    control(
        MAILCHIMP,
        "subscribe",
        email="durchs.formular@example.org",
        fields={"FNAME": "Ohne", "LNAME": "Mitgliedschaft"},
    )
    known = [i for i in range(club.first + 20, club.listed) if seeded_status(club.seed, i) == "subscribed"]
    control(MAILCHIMP, "edit", email=club.email(known[0]), fields={"FNAME": "Von Hand"})
    control(MAILCHIMP, "move", email=club.email(known[1]), to=f"umgezogen.{club.email(known[1]).lower()}")
