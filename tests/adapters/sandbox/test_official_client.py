"""The vendor's own Python client against the sandbox: somebody else's code is the judge."""

import hashlib
import io
import json
import tarfile
import urllib.request
from typing import Any

import mailchimp_marketing
import pytest
from mailchimp_marketing.api_client import ApiClientError

from adapters.sandbox.mailchimp import FIRST_LIST
from adapters.sandbox.running import RunningSandbox

EVA = "Eva@example.org"
HASH = hashlib.md5(EVA.lower().encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def client(sandbox: RunningSandbox) -> Any:
    return client_of(sandbox, sandbox.key("mailchimp"))


def client_of(sandbox: RunningSandbox, key: str) -> Any:
    made = mailchimp_marketing.Client()
    made.set_config({"api_key": key, "server": "us0"})
    made.api_client.host = sandbox.url("mailchimp")
    return made


def test_ping_root_and_lists(client: Any) -> None:
    assert client.ping.get() == {"health_status": "Everything's Chimpy!"}
    assert client.root.get_root()["account_name"] == "Musterverband"
    lists = client.lists.get_all_lists(count=1000, fields=["lists.id", "lists.double_optin", "total_items"])
    assert [each["double_optin"] for each in lists["lists"]] == [False, True, False]
    assert client.lists.get_list(FIRST_LIST)["name"] == "Verbandsnews"


def test_oauth_tokens_work_too(sandbox: RunningSandbox) -> None:
    made = mailchimp_marketing.Client()
    made.set_config({"access_token": "token-us0", "server": "us0"})
    made.api_client.host = sandbox.url("mailchimp")
    assert made.ping.get()["health_status"]


def test_members_page_by_page(client: Any) -> None:
    found: list[str] = []
    while True:
        page = client.lists.get_list_members_info(
            FIRST_LIST, count=60, offset=len(found), exclude_fields=["members._links"]
        )
        found += [row["email_address"] for row in page["members"]]
        if len(page["members"]) < 60:
            break
    assert len(set(found)) == page["total_items"] == 196
    assert len(client.lists.get_list_members_info(FIRST_LIST)["members"]) == 10


def test_batch_add(client: Any) -> None:
    body = {
        "members": [
            {
                "email_address": EVA,
                "status": "subscribed",
                "merge_fields": {"FNAME": "Eva"},
                "tags": ["news"],
            },
            {"email_address": "nonsense", "status": "subscribed"},
        ],
        "update_existing": False,
    }
    # The client sends Python's True and False in the query.
    answer = client.lists.batch_list_members(
        FIRST_LIST, body, skip_merge_validation=True, skip_duplicate_check=False
    )
    assert (answer["total_created"], answer["error_count"]) == (1, 1)
    assert answer["new_members"][0]["id"] == HASH


def test_put_patch_delete_and_forget(client: Any) -> None:
    made = client.lists.set_list_member(
        FIRST_LIST, HASH, {"email_address": EVA, "status_if_new": "subscribed"}
    )
    assert made["status"] == "subscribed"
    changed = client.lists.update_list_member(FIRST_LIST, HASH, {"merge_fields": {"LNAME": "Muster"}})
    assert changed["full_name"] == "Muster"
    assert client.lists.get_list_member(FIRST_LIST, HASH)["merge_fields"]["LNAME"] == "Muster"
    assert client.lists.delete_list_member(FIRST_LIST, HASH).status_code == 204
    assert client.lists.get_list_member(FIRST_LIST, HASH)["status"] == "archived"
    # This call has no body, so the client sends the literal `null`.
    assert client.lists.delete_list_member_permanent(FIRST_LIST, HASH).status_code == 204
    with pytest.raises(ApiClientError) as refused:
        client.lists.add_list_member(FIRST_LIST, {"email_address": EVA, "status": "subscribed"})
    assert refused.value.status_code == 400
    assert json.loads(refused.value.text)["title"] == "Forgotten Email Not Subscribed"


def test_errors_reach_the_client(sandbox: RunningSandbox, client: Any) -> None:
    for key, status in (("expired-us0", 401), ("throttled-us0", 429), ("gateway-us0", 403)):
        with pytest.raises(ApiClientError) as refused:
            client_of(sandbox, key).ping.get()
        assert refused.value.status_code == status
    with pytest.raises(ApiClientError) as refused:
        client.lists.get_list("0000000000")
    assert refused.value.status_code == 404


def test_merge_fields(client: Any) -> None:
    body = {"name": "Gender", "tag": "GENDER", "type": "dropdown", "options": {"choices": ["m", "w"]}}
    made = client.lists.add_list_merge_field(FIRST_LIST, body)
    listed = client.lists.get_list_merge_fields(FIRST_LIST, count=100)
    assert [each["tag"] for each in listed["merge_fields"]][-1] == "GENDER"
    changed = client.lists.update_list_merge_field(FIRST_LIST, made["merge_id"], {"name": "Geschlecht"})
    assert changed["name"] == "Geschlecht"
    assert client.lists.delete_list_merge_field(FIRST_LIST, made["merge_id"]).status_code == 204


def test_batches_with_their_archive(client: Any) -> None:
    body = json.dumps({"email_address": EVA, "status": "subscribed"})
    operation = {
        "method": "POST",
        "path": f"/lists/{FIRST_LIST}/members",
        "operation_id": "c:1:add",
        "body": body,
    }
    batch = client.batches.start({"operations": [operation]})
    status = batch
    for _ in range(10):
        if (status := client.batches.status(batch["id"]))["status"] == "finished":
            break
    assert (status["finished_operations"], status["errored_operations"]) == (1, 0)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(status["response_body_url"]) as answer:
        content = answer.read()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        files = [tar.extractfile(entry) for entry in tar]
        rows = [row for file in files if file is not None for row in json.load(file)]
    assert [(row["operation_id"], row["status_code"]) for row in rows] == [("c:1:add", 200)]
    assert client.batches.list()["total_items"] == 1
    assert client.batches.delete_request(batch["id"]).status_code == 204


def test_webhooks(client: Any) -> None:
    body = {"url": "https://receiver.example/x", "events": {"unsubscribe": True}, "sources": {"user": True}}
    made = client.lists.create_list_webhook(FIRST_LIST, body)
    assert client.lists.get_list_webhooks(FIRST_LIST)["webhooks"][0]["id"] == made["id"]
    assert client.lists.delete_list_webhook(FIRST_LIST, made["id"]).status_code == 204


def test_tags_and_segments(client: Any) -> None:
    client.lists.add_list_member(FIRST_LIST, {"email_address": EVA, "status": "subscribed"})
    tags = {"tags": [{"name": "news", "status": "active"}], "is_syncing": True}
    assert client.lists.update_list_member_tags(FIRST_LIST, HASH, tags).status_code == 204
    assert [tag["name"] for tag in client.lists.get_list_member_tags(FIRST_LIST, HASH)["tags"]] == ["news"]
    made = client.lists.create_segment(FIRST_LIST, {"name": "board", "static_segment": [EVA]})
    assert made["member_count"] == 1
    changed = client.lists.batch_segment_members({"members_to_remove": [EVA]}, FIRST_LIST, made["id"])
    assert changed["total_removed"] == 1
    names = [each["name"] for each in client.lists.list_segments(FIRST_LIST, count=100)["segments"]]
    assert names == ["Vorstand", "news", "board"]
    assert client.lists.tag_search(FIRST_LIST, name="new")["tags"][0]["name"] == "news"


def test_search_and_reports(client: Any) -> None:
    client.lists.add_list_member(FIRST_LIST, {"email_address": EVA, "status": "subscribed"})
    found = client.searchMembers.search(EVA)
    assert found["exact_matches"]["members"][0]["id"] == HASH
    reports = client.reports.get_all_campaign_reports(count=1)
    sent = client.reports.get_campaign_recipients(reports["reports"][0]["id"], count=1000)
    assert sent["total_items"] == reports["reports"][0]["emails_sent"]
