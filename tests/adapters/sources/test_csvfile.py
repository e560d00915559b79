"""Every record of a CSV file is a row or a problem with its line; a read that is not whole raises."""

from __future__ import annotations

import csv
import io
import os
import tracemalloc
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.source import SourceIncomplete, SourceUnreadable
from adapters.sources import csvform, encoding, filetext
from adapters.sources.csvfile import BATCH_ROWS, KIND, LONGEST_VALUE
from tests.adapters.sources.csv_reading import Read, open_csv, read_all

AB = ("a", "b")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "members.csv"


def incomplete(
    path: Path, data: bytes | str, columns: tuple[str, ...] = AB, **options: str
) -> SourceIncomplete:
    with pytest.raises(SourceIncomplete) as caught:
        read_all(path, data, columns, **options)
    assert open_csv(path, **options).end is None
    assert caught.value.next
    return caught.value


def unreadable(
    path: Path, data: bytes | str | None, columns: tuple[str, ...] = AB, **options: str
) -> SourceUnreadable:
    with pytest.raises(SourceUnreadable) as caught:
        read_all(path, data, columns, **options)
    assert caught.value.next
    return caught.value


# --- rows ----------------------------------------------------------------------------------------------


def test_columns_come_in_the_order_asked(path: Path) -> None:
    data = "id,email,name\n1,eva@x.org,Eva\n2,max@x.org,Max\n"
    assert read_all(path, data, ("name", "id")).rows == [(2, ("Eva", "1")), (3, ("Max", "2"))]
    assert read_all(path, None, ("email",)).rows == [(2, ("eva@x.org",)), (3, ("max@x.org",))]
    assert read_all(path, None, ()).rows == [(2, ()), (3, ())]
    assert read_all(path, None, ("id", "id")).rows[0] == (2, ("1", "1"))


def test_rows_come_in_batches_with_progress(path: Path) -> None:
    data = "a,b\n" + "".join(f"{n},x\n" for n in range(1001))
    read = read_all(path, data, AB)
    assert [len(batch.rows) for batch in read.batches] == [BATCH_ROWS] * 5 + [1]
    assert [line for line, _ in read.rows] == list(range(2, 1003))
    last = read.batches[-1]
    assert (last.done, last.total, last.unit) == (len(data), len(data), "bytes")
    assert (read.end.rows, read.end.problems) == (1001, 0)


def test_the_snapshot_names_size_time_and_bytes(path: Path) -> None:
    data = "a,b\n1,2\n" * 40_000
    read = read_all(path, data, AB)
    digest = blake2b(data.encode(), digest_size=16).hexdigest()
    assert read.end.snapshot == f"{len(data)}:{path.stat().st_mtime_ns}:{digest}"
    assert read.end.as_of is not None
    assert read.end.as_of.timestamp() == pytest.approx(path.stat().st_mtime)
    assert read_all(path, data.replace("1", "3", 1), AB).end.snapshot != read.end.snapshot


def test_a_source_is_read_anew_each_time(path: Path) -> None:
    read = read_all(path, "a,b\n1,2\n", AB)
    path.write_text("a;b\n3;4\n5;6\n")
    assert [tuple(row) for batch in read.source.read(AB) for row in batch.rows] == [("3", "4"), ("5", "6")]
    assert read.source.end is not None
    assert read.source.end.rows == 2


def test_header_only_is_a_whole_read_without_rows(path: Path) -> None:
    for data in ("a,b", "a,b\n", "a,b\r\n\r\n"):
        read = read_all(path, data, AB)
        assert (read.rows, read.end.rows, read.end.problems) == ([], 0, 0)


def test_line_ends_of_every_kind_and_blank_lines(path: Path) -> None:
    read = read_all(path, b"\n\na,b\r\n1,2\r3,4\n\n   \n5,6\r\r\n\n7,8", AB)
    assert read.rows == [(4, ("1", "2")), (5, ("3", "4")), (8, ("5", "6")), (11, ("7", "8"))]
    assert read.faults == []
    assert read.source.blank_lines == 4


