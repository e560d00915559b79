"""Lists of the rehearsed CRM: pages, filters, sparse fields, counts, refusals (dotdigital contract, OroCRM)."""

import json
from pathlib import Path

import pytest

from adapters.sandbox.oro import Population
from adapters.sandbox.people import person
from adapters.sandbox.vendor import ControlError
from tests.adapters.sandbox.oro.crm_desk import CrmDesk

COUNT = {"x_include": "totalCount; noHateoas"}


def total(crm: CrmDesk, path: str) -> int:
    answer = crm.raw("GET", path, headers={"x-include": "totalCount"})
    assert answer.status == 200, answer.body
    return int(answer.headers["X-Include-Total-Count"])


def test_a_page_has_ten_by_default_and_leads_to_the_next(crm: CrmDesk) -> None:
    document = crm.get("/api/contacts")
    assert [row["id"] for row in document["data"]] == [str(number) for number in range(1, 11)]
    following = document["links"]["next"].partition("/oro")[2]
    assert crm.ids(following) == list(range(11, 21))
    assert "links" not in crm.get("/api/contacts", **COUNT)
    assert len(crm.ids("/api/contacts?page[size]=-1")) == crm.crm.population.size == 222
    assert crm.ids("/api/contacts?page[size]=3&page[number]=2&sort=-id") == [219, 218, 217]


def test_contacts_are_the_people_of_the_other_vendors(crm: CrmDesk) -> None:
    first = crm.get("/api/contacts?page[size]=1")["data"][0]
    who = person(1, 10)
    assert first["attributes"]["primaryEmail"] == who.email
    assert first["attributes"]["memberNumber"] == who.member_id
    assert first["attributes"]["newsletterOptOut"] in (True, False)
    assert first["attributes"]["emails"][0] == {"email": who.email}
    assert first["relationships"]["source"]["data"]["type"] == "contactsources"
    assert set(CrmDesk().crm.state(None)) == set(crm.crm.state(None))
    assert not set(CrmDesk(seed=2).crm.state(None)) & set(crm.crm.state(None)) - {
        "ohne-klammeraffe.example.org"
    }


def test_real_registers_have_odd_people(crm: CrmDesk) -> None:
    last = [row["attributes"]["primaryEmail"] for row in crm.get("/api/contacts?page[size]=-1")["data"][-4:]]
    assert last[3] is None
    assert last[2] == "ohne-klammeraffe.example.org"
    assert last[0] == last[1], "two contacts share an address"


def test_ids_filter_and_count_what_is_left(crm: CrmDesk) -> None:
    assert crm.ids("/api/contacts?filter[id][gt]=5&page[size]=2&sort=id") == [6, 7]
    assert crm.ids("/api/contacts?filter[id]=9,3,999") == [3, 9]
    assert crm.ids("/api/contacts?filter[id][lte]=2") == [1, 2]
    assert total(crm, "/api/contacts?filter[id][gt]=200&page[size]=1") == 22
    assert total(crm, "/api/contacts?filter[id][gte]=200") == 23


def test_saved_filters_pick_by_source_group_and_attributes(crm: CrmDesk) -> None:
    website = crm.ids("/api/contacts?filter[source]=website&page[size]=-1")
    assert 100 < len(website) < 170
    news = crm.ids("/api/contacts?filter[groups]=3&page[size]=-1")
    assert crm.ids("/api/contacts?filter[group]=3&page[size]=-1") == news
    both = crm.ids("/api/contacts?filter[groups]=3&filter[source]=website&page[size]=-1")
    assert both == sorted(set(website) & set(news))
    assert set(crm.ids("/api/contacts?filter[newsletterOptOut]=true&page[size]=-1")) == {
        row["id"] and int(row["id"])
        for row in crm.get("/api/contacts?page[size]=-1")["data"]
        if row["attributes"]["newsletterOptOut"]
    }


def test_addresses_are_searched_letter_by_letter_unless_switched(crm: CrmDesk) -> None:
    email = Population(1, 200).email(20)
    assert crm.ids(f"/api/contacts?filter[primaryEmail]={email},nobody@example.org") == [20]
    assert crm.ids(f"/api/contacts?filter[emails]=privat.{email.lower()}") == [20]
    assert crm.ids(f"/api/contacts?filter[primaryEmail]=privat.{email}") == []
    assert crm.ids(f"/api/contacts?filter[primaryEmail]={email.upper()}") == []
    crm.control("switch", name="search_ignores_case", value=True)
    assert crm.ids(f"/api/contacts?filter[primaryEmail]={email.upper()}") == [20]


