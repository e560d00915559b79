"""Fetching and keeping secrets: every way works, every failure is told, and no text ever holds one."""

from __future__ import annotations

import os
import stat
import sys
import textwrap
import time
from pathlib import Path

import pytest

from adapters.secret import Secret
from console.secrets import (
    FromCommand,
    FromEnvironment,
    FromFile,
    FromKeyring,
    SecretError,
    SecretReference,
    fetch,
    keep,
    parse_reference,
    reference_value,
)

CANARY = "canary-7c1e-us1"


def refused(reference: SecretReference, folder: Path, seconds: float | None = None) -> SecretError:
    with pytest.raises(SecretError) as caught:
        fetch(reference, folder, seconds=seconds)
    assert CANARY not in f"{caught.value!r}{caught.value.text}{caught.value.next}"
    assert caught.value.next
    return caught.value


def script(folder: Path, body: str) -> FromCommand:
    path = folder / "program.py"
    path.write_text(textwrap.dedent(body))
    return FromCommand((sys.executable, str(path)))


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ({"env": "A_KEY"}, FromEnvironment("A_KEY")),
        ({"command": ["pass", "show", "x"]}, FromCommand(("pass", "show", "x"))),
        ({"file": "secrets/x"}, FromFile("secrets/x")),
        ({"keyring": "listwarden/verband/eva"}, FromKeyring("listwarden/verband", "eva")),
    ],
)
def test_references_are_read_and_written(value: object, reference: SecretReference) -> None:
    assert parse_reference(value) == reference
    assert reference_value(reference) == value


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        3,
        [CANARY],
        {},
        {"env": CANARY},
        {"env": ""},
        {"env": 3},
        {"env": "A", "file": CANARY},
        {"value": CANARY},
        {"command": []},
        {"command": CANARY},
        {"command": ["x", 3]},
        {"command": ["x\0"]},
        {"file": " "},
        {"keyring": CANARY},
        {"keyring": "/x"},
    ],
)
def test_anything_else_is_refused_without_being_quoted(value: object) -> None:
    with pytest.raises(SecretError) as caught:
        parse_reference(value)
    assert caught.value.reason == ("secret-in-clear" if isinstance(value, str) else "settings-value")
    assert CANARY not in f"{caught.value!r}{caught.value.text}{caught.value.next}"


def test_environment(tmp_path: Path) -> None:
    environ = {"FULL": f" {CANARY} ", "EMPTY": ""}
    assert fetch(FromEnvironment("FULL"), tmp_path, environ=environ).reveal() == CANARY
    for name, word in (("EMPTY", "empty"), ("ABSENT", "not set")):
        with pytest.raises(SecretError, match=f"{name} is {word}") as caught:
            fetch(FromEnvironment(name), tmp_path, environ=environ)
        assert caught.value.reason == "secret-missing"


def test_a_file_gives_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"\xef\xbb\xbf" + CANARY.encode() + b"\r\nsecond line\n")
    path.chmod(0o600)
    assert fetch(FromFile("key"), tmp_path).reveal() == CANARY
    path.chmod(0o400)
    assert fetch(FromFile(str(path)), tmp_path / "elsewhere").reveal() == CANARY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644])
def test_a_file_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_text(CANARY)
    path.chmod(mode)
    error = refused(FromFile("key"), tmp_path)
    assert error.reason == "secret-exposed"
    assert f"{mode:04o}" in error.text


def test_a_file_of_another_account_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    path.write_text(CANARY)
    path.chmod(0o600)
    # Only the administrator can give a file away; so let this process take itself for somebody else.
    owner = path.stat().st_uid or 12345
    if os.geteuid() == 0:
        os.chown(path, owner, owner)
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert refused(FromFile("key"), tmp_path).reason == "secret-exposed"


def test_what_is_no_secret_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, data in (("empty", b"\n" + CANARY.encode()), ("binary", b"\xff\xfe"), ("control", b"a\x1bb")):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o600)
    for name in ("absent", "folder", "pipe", "empty", "binary", "control"):
        assert refused(FromFile(name), tmp_path).reason == "secret-missing"


def test_a_command_gives_its_first_line_without_a_shell(tmp_path: Path) -> None:
    command = script(tmp_path, f"import sys, os; print('{CANARY}', *sys.argv[1:]); print(os.getcwd())")
    told = FromCommand((*command.words, "$HOME; echo no", "*"))
    assert fetch(told, tmp_path).reveal() == f"{CANARY} $HOME; echo no *"