def test_a_row_of_empty_values_is_a_row(path: Path) -> None:
    assert read_all(path, "a,b\n,\n", AB).rows == [(2, ("", ""))]
    assert read_all(path, 'a\n""\n\n', ("a",)).rows == [(2, ("",))]


def test_quotes_line_ends_and_delimiters_within_values(path: Path) -> None:
    data = 'a,b\n"x ""y"", z","l1\r\nl2\n\nl4"\n1,2\n"",""""\n'
    assert read_all(path, data, AB).rows == [
        (2, ('x "y", z', "l1\r\nl2\n\nl4")),
        (6, ("1", "2")),
        (7, ("", '"')),
    ]


def test_a_quote_within_an_unquoted_value_is_text(path: Path) -> None:
    assert read_all(path, 'a,b\n5" pipe,Hans "Hansi" M\n', AB).rows == [(2, ('5" pipe', 'Hans "Hansi" M'))]


def test_excels_first_line(path: Path) -> None:
    read = read_all(path, "sep=;\r\na;b\r\n1,5;2\r\n", AB)
    assert read.rows == [(3, ("1,5", "2"))]
    assert read_all(path, '"sep=|"\na|b\n1|2\n', AB).rows == [(3, ("1", "2"))]
    assert read_all(path, "sep=\t\na\tb\n1\t2", AB).rows == [(3, ("1", "2"))]
    assert read_all(path, "sep\na\n", ("sep",)).rows == [(2, ("a",))]


def test_a_delimiter_at_the_end_of_lines_makes_no_column(path: Path) -> None:
    read = read_all(path, "a;b;\n1;2;\n3;4\n5;6;;;\n", AB)
    assert [row for _, row in read.rows] == [("1", "2"), ("3", "4"), ("5", "6")]
    assert read.source.shape().columns == AB
    assert [row for _, row in read_all(path, "a;b\n1;2;\n3;4;;\n", AB).rows] == [("1", "2"), ("3", "4")]


def test_a_blank_after_each_delimiter_is_not_part_of_values(path: Path) -> None:
    assert read_all(path, '"a", "b"\n"1", "2, 3"\n"x, ""y", "z"\n', AB).rows == [
        (2, ("1", "2, 3")),
        (3, ('x, "y', "z")),
    ]
    assert read_all(path, 'a,b\n1, x\n"2, ""3", y\n', AB).rows == [(2, ("1", " x")), (3, ('2, "3', " y"))]


# --- rows that cannot be taken ---------------------------------------------------------------------------


def test_R18_ragged_rows_are_told_with_their_line(path: Path) -> None:
    read = read_all(path, 'a,b\n1,2\n3\n"l1\nl2",x\n4,5,6\n\n7,8\n', AB)
    assert read.faults == [(3, "ragged-row"), (6, "ragged-row")]
    assert read.rows == [(2, ("1", "2")), (4, ("l1\nl2", "x")), (8, ("7", "8"))]
    assert (read.end.rows, read.end.problems) == (3, 2)
    assert "1 values" in read.problems[0].text
    assert "2 columns" in read.problems[0].text


@pytest.mark.parametrize("at", [0, 1, 199, 200, 201, 5000, 19_999])
@pytest.mark.parametrize(
    ("bad", "reason"), [(b"\xff", "undecodable"), (b"\xc3", "undecodable"), (b"\0", "nul-byte")]
)
def test_R18_bytes_that_are_no_text_spoil_their_row_only(
    path: Path, at: int, bad: bytes, reason: str
) -> None:
    rows = [b"%d,J\xc3\xbcrg\n" % number for number in range(20_000)]
    rows[at] = b"%d,J%srg\n" % (at, bad)
    read = read_all(path, b"a,b\n" + b"".join(rows), AB, encoding="utf-8")
    assert read.faults == [(at + 2, reason)]
    assert len(read.rows) == 19_999
    assert {row[1] for _, row in read.rows} == {"Jürg"}
    assert at + 2 not in {line for line, _ in read.rows}


def test_a_character_cut_at_the_end_of_the_file_is_told(path: Path) -> None:
    assert read_all(path, b"a,b\n1,2\n3,M\xc3", AB, encoding="utf-8").faults == [(3, "undecodable")]
    utf16 = "a,b\n1,2\n".encode("utf-16") + b"\x31"
    assert read_all(path, utf16, AB).faults == [(3, "undecodable")]


