"""Bodies: what is cut, damaged, ambiguous or too large never passes for an answer (I11, I15)."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bodies import BodyFault, Inflater, archived_files, load_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def inflate(data: bytes, *, limit: int = 10_000, step: int = 7) -> bytes:
    inflater = Inflater(limit)
    for start in range(0, len(data), step):
        inflater.feed(data[start : start + step])
    return inflater.finish()


def fault(*, of: object) -> str:
    assert isinstance(of, pytest.ExceptionInfo)
    assert isinstance(of.value, BodyFault)
    return of.value.reason


@given(st.binary(max_size=3000), st.integers(1, 600), st.integers(1, 3))
def test_gzip_of_any_cut_and_any_number_of_members_is_unpacked(body: bytes, step: int, members: int) -> None:
    parts = [body[index::members] for index in range(members)]
    packed = b"".join(gzip.compress(part) for part in parts)
    assert inflate(packed, step=step) == b"".join(parts)


@given(st.binary(min_size=1, max_size=500), st.data())
def test_I11_a_gzip_cut_anywhere_is_refused(body: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(body)
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(BodyFault) as caught:
        inflate(packed[:cut])
    assert caught.value.reason == "answer-cut"


def test_I11_a_second_member_that_is_cut_is_refused() -> None:
    with pytest.raises(BodyFault) as caught:
        inflate(gzip.compress(b"whole") + gzip.compress(b"cut off")[:-3])
    assert fault(of=caught) == "answer-cut"


def test_I11_a_wrong_checksum_is_refused() -> None:
    packed = bytearray(gzip.compress(b"a" * 100))
    packed[-6] ^= 1
    with pytest.raises(BodyFault) as caught:
        inflate(bytes(packed))
    assert fault(of=caught) == "answer-not-understood"


@pytest.mark.parametrize(
    "body", [b"no gzip at all", gzip.compress(b"good", mtime=0) + b"and more"], ids=["none", "and more"]
)
def test_what_is_no_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(BodyFault) as caught:
        inflate(body)
    assert fault(of=caught) == "answer-not-understood"


def test_I15_a_bomb_stops_at_the_limit_and_not_after_it() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 60_000
    inflater = Inflater(1_000_000)
    with pytest.raises(BodyFault) as caught:
        inflater.feed(bomb)
    assert fault(of=caught) == "answer-too-large"
    assert sum(map(len, inflater._parts)) <= 1_000_000


def test_I15_the_limit_holds_over_members_together() -> None:
    packed = gzip.compress(b"x" * 600) * 2
    assert len(inflate(packed, limit=1200)) == 1200
    with pytest.raises(BodyFault):
        inflate(packed, limit=1199)


@given(JSON)
def test_json_that_is_sound_passes_unchanged(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        try:
            body = text.encode()
        except UnicodeEncodeError:
            continue
        assert load_json(body) == json.loads(text)


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"unsubscribed","status":"subscribed"}',
        b'{"a":[{"x":1,"x":1}]}',
        b'{"total_items":NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b'{"name":"\\ud800"}',
        b'{"name":"\\udc00x"}',
        b'{"\\uD83D":1}',
        b'{"name":"\xff"}',
        b"[" * 200_000 + b"]" * 200_000,
        b"<html>blocked</html>",
        b"{'a':1}",
        b"[1] [2]",
        b"[" + b"9" * 5000 + b"]",
    ],
)
def test_ambiguous_or_hostile_json_is_refused(body: bytes) -> None:
    with pytest.raises(BodyFault) as caught:
        load_json(body)
    assert fault(of=caught) == "answer-not-understood"


def test_an_emoji_written_as_two_escapes_is_no_lone_surrogate() -> None:
    assert load_json(b'["\\ud83d\\ude00"]') == ["\U0001f600"]


@pytest.mark.parametrize("body", [b"", b" ", b'{"members":[{"id":"a"},', b'{"a":"b', b'{"a"', b"[1,2"])
def test_I11_json_that_is_not_closed_is_cut(body: bytes) -> None:
    with pytest.raises(BodyFault) as caught:
        load_json(body)
    assert fault(of=caught) == "answer-cut"


def archive(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for info, content in entries:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    return info


def test_I15_an_archive_is_read_and_its_names_and_links_mean_nothing() -> None:
    link = entry("link", tarfile.SYMTYPE)
    link.linkname = "/etc/passwd"
    packed = archive(
        (entry("./", tarfile.DIRTYPE), b""),
        (entry("../../outside.json"), b"[1]"),
        (link, b""),
        (entry("device", tarfile.CHRTYPE), b""),
        (entry("/absolute.json"), b"[2]"),
    )
    assert list(archived_files(packed, limit=100_000)) == [b"[1]", b"[2]"]


def test_I15_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    packed = archive((entry("big.json"), b"0" * 5_000_000))
    assert len(packed) < 10_000
    with pytest.raises(BodyFault) as caught:
        list(archived_files(packed, limit=1_000_000))
    assert fault(of=caught) == "answer-too-large"


def test_I15_an_archive_of_too_many_entries_is_refused() -> None:
    packed = archive(*((entry(f"{n}.json"), b"[]") for n in range(30)))
    assert len(list(archived_files(packed, limit=1_000_000, files=30))) == 30
    with pytest.raises(BodyFault):
        list(archived_files(packed, limit=1_000_000, files=29))


@pytest.mark.parametrize("lost", [1, 8, 100, 400])
def test_I11_an_archive_cut_anywhere_is_refused(lost: int) -> None:
    packed = archive((entry("one.json"), bytes(range(256)) * 8))
    with pytest.raises(BodyFault):
        list(archived_files(packed[:-lost], limit=1_000_000))


def test_I11_an_archive_with_a_file_shorter_than_it_says_is_refused() -> None:
    plain = gzip.decompress(archive((entry("one.json"), b"x" * 3000)))
    with pytest.raises(BodyFault) as caught:
        list(archived_files(gzip.compress(plain[:1500]), limit=1_000_000))
    assert fault(of=caught) == "answer-cut"


def test_I11_a_damaged_archive_is_refused() -> None:
    packed = bytearray(archive((entry("one.json"), bytes(range(256)) * 8)))
    packed[-5] ^= 0xFF  # in the checksum
    with pytest.raises(BodyFault) as caught:
        list(archived_files(bytes(packed), limit=1_000_000))
    assert fault(of=caught) == "answer-not-understood"
    with pytest.raises(BodyFault):
        list(archived_files(zlib.compress(b"no gzip"), limit=1_000))