def test_a_relative_program_starts_at_the_folder(tmp_path: Path) -> None:
    program = tmp_path / "give"
    program.write_text("#!/bin/sh\necho relative-$PWD\n")
    program.chmod(0o700)
    assert fetch(FromCommand(("./give",)), tmp_path).reveal() == f"relative-{tmp_path}"


def test_a_command_that_fails_is_told_without_its_words(tmp_path: Path) -> None:
    failing = script(
        tmp_path, f"import sys; print('{CANARY}'); print('{CANARY}', file=sys.stderr); sys.exit(3)"
    )
    error = refused(FromCommand((*failing.words, CANARY)), tmp_path)
    assert error.reason == "secret-command"
    assert "ended with 3" in error.text
    assert refused(FromCommand(("no-such-program-here",)), tmp_path).reason == "secret-command"
    assert refused(script(tmp_path, "print()"), tmp_path).reason == "secret-command"
    assert (
        refused(script(tmp_path, "import os; os.write(1, b'\\xff\\n')"), tmp_path).reason == "secret-command"
    )


def test_a_command_has_no_terminal_to_ask_on(tmp_path: Path) -> None:
    asking = script(tmp_path, "import sys; print('got', repr(sys.stdin.read()))")
    assert fetch(asking, tmp_path).reveal() == "got ''"


@pytest.mark.parametrize(
    "body",
    [
        "import time; time.sleep(60)",
        # It closes its output and lives on.
        "import os, time; os.close(1); time.sleep(60)",
        # Its child holds the pipe open.
        "import subprocess; subprocess.Popen(['sleep', '60'])",
    ],
)
def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path, body: str) -> None:
    (tmp_path / "child").unlink(missing_ok=True)
    command = script(tmp_path, f"import os\nopen('child', 'w').write(str(os.getpid()))\n{body}\n")
    error = refused(command, tmp_path, seconds=1.0)
    assert error.reason == "secret-command"
    assert "did not end" in error.text
    group = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while _alive(group) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(group)


def _alive(group: int) -> bool:
    """A process of the group that is more than a zombie nobody has waited for yet."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, member_of = entry.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(member_of) == group and state != "Z":
            return True
    return False


def test_a_command_that_never_stops_talking_is_cut(tmp_path: Path) -> None:
    endless = script(tmp_path, "import os\nwhile True: os.write(1, b'x' * 65536)")
    error = refused(endless, tmp_path, seconds=20.0)
    assert error.reason == "secret-command"
    assert "more than 65536 bytes" in error.text


def test_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = FromKeyring("listwarden", "eva")
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "not installed" in refused(reference, tmp_path).text
    package = tmp_path / "packages"
    package.mkdir()
    monkeypatch.syspath_prepend(str(package))
    answers = {
        "return 'canary-7c1e-us1'": None,
        "return None": "nothing for listwarden/eva",
        "raise RuntimeError('canary-7c1e-us1')": "RuntimeError",
        "import time; time.sleep(30)": "did not answer",
    }
    for number, (body, complaint) in enumerate(answers.items()):
        (package / f"keyring_{number}.py").write_text(f"def get_password(service, user):\n    {body}\n")
        monkeypatch.setitem(sys.modules, "keyring", __import__(f"keyring_{number}"))
        if complaint is None:
            assert fetch(reference, tmp_path).reveal() == CANARY
        else:
            error = refused(reference, tmp_path, seconds=0.5)
            assert error.reason == "secret-keyring"
            assert complaint in error.text


def test_I16_a_typed_secret_is_kept_in_a_closed_file_whatever_the_umask(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        reference = keep(tmp_path, "verband-key", Secret(CANARY))
    finally:
        os.umask(former)
    assert reference == FromFile("secrets/verband-key")
    path = tmp_path / reference.path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert fetch(reference, tmp_path).reveal() == CANARY
    assert [entry.name for entry in path.parent.iterdir()] == ["verband-key"]


def test_a_second_secret_of_a_name_leaves_the_first(tmp_path: Path) -> None:
    first, second = keep(tmp_path, "a", Secret("one")), keep(tmp_path, "a", Secret("two"))
    assert (first.path, second.path) == ("secrets/a", "secrets/a-2")
    assert [fetch(one, tmp_path).reveal() for one in (first, second)] == ["one", "two"]
    assert keep(tmp_path, "../../a b", Secret("x")).path == "secrets/______a_b"


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "secrets").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretError):
        keep(tmp_path, "a", Secret(CANARY))
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "nul\0"])
def test_what_is_no_secret_is_not_kept(tmp_path: Path, text: str) -> None:
    with pytest.raises(SecretError):
        keep(tmp_path, "a", Secret(text))
    assert not (tmp_path / "secrets").exists()