def test_undecodable_names_never_leave_as_surrogates(path: Path) -> None:
    source = open_csv(path, encoding="utf-8")
    path.write_bytes(b"a,n\xffme\n1,x\xff\n2,y\n")
    shape = source.shape()
    assert shape.columns == ("a", "n\ufffdme")
    assert shape.sample == (("1", "x\ufffd"), ("2", "y"))
    repr(shape).encode()


def test_a_broken_quote_on_one_line_spoils_its_row_only(path: Path) -> None:
    read = read_all(path, 'a,b\n1,2\n"Hans "Hansi" M",x\n3,4\n"y" ,5\n6,7\n', AB)
    assert read.faults == [(3, "ragged-row"), (5, "ragged-row")]
    assert [line for line, _ in read.rows] == [2, 4, 6]
    assert "quote" in read.problems[0].text


def test_a_value_beyond_all_measure_spoils_its_row_only(path: Path) -> None:
    fits, too_long = "x" * LONGEST_VALUE, "y" * (LONGEST_VALUE + 1)
    read = read_all(path, f"a,b\n{fits},1\n{too_long},2\n3,4\n", AB)
    assert read.faults == [(3, "ragged-row")]
    assert [line for line, _ in read.rows] == [2, 4]
    assert f"{LONGEST_VALUE:,}" in read.problems[0].text
    assert "too long" in read.problems[0].text


def test_the_end_says_how_the_file_was_read(path: Path) -> None:
    details = read_all(path, "a;b\n1;M\u00fcller\n".encode("cp1252"), AB).end.details
    assert (details["encoding"], details["encoding found by"], details["delimiter"]) == (
        "cp1252",
        "content",
        ";",
    )


def test_every_problem_of_a_batch_is_kept(path: Path) -> None:
    lines = [
        "a,b",
        *(f'{n},"x"y' if n % 3 == 0 else f"{n}" if n % 3 == 1 else f"{n},{n}" for n in range(900)),
    ]
    read = read_all(path, "\n".join(lines), AB)
    assert [line for line, _ in read.faults] == [n + 2 for n in range(900) if n % 3 != 2]
    assert [row for _, row in read.rows] == [(str(n), str(n)) for n in range(900) if n % 3 == 2]


# --- reads that are not whole ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n7,8\n', 3),
        ('a,b\n1,"2\n', 2),
        ('a,b\n1,2\n3,"', 3),
        ('a,b\n"l1\nl2","x\n5,6\n', 3),
        ('a,b\n"l1\nl2",2\n"x\n5,6\n', 4),
        ('a,b\n1,"2\n3,"4"\n', 2),
        ('a,b\n"l1\nl2","x\n3,"4"\n', 3),
        ('a,b\n1,2\n3,"' + "x,y\n" * 60_000, 3),
        ('a,b\n1,2\n3,"' + "x\n" * 1000 + '"\n', 3),
    ],
)
def test_I11_a_quote_left_open_stops_the_read_and_names_its_line(path: Path, data: str, line: int) -> None:
    error = incomplete(path, data)
    assert error.reason == "source-quote-open"
    assert f"line {line} " in error.text


@pytest.mark.parametrize("data", ['\na,"b\n1,2\n', '"a"x,b\n1,2\n', '"a,b\n' + "1,2\n" * 100_000])
def test_a_quote_left_open_in_the_header(path: Path, data: str) -> None:
    assert unreadable(path, data).reason == "source-quote-open"


def test_a_column_name_of_two_lines(path: Path) -> None:
    assert read_all(path, 'a,"b\nc"\n1,2\n', ("b\nc",)).rows == [(3, ("2",))]


def test_I11_a_pair_of_stray_quotes_that_swallows_people_is_found(path: Path) -> None:
    rows = [["a", "b", "email"], *([str(n), "x", f"p{n}@example.org"] for n in range(20))]
    rows[5][1] = '"Hans'
    rows[9][1] = 'Meier"'
    error = incomplete(path, "\n".join(map(",".join, rows)), ("a", "email"))
    assert (error.reason, "line 6 " in error.text) == ("source-quote-open", True)


