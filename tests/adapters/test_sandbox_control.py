"""Rehearsals: each is taken by the sandbox as it is offered, and nothing is ordered of anybody else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pytest_httpx import HTTPXMock

from adapters.origins import on_this_machine
from adapters.provider import Refused
from adapters.registry import PROVIDERS
from adapters.rehearsal import Rehearsal, offered
from adapters.sandbox.dotdigital.control import FIELDS as DOTDIGITAL_VERBS
from adapters.sandbox.dotdigital.import_job import OUTCOMES
from adapters.sandbox.mailchimp.control import FIELDS as MAILCHIMP_VERBS
from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from adapters.sandbox.server import COMMON_VERBS
from adapters.sandbox_control import look_for_sandbox, order
from tests.adapters.loopback import answer, raw_server
from tests.adapters.wires import Recorder

VERBS = {"mailchimp": MAILCHIMP_VERBS, "dotdigital": DOTDIGITAL_VERBS}
ALL = [(name, one) for name in sorted(PROVIDERS) for one in offered(name)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox(SandboxOptions(contacts=50)) as running:
        yield running


def test_every_platform_has_rehearsals_with_names_of_their_own_and_a_way_back() -> None:
    for name in PROVIDERS:
        known = [one.name for one in offered(name)]
        assert len(known) == len(set(known))
        assert "normal" in known
        assert "no-answer" in known
    assert offered("oro") == offered("nobody") == ()


def test_every_end_of_an_import_can_be_rehearsed() -> None:
    ends = [
        arguments["status"]
        for one in offered("dotdigital")
        for verb, arguments in one.orders
        if verb == "next-import" and "count" not in arguments
    ]
    assert sorted(map(str, ends)) == sorted(OUTCOMES)


@pytest.mark.parametrize(("provider", "one"), ALL, ids=[f"{name}-{one.name}" for name, one in ALL])
def test_a_rehearsal_says_what_it_is_and_orders_what_there_is(provider: str, one: Rehearsal) -> None:
    assert one.label
    assert one.help.endswith(".")
    assert one.orders
    for verb, _ in one.orders:
        assert verb in VERBS[provider] or verb in COMMON_VERBS


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
async def test_the_sandbox_takes_each_of_them(provider: str, sandbox: RunningSandbox) -> None:
    for one in offered(provider):
        await order(provider, sandbox.url(provider), one, Recorder().wire())


async def test_what_is_ordered_happens_to_the_next_import(sandbox: RunningSandbox) -> None:
    known = {one.name: one for one in offered("dotdigital")}
    url = sandbox.url("dotdigital")
    sandbox.control("dotdigital", "reset")
    await order("dotdigital", url, known["import-watchdog"], Recorder().wire())
    await order("dotdigital", url, known["import-failed"], Recorder().wire())
    ordered = sandbox.control("dotdigital", "next-import")["ordered"]
    assert ordered == 2, (
        "the end chosen last, and the one ordered here: a choice takes the place of the one before"
    )


async def test_a_server_that_is_no_sandbox_gets_no_order() -> None:
    (one, *_) = offered("dotdigital")
    pages = [
        answer(b"", "404 Not Found"),
        answer(json.dumps({"ready": False}).encode()),
        answer(json.dumps({"ready": True, "urls": {"mailchimp": "http://127.0.0.1:1/x"}}).encode()),
        answer(json.dumps(["ready"]).encode()),
    ]
    for page in pages:
        async with raw_server(page) as server:
            with pytest.raises(Refused) as refused:
                await order("dotdigital", f"{server.url}/dotdigital/v2", one, Recorder().wire())
            assert refused.value.reason == "not-a-sandbox"
            assert refused.value.next
            assert [head.split(b" ")[:2] for head in server.requests] == [[b"GET", b"/__sandbox__/ready"]]


@pytest.mark.parametrize(
    "url",
    [
        "https://r1-api.dotdigital.com/v2",
        "http://example.org/dotdigital/v2",
        "https://127.0.0.1:8600/dotdigital/v2",
        "",
        "nonsense",
    ],
)
async def test_only_this_machine_is_asked(url: str, httpx_mock: HTTPXMock) -> None:
    assert not on_this_machine(url)
    with pytest.raises(Refused) as refused:
        await look_for_sandbox("dotdigital", url, Recorder().wire())
    assert refused.value.reason == "not-a-sandbox"
    assert httpx_mock.get_requests() == []


async def test_a_sandbox_that_is_gone_is_told_as_such(sandbox: RunningSandbox) -> None:
    with pytest.raises(Refused) as refused:
        await look_for_sandbox("dotdigital", "http://127.0.0.1:9/dotdigital/v2", Recorder().wire())
    assert refused.value.reason == "not-a-sandbox"


async def test_a_wire_that_only_reads_orders_nothing(sandbox: RunningSandbox) -> None:
    from adapters.provider import WriteRefused

    (one, *_) = offered("dotdigital")
    with pytest.raises(WriteRefused):
        await order("dotdigital", sandbox.url("dotdigital"), one, Recorder().wire(read_only=True))