def test_updated_at_filters_unless_switched_off(crm: CrmDesk) -> None:
    crm.control("edit", id=7, attributes={"firstName": "Neu"})
    assert crm.ids("/api/contacts?filter[updatedAt][gte]=2026-06-01T00:00:00Z") == [7]
    crm.control("compute", id=8, value=12.5)
    assert crm.ids("/api/contacts?filter[updatedAt][gte]=2026-06-01T00:00:00Z") == [7], (
        "a computed value moves without the contact counting as changed"
    )
    assert crm.get("/api/contacts/8")["data"]["attributes"]["lifetimeValue"] == 12.5
    crm.control("switch", name="filter_updated_at", value=False)
    assert crm.refused("/api/contacts?filter[updatedAt][gte]=2026-06-01T00:00:00Z") == {
        "status": "400",
        "title": "filter constraint",
        "detail": "The filter is not supported.",
        "source": {"parameter": "filter[updatedAt][gte]"},
    }


def test_only_the_named_fields_are_told(crm: CrmDesk) -> None:
    row = crm.get("/api/contacts?fields[contacts]=firstName,lifetimeValue&page[size]=1")["data"][0]
    assert set(row["attributes"]) == {"firstName", "lifetimeValue"}
    assert "relationships" not in row
    assert crm.get("/api/contacts?fields[contacts]=id&page[size]=1")["data"] == [
        {"type": "contacts", "id": "1"}
    ]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("filter[nonsense]=1", "filter[nonsense]"),
        ("filter[lifetimeValue]=1", "filter[lifetimeValue]"),
        ("filter[id]=abc", "filter[id]"),
        ("filter[firstName][gt]=a", "filter[firstName][gt]"),
        ("filter[updatedAt][gte]=gestern", "filter[updatedAt][gte]"),
        ("page[size]=many", "page[size]"),
        ("sort=lastName", "sort"),
        ("include=owner", "include"),
    ],
)
def test_what_the_api_does_not_know_is_refused(crm: CrmDesk, query: str, parameter: str) -> None:
    assert crm.refused(f"/api/contacts?{query}")["source"] == {"parameter": parameter}


def test_resources_and_methods_that_are_not_there(crm: CrmDesk) -> None:
    assert crm.refused("/api/leads")["status"] == "404"
    assert crm.refused("/api/contacts/99999")["title"] == "not found http exception"
    assert crm.raw("DELETE", "/api/contacts/1").status == 405
    assert crm.raw("PUT", "/api/contacts").status == 405
    assert crm.refused("/elsewhere")["status"] == "404"


def test_the_api_is_below_the_prefix_when_switched(crm: CrmDesk) -> None:
    crm.control("switch", name="admin_prefix", value=True)
    assert crm.refused("/api/contacts")["status"] == "404"
    assert crm.ids("/admin/api/contacts?page[size]=1") == [1]
    assert crm.renew().status == 200, "tokens are where they were"


def test_caps_lies_and_a_missing_count(crm: CrmDesk) -> None:
    crm.control("page-cap", n=4)
    assert len(crm.ids("/api/contacts?page[size]=-1")) == 4
    crm.control("total-lies", delta=-3)
    assert total(crm, "/api/contacts") == 219
    crm.control("switch", name="total_count", value=False)
    answer = crm.raw("GET", "/api/contacts", headers={"x-include": "totalCount"})
    assert "X-Include-Total-Count" not in answer.headers


@pytest.mark.parametrize(("action", "change"), [("insert", 1), ("delete", -1), ("join", 1), ("leave", -1)])
def test_somebody_comes_or_goes_between_pages(crm: CrmDesk, action: str, change: int) -> None:
    path = "/api/contacts?filter[source]=website&page[size]=5"
    before = total(crm, path)
    crm.control("drift", after_pages=1, action=action)
    assert total(crm, path) == before
    assert total(crm, path) == before + change
    assert total(crm, path) == before + change, "it happens once"


def test_numbered_pages_shift_and_pages_by_id_do_not(crm: CrmDesk) -> None:
    crm.control("drift", after_pages=1, action="delete")
    first = crm.ids("/api/contacts?page[size]=5")
    second = crm.ids("/api/contacts?page[size]=5&page[number]=2")
    assert 6 not in first + second, "the sixth slipped into the page already told"
    assert crm.ids("/api/contacts?page[size]=5&filter[id][gt]=5")[0] == 6


# Snapshots