def test_a_long_remark_with_an_address_is_no_stray_quote(path: Path) -> None:
    remark = "Bitte an\nmax@example.org, danke,\nund an eva@example.org\nliebe Grüsse"
    data = f'a,remark,email\n1,"{remark}",eva@x.org\n'
    assert read_all(path, data, ("remark",)).rows == [(2, (remark,))]


def test_the_rows_before_an_open_quote_do_not_make_the_read_whole(path: Path) -> None:
    path.write_text("a,b\n" + "1,2\n" * 1000 + '3,"4\n')
    source = open_csv(path)
    batches = source.read(AB)
    assert len(next(batches).rows) == BATCH_ROWS
    with pytest.raises(SourceIncomplete, match="line 1002 "):
        list(batches)
    assert source.end is None


@pytest.mark.parametrize("change", ["append", "truncate", "rewrite"])
def test_I11_a_file_that_changes_while_it_is_read(path: Path, change: str) -> None:
    data = b"a,b\n" + b"1,2\n" * 100_000
    path.write_bytes(data)
    source = open_csv(path)
    batches = source.read(AB)
    next(batches)
    if change == "append":
        with path.open("ab") as file:
            file.write(b"9,9\n")
    elif change == "truncate":
        os.truncate(path, len(data) // 2)
    else:
        path.write_bytes(data)
        os.utime(path, ns=(1, 1))
    with pytest.raises(SourceIncomplete) as caught:
        list(batches)
    assert caught.value.reason == "source-changed"
    assert source.end is None


def test_a_file_put_in_the_place_of_the_one_being_read_does_no_harm(path: Path) -> None:
    path.write_text("a,b\n" + "1,2\n" * 1000)
    source = open_csv(path)
    batches = source.read(AB)
    first = next(batches)
    other = path.with_name("new")
    other.write_text("a,b\n")
    other.replace(path)
    assert len(first.rows) + sum(len(batch.rows) for batch in batches) == 1000
    assert source.end is not None


def test_a_header_that_changed_between_look_and_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("a,b\n1,2\n")
    batches = open_csv(path).read(AB)
    path.write_text("b,a\n1,2\n")
    with pytest.raises(SourceIncomplete) as caught:
        next(batches)
    assert caught.value.reason == "source-changed"


def test_a_line_without_end_is_given_up_before_memory_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filetext, "LONGEST_LINE", 300_000)
    error = incomplete(path, "a,b\n1,2\n" + "x" * 2_000_000)
    assert error.reason == "source-incomplete"


# --- sources that cannot be read -----------------------------------------------------------------------------


def test_missing_folder_pipe_device(tmp_path: Path, path: Path) -> None:
    assert unreadable(path, None).reason == "source-missing"
    assert unreadable(tmp_path / "absent" / "x.csv", None).reason == "source-missing"
    assert unreadable(tmp_path, None).reason == "source-not-readable"
    os.mkfifo(path)
    (tmp_path / "device.csv").symlink_to("/dev/zero")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    for name in ("members.csv", "device.csv", "loop.csv"):
        assert unreadable(tmp_path / name, None).reason == "source-not-readable"


def test_a_link_to_a_file_is_read(tmp_path: Path, path: Path) -> None:
    (tmp_path / "real.csv").write_text("a,b\n1,2\n")
    path.symlink_to(tmp_path / "real.csv")
    assert read_all(path, None, AB).rows == [(2, ("1", "2"))]


