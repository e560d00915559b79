"""R35: the encoding is told rightly, shown, and can be overridden."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.source import SourceUnreadable
from tests.adapters.sources.csv_reading import open_csv, read_all

NAMES = ["Käthe Müller-Lüdenscheidt", "Jürg Œuvray", "Zoë d’Été", "François Ångström – €"]
TEXT = "name;email\r\n" + "".join(f"{name};p{n}@example.org\r\n" for n, name in enumerate(NAMES))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "members.csv"


@pytest.mark.parametrize(
    ("written", "told", "by"),
    [
        ("utf-8", "utf-8", "content"),
        ("utf-8-sig", "utf-8-sig", "byte order mark"),
        ("cp1252", "cp1252", "content"),
        ("utf-16", "utf-16", "byte order mark"),
        ("utf-16-le", "utf-16-le", "content"),
        ("utf-16-be", "utf-16-be", "content"),
        ("utf-32", "utf-32", "byte order mark"),
    ],
)
def test_R35_round_trip_of_every_usual_encoding(path: Path, written: str, told: str, by: str) -> None:
    read = read_all(path, TEXT.encode(written), ("name", "email"))
    assert [row[0] for _, row in read.rows] == NAMES
    shape = read.source.shape()
    assert (shape.details["encoding"], shape.details["encoding found by"]) == (told, by)
    assert shape.columns == ("name", "email")
    assert [row[0] for row in shape.sample] == NAMES


@pytest.mark.parametrize("written", ["utf-8-sig", "utf-16"])
def test_a_mark_is_never_part_of_the_first_name(path: Path, written: str) -> None:
    named = {
        "utf-8-sig": ("utf-8", "utf8", "UTF-8", "utf-8-sig"),
        "utf-16": ("utf-16", "utf-16-le", "UTF-16LE"),
    }
    quoted = '"name";email\r\nEva;e@x.org\r\n'
    for override in named[written]:
        assert read_all(path, quoted.encode(written), ("name",), encoding=override).rows == [(2, ("Eva",))]


def test_the_setting_wins(path: Path) -> None:
    path.write_bytes(TEXT.encode("cp1252"))
    shape = open_csv(path, encoding="cp850").shape()
    assert (shape.details["encoding"], shape.details["encoding found by"]) == ("cp850", "settings")
    assert shape.sample[0][0] != NAMES[0]


@pytest.mark.parametrize(
    "name", ["ä", "Müller", "MÜLLER ÄÖÜ", "é", "Ça va", "10 €", "„Eva“", "Straße 5 – links"]
)
def test_short_western_texts_are_cp1252(path: Path, name: str) -> None:
    data = f"name;email\r\n{name};e@example.org\r\n".encode("cp1252")
    read = read_all(path, data, ("name",))
    assert read.rows == [(2, (name,))]
    assert read.source.shape().details["encoding"] == "cp1252"


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp1251", "Анна Ахматова;Лев Толстой;Фёдор Достоевский;Московская область, город Москва"),
        ("cp1253", "Ελένη Παπαδοπούλου;Γιώργος Σεφέρης;Οδυσσέας Ελύτης;Θεσσαλονίκη και Αθήνα"),
    ],
)
def test_another_alphabet_is_guessed_and_called_a_guess(path: Path, codec: str, text: str) -> None:
    rows = "".join(
        f"{part},p{n}@example.org\n" for n, part in enumerate(text.replace(",", "").split(";") * 20)
    )
    path.write_bytes(("name,email\n" + rows).encode(codec))
    shape = open_csv(path).shape()
    assert shape.details["encoding found by"] == "guess"
    assert shape.sample[0][0] == text.split(";")[0]


def test_the_first_umlaut_far_down_the_file_is_found(path: Path) -> None:
    plain = b"".join(b"%d,plain@example.org\n" % number for number in range(60_000))
    read = read_all(path, b"name,email\n" + plain + "Müller,m@x.org\n".encode("cp1252"), ("name",))
    assert len(plain) > 1024 * 1024
    assert read.rows[-1] == (60_002, ("Müller",))
    assert read.source.shape().details["encoding"] == "cp1252"
    utf8 = read_all(path, b"name,email\n" + plain + "Müller,m@x.org\n".encode(), ("name",))
    assert (utf8.rows[-1], utf8.source.shape().details["encoding"]) == ((60_002, ("Müller",)), "utf-8")


def test_one_broken_row_does_not_make_utf8_another_encoding(path: Path) -> None:
    rows = [f"{name},{n}\n".encode() for n, name in enumerate(NAMES * 5)]
    rows[7] = "Müller,7\n".encode("cp1252")
    read = read_all(path, b"name,n\n" + b"".join(rows), ("name",))
    assert read.faults == [(9, "undecodable")]
    assert read.source.shape().details["encoding"] == "utf-8"


def test_what_is_no_text_is_refused(path: Path) -> None:
    path.write_bytes(bytes(range(128, 256)) * 20 + b"\n" + bytes(range(1, 32)) * 40)
    with pytest.raises(SourceUnreadable) as caught:
        open_csv(path).shape()
    assert caught.value.reason == "source-encoding"
    assert "encoding =" in caught.value.next