def test_a_snapshot_is_a_resource_once_it_was_taken(crm: CrmDesk) -> None:
    assert crm.refused("/api/marketinglistsnapshots")["status"] == "404"
    rows = crm.control("snapshot", list="3")["rows"]
    page = "/api/marketinglistsnapshots?filter[marketingList]=3&page[size]=-1"
    members = crm.get(page)["data"]
    assert len(members) == rows == total(crm, "/api/contacts?filter[groups]=3")
    assert members[0]["attributes"]["createdAt"] == "2026-06-01T08:00:00Z"
    contact = crm.get(f"/api/contacts/{members[0]['attributes']['contactId']}")["data"]
    assert contact["attributes"]["primaryEmail"] == members[0]["attributes"]["email"]
    crm.control("delete", id=int(contact["id"]))
    assert len(crm.get(page)["data"]) == rows, "a snapshot stays what it was"
    crm.control("switch", name="snapshot_relationship", value=True)
    moved = crm.get(page)["data"][0]
    assert moved["relationships"]["contact"]["data"] == {"type": "contacts", "id": contact["id"]}
    assert "contactId" not in moved["attributes"]
    assert crm.get(page.replace("=3", "=9"))["data"] == []
    assert crm.refused("/api/marketinglistsnapshots?filter[email]=x")["status"] == "400"
    crm.control("remove-snapshot")
    assert crm.refused("/api/marketinglistsnapshots")["status"] == "404"
    crm.control("snapshot", name="membersofnews")
    assert crm.get("/api/membersofnews?page[size]=1")["data"]


# Tokens


def test_tokens_are_given_for_the_right_credentials_only(crm: CrmDesk) -> None:
    document = json.loads(crm.renew().body)
    assert (document["token_type"], document["expires_in"]) == ("Bearer", 3600)
    wrong = crm.raw(
        "POST", "/oauth2-token", {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
    )
    assert (wrong.status, json.loads(wrong.body)["error"]) == (401, "invalid_client")
    bodies: tuple[object, ...] = ({"grant_type": "password"}, [], None)
    for body in bodies:
        assert crm.raw("POST", "/oauth2-token", body).status == 400
    assert crm.raw("GET", "/oauth2-token").status == 405
    crm.control("refuse-client", on=True)
    assert crm.renew().status == 401


def test_tokens_run_out_on_the_sandboxs_clock(crm: CrmDesk) -> None:
    crm.clock.advance(3599)
    assert crm.ids("/api/contacts?page[size]=1") == [1]
    crm.clock.advance(2)
    assert crm.refused("/api/contacts")["status"] == "401"
    crm.control("token-lifetime", seconds=5)
    crm.renew()
    assert crm.ids("/api/contacts?page[size]=1") == [1]
    crm.control("expire-tokens")
    crm.control("switch", name="documents_with_401", value=False)
    bare = crm.raw("GET", "/api/contacts")
    assert (bare.status, bare.body) == (401, b"")


# State and memory


def test_the_state_tells_who_opted_out(crm: CrmDesk) -> None:
    everybody, news = crm.crm.state(None), crm.crm.state("3")
    assert set(everybody.values()) == {"contact", "opted-out"}
    assert set(news) < set(everybody)
    with pytest.raises(ControlError, match="no list '9'"):
        crm.crm.state("9")
    assert [one["id"] for one in crm.crm.lists()] == ["1", "2", "3"]


def test_what_was_answered_survives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "kept.ndjson"
    before = CrmDesk(kept=file)
    before.change(3, {"firstName": "Kept"})
    before.create(firstName="New", primaryEmail="new@example.org")
    before.control("delete", id=5)
    before.control("snapshot", list="3")
    before.control("switch", name="filter_updated_at", value=False)
    paths = ("/api/contacts?page[size]=-1", "/api/marketinglistsnapshots?page[size]=-1")
    shown = [before.get(path) for path in paths]
    before.close()
    after = CrmDesk(kept=file)
    assert [after.get(path) for path in paths] == shown
    assert json.loads(after.create(firstName="Later").body)["data"]["id"] == "224"
    assert after.refused("/api/contacts?filter[updatedAt][gte]=2026-01-01")["status"] == "400"
    after.crm.reset()
    after.close()
    again = CrmDesk(kept=file)
    assert again.get("/api/contacts?page[size]=-1") == CrmDesk().get("/api/contacts?page[size]=-1")
    again.close()
    with pytest.raises(ValueError, match="200 contacts of seed 1"):
        CrmDesk(contacts=100, kept=file)


@pytest.mark.parametrize("contacts", [0, 1, 19])
def test_few_contacts_are_served_too(contacts: int) -> None:
    crm = CrmDesk(contacts=contacts)
    assert len(crm.ids("/api/contacts?page[size]=-1")) == contacts * 10 // 9
    assert json.loads(crm.create(firstName="A").body)["data"]["id"] == str(contacts * 10 // 9 + 1)