def test_no_permission(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text("a,b\n")

    def forbidden(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    # The administrator, who may run the tests, can read everything.
    monkeypatch.setattr(os, "open", forbidden)
    assert unreadable(path, None).reason == "source-not-readable"


@pytest.mark.parametrize("data", [b"", b"\n\r\n  ", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_an_empty_file_has_no_columns(path: Path, data: bytes) -> None:
    assert unreadable(path, data).reason == "source-empty"


def test_a_column_that_is_missing_or_double(path: Path) -> None:
    error = unreadable(path, "person_id,email,email\n1,a,b\n", ("Person_ID",))
    assert error.reason == "source-column-missing"
    assert "“person_id”" in error.next
    assert unreadable(path, None, ("email",)).reason == "source-column-twice"
    assert read_all(path, None, ("person_id",)).rows == [(2, ("1",))]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"delimiter": ";;"}, "settings-value"),
        ({"delimiter": "x"}, "settings-value"),
        ({"delimiter": "\n"}, "settings-value"),
        ({"quote": ";", "delimiter": ";"}, "settings-value"),
        ({"quote": "no"}, "settings-value"),
        ({"encoding": "utf-9"}, "source-encoding"),
        ({"encoding": "rot13"}, "source-encoding"),
        ({"encoding": "zip"}, "source-encoding"),
        ({"encoding": "idna"}, "source-encoding"),
        ({"encoding": "undefined"}, "source-encoding"),
    ],
)
def test_settings_of_the_form_that_make_no_sense(path: Path, options: dict[str, str], reason: str) -> None:
    assert unreadable(path, "a,b\n1,2\n", AB, **options).reason == reason


@pytest.mark.parametrize("data", [b"PK\x03\x04rest of a workbook", b"\xd0\xcf\x11\xe0rest"])
def test_a_workbook_is_called_one(path: Path, data: bytes) -> None:
    assert "workbook" in unreadable(path, data).text


# --- what is shown -------------------------------------------------------------------------------------------


def test_the_shape_shows_columns_form_and_some_rows(path: Path) -> None:
    path.write_text("person_id;email;city\n" + "".join(f"{n};p{n}@x.org;Zürich\n" for n in range(50)))
    shape = open_csv(path, id="person_id", email="email").shape()
    assert shape.columns == ("person_id", "email", "city")
    assert shape.details["encoding"] == "utf-8"
    assert shape.details["delimiter"] == ";"
    assert shape.email_columns == ("email",)
    assert len(shape.sample) == 10
    assert shape.sample[0] == ("0", "p0@x.org", "Zürich")
    assert shape.findings == ()


def test_findings_name_what_is_odd(path: Path) -> None:
    path.write_text("person,e,e\n1,x,y\n")
    shape = open_csv(path, id="persn", opted_out="e").shape()
    found = {(finding.reason, finding.ok) for finding in shape.findings}
    assert found == {
        ("source-column-missing", False),
        ("source-column-twice", False),
        ("source-no-address", False),
    }
    assert any("“person”" in finding.next for finding in shape.findings)
    path.write_text("eva@x.org,Eva\nmax@x.org,Max\n")
    assert "source-header-missing" in {finding.reason for finding in open_csv(path).shape().findings}


def test_a_very_large_file_only_warns(path: Path) -> None:
    path.write_text("a,email\n1,eva@x.org\n")
    os.truncate(path, 3 * 1024**3)
    [finding] = [
        one for one in open_csv(path, encoding="utf-8").shape().findings if one.reason == "source-large"
    ]
    assert finding.ok


@pytest.mark.parametrize(
    ("data", "delimiter"),
    [
        ("a,b;c\n1,2;3\n4,5;6\n", ","),
        ("name;email\nMüller, Eva;e@x.org\nMeier, Max;m@x.org\n", ";"),
        ("a\tb\n1,5\t2;5\n", "tab"),
        ("a|b|c\n1|2|3\n", "|"),
        ("email\neva@x.org\n", ","),
        ('"x;y",b,c\n1,2,3\n', ","),
        ("a;b;c\n1,1;2,2;3,3\n", ";"),
    ],
)
def test_the_delimiter_is_told_from_the_rows(path: Path, data: str, delimiter: str) -> None:
    path.write_text(data)
    assert open_csv(path).shape().details["delimiter"] == delimiter


def test_the_settings_win_over_what_was_told(path: Path) -> None:
    data = "a,b;c\n1,2;3\n'x;y',5;6\n"
    assert read_all(path, data, ("a,b",), delimiter=";").rows[0] == (2, ("1,2",))
    assert read_all(path, "a\tb\n1\t2", AB, delimiter="tab").rows == [(2, ("1", "2"))]
    assert read_all(path, "a;b\n'1;2';3", AB, delimiter="semicolon", quote="'").rows == [(2, ("1;2", "3"))]
    assert read_all(path, 'a;b\n"1;2"\n', AB, quote="none").rows == [(2, ('"1', '2"'))]


