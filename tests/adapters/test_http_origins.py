"""Which addresses may be called (I15), and paths without holes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.origins import check_download, checked_base, route
from adapters.provider import Refused, Unreachable

BASE = "https://us19.api.mailchimp.com/3.0"
HOSTS = ("mailchimp.com", "bucket.s3.amazonaws.com")


async def public(host: str, port: int) -> Sequence[str]:
    return ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]


@pytest.mark.parametrize(
    "url",
    [
        "http://us19.api.mailchimp.com/3.0",
        "http://10.0.0.1/3.0",
        "http://localhost.example.org/",
        "http://127.0.0.1.example.org/",
        "ftp://127.0.0.1/",
        "https://",
        "https://key:secret@us19.api.mailchimp.com/3.0",
        "https://us19.api.mailchimp.com/3.0?x=1",
        "https://us19.api.mailchimp.com:port/3.0",
        "us19.api.mailchimp.com",
    ],
)
def test_I15_a_base_url_that_would_show_the_key_is_refused(url: str) -> None:
    with pytest.raises(Unreachable) as caught:
        checked_base(url)
    assert caught.value.reason == "url-not-allowed"
    assert "secret" not in caught.value.text


@pytest.mark.parametrize(
    "url", [BASE, "http://127.0.0.1:8600/3.0", "http://localhost:1/", "http://[::1]:9/x"]
)
def test_I15_https_and_loopback_are_allowed(url: str) -> None:
    assert checked_base(url + "/") == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://us19.api.mailchimp.com/file",
        "https://evil.example/file",
        "https://evilmailchimp.com/file",
        "https://mailchimp.com.evil.example/file",
        "https://user@mailchimp.com/file",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:8600/file",
        "file:///etc/passwd",
        "gopher://mailchimp.com/",
    ],
)
async def test_I15_a_file_elsewhere_is_not_fetched(url: str) -> None:
    with pytest.raises(Unreachable) as caught:
        await check_download(url, base_url=BASE, hosts=HOSTS, resolver=public)
    assert caught.value.reason == "url-not-allowed"


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "192.168.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "fe80::1%eth0", "0.0.0.0"],  # noqa: S104  (refused, not bound),
)
async def test_I15_an_allowed_name_that_leads_inside_is_not_fetched(address: str) -> None:
    async def inside(host: str, port: int) -> Sequence[str]:
        return ["93.184.215.14", address]

    with pytest.raises(Unreachable) as caught:
        await check_download("https://a.mailchimp.com/f", base_url=BASE, hosts=HOSTS, resolver=inside)
    assert caught.value.reason == "url-not-allowed"


async def test_I15_a_name_nobody_knows_is_unreachable() -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError("no such host")

    with pytest.raises(Unreachable) as caught:
        await check_download("https://a.mailchimp.com/f", base_url=BASE, hosts=HOSTS, resolver=nowhere)
    assert caught.value.reason == "unreachable"


async def test_files_of_the_platform_and_of_the_sandbox_are_fetched() -> None:
    for url in (
        "https://mailchimp.com/f",
        "https://x.y.mailchimp.com/f?a=b",
        "https://bucket.s3.amazonaws.com/f",
    ):
        await check_download(url, base_url=BASE, hosts=HOSTS, resolver=public)
    here = "http://127.0.0.1:8600"
    await check_download(f"{here}/file", base_url=f"{here}/mailchimp/3.0", hosts=(), resolver=public)
    with pytest.raises(Unreachable):
        await check_download("http://127.0.0.1:8601/file", base_url=here, hosts=(), resolver=public)


@given(st.text(min_size=1))
def test_a_value_stays_one_segment_of_the_path(value: str) -> None:
    try:
        made = route("/lists/{list}/members", list=value)
    except Refused:
        assert value.strip(".") == "" or any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in value)
        return
    assert made.template == "/lists/{list}/members"
    assert made.text.count("/") == 3
    assert not set("?#\\ ") & set(made.text)


@pytest.mark.parametrize("value", ["", ".", "..", "a\nb"])
def test_a_value_that_would_climb_is_refused(value: str) -> None:
    with pytest.raises(Refused):
        route("/lists/{list}", list=value)
