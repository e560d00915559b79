"""Leaving one book and being shut out of the account are two things, wherever somebody looks: the preview and
``explain`` on the command line, and the console's screen (dotdigital contract §5)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.sandbox.people import person
from console.cli.app import build
from console.tui.app import ConsoleApp
from console.tui.places import Place, PlaceKind
from console.tui.screens.explain import ExplainPage
from state.model import Scope
from state.reasons import REASONS
from tests.integration.books import Books, in_book, left_book, of_account
from tests.integration.world import EVA, LINK, SEED

WORDS = {
    "left": ("unsubscribed", "from this list only"),
    "unsubscribed": ("unsubscribed-account", "gets no mail from any list of the account"),
    "suppressed": ("suppressed-account", "gets no mail from any list of the account"),
}
"""Who: the reason of their row, and what the answer says of it."""


@pytest.fixture
def people(books: Books) -> dict[str, str]:
    """One of each in the source, besides some who are in sync; addresses as the source writes them."""
    books.put_all(in_book(5))
    numbers = {
        "left": left_book(1)[0],
        "unsubscribed": of_account("Unsubscribed", 1)[0],
        "suppressed": of_account("Suppressed", 1)[0],
    }
    found = {who: books.put(i) for who, i in numbers.items()}
    books.save()
    return found


def told(books: Books, *words: str) -> Any:
    """What a command says as JSON."""
    places = ("--config", str(books.configure()), "--state", str(books.state_path))
    result = CliRunner(env=books.environment).invoke(
        build(), [*words, *places, "--json"], prog_name="listwarden"
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_preview_counts_them_as_one_class_and_tells_two_reasons(
    books: Books, people: dict[str, str]
) -> None:
    document = told(books, "preview", LINK, "--save")
    assert document["writes"] == 0
    assert document["counts"]["unsubscribed-ignored"] == 3
    plan = books.plan(document["plan"])
    reasons = {
        group.reason: group.rows for group in plan.groups if group.row_class.value == "unsubscribed-ignored"
    }
    assert reasons == {"unsubscribed": 1, "unsubscribed-account": 1, "suppressed-account": 1}


@pytest.mark.parametrize("who", WORDS)
def test_explain_tells_them_apart(books: Books, people: dict[str, str], who: str) -> None:
    books.preview()
    document = told(books, "explain", people[who])
    (link,) = document["links"]
    reason, words = WORDS[who]
    assert (link["class"], link["reason"]) == ("unsubscribed-ignored", reason)
    assert words in document["answer"]
    others = {other for one, (_, other) in WORDS.items() if WORDS[one][1] != words}
    assert not [other for other in others if other in document["answer"]]


@pytest.mark.parametrize("who", WORDS)
async def test_the_screen_tells_them_apart(books: Books, people: dict[str, str], who: str) -> None:
    reason, words = WORDS[who]
    await _preview(books)
    app = ConsoleApp(
        config=books.configure(),
        state_path=books.state_path,
        operator=EVA,
        place=Place(PlaceKind.ADDRESS, people[who]),
    )
    async with app.run_test(size=(160, 50)) as pilot:
        for _ in range(3):
            await pilot.pause()
            await app.workers.wait_for_complete()
        page = app.screen
        assert isinstance(page, ExplainPage)
        shown = page.copy_text()
        row = page.links.row
    assert words in shown
    assert f"[{reason}]" in shown
    assert REASONS[reason].next in shown
    assert row is not None
    assert row.scope is (Scope.LIST if who == "left" else Scope.ACCOUNT)


async def _preview(books: Books) -> None:
    """The preview's job has an event loop of its own, so it runs in a thread."""
    await asyncio.to_thread(books.preview)


def test_R01_an_opt_out_of_the_account_shuts_out_of_a_book_they_never_were_on(books: Books) -> None:
    """Known to the account and to no book of ours: the account's list is read from its beginning (oro defect 7)."""
    books.link(list_id="4712")
    (suppressed,), (left,) = of_account("Suppressed", 1), left_book(1)
    books.put(suppressed)
    books.put(left)
    books.save()
    plan = books.preview()
    assert books.plan_row(plan, person(SEED, suppressed).email).reason == "suppressed-account"
    newcomer = books.plan_row(plan, person(SEED, left).email)
    assert newcomer.reason != "unsubscribed", "having left another book says nothing of this one"


def test_R02_an_export_lifts_neither_level(books: Books, people: dict[str, str]) -> None:
    """Names differ and the link updates: whoever left at either level is in no request and stays as they were."""
    before = {email.lower(): books.platform("4400").get(email.lower()) for email in people.values()}
    for row in books.rows.values():
        row.first_name = "Anders"
    books.save()
    ended = books.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 5}), ended.log
    assert not books.asked() & set(before)
    after = books.platform("4400")
    assert {email: after.get(email) for email in before} == before
    assert books.platform()[people["left"].lower()] == "Unsubscribed"
    assert not [row for row in books.ledger() if "resubscribe" in row["path"]]