def test_the_form_explains_its_settings() -> None:
    assert [spec.name for spec in KIND.settings] == [
        *("path", "id", "email", "opted_out", "delimiter", "encoding", "quote"),
    ]
    assert [spec.name for spec in KIND.settings if spec.required] == ["path"]
    assert all(spec.help and spec.label for spec in KIND.settings)


# --- laws ------------------------------------------------------------------------------------------------------

_values = st.text(
    st.sampled_from("aäß€ \t,;|\"'\r\n\x0b\x0c\x1c\x85\u2028-0é")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0@"),
    max_size=8,
)


@given(
    rows=st.integers(2, 4).flatmap(
        lambda n: st.lists(st.lists(_values, min_size=n, max_size=n), max_size=12)
    ),
    delimiter=st.sampled_from(",;\t|"),
    quote=st.sampled_from("\"'"),
    line_end=st.sampled_from(["\r\n", "\n", "\r"]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-32"]),
    block=st.sampled_from([4, 5, 7, 64, 128 * 1024]),
)
def test_R35_whatever_a_writer_wrote_is_read_back_with_its_lines(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    delimiter: str,
    quote: str,
    line_end: str,
    codec: str,
    block: int,
) -> None:
    if codec == "cp1252":
        rows = [[value.encode("cp1252", "ignore").decode("cp1252") for value in row] for row in rows]
    header = [f"c{number}" for number in range(len(rows[0]) if rows else 2)]
    text = io.StringIO(newline="")
    # A writer quotes the line ends it uses itself; only with all quoted are the others safe, too.
    quoting: Literal[0, 1] = csv.QUOTE_MINIMAL if line_end == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(text, delimiter=delimiter, quotechar=quote, lineterminator=line_end, quoting=quoting)
    writer.writerow(header)
    expected: list[tuple[int, tuple[str, ...]]] = []
    for row in rows:
        expected.append((1 + _line_ends(text.getvalue()), tuple(row)))
        writer.writerow(row)
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filetext, "BLOCK_BYTES", block)
        read = read_all(
            path, text.getvalue().encode(codec), header, delimiter=delimiter, quote=quote, encoding=codec
        )
    assert read.problems == []
    assert read.rows == expected


def _line_ends(text: str) -> int:
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


@given(data=st.binary(max_size=300) | st.text('a,";\n\r@x\0', max_size=200).map(str.encode))
def test_no_bytes_crash_it_and_no_line_is_lost(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    data = b"a,b\n" + data
    read: Read | None = None
    reason = ""
    try:
        read = read_all(path, data, ("a",), encoding="utf-8", delimiter=",")
    except SourceIncomplete as error:
        reason = error.reason
    assert reason == ("source-quote-open" if read is None else "")
    if read is not None:
        lines = sorted([line for line, _ in read.rows] + [line for line, _ in read.faults])
        assert len(lines) == len(set(lines)) == read.end.rows + read.end.problems
        text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        filled = [number for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if '"' not in text:
            assert lines == [number for number in filled if number > 1]
        else:
            assert set(lines) <= set(filled)


def test_R37_reading_takes_constant_memory(path: Path) -> None:
    with path.open("w") as file:
        file.write("id,email,name\n")
        file.writelines(f"{n},person{n}@example.org,Eva Müller {n}\n" for n in range(100_000))
    source = open_csv(path)
    list(source.read(("id",)))
    tracemalloc.start()
    try:
        count = sum(len(batch.rows) for batch in source.read(("id", "email")))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 4 * 1024 * 1024, f"{peak} bytes for a file of {path.stat().st_size}"


def test_the_sample_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "SAMPLE_BYTES", 4096)
    path.write_text("a,b\n" + "".join(f"{n},x\n" for n in range(100_000)))
    form = csvform.find_form(path, {})
    assert len(form.sample) <= csvform.SAMPLE_ROWS
    assert form.sample[-1] == (str(len(form.sample) - 1), "x"), "the row that the sample cuts is left out"
