"""What doctor says about the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.secret import Secret
from console.settings import add_connection, configuration_findings, load, load_usable
from tests.console.conftest import EXAMPLE, Write

CANARY = "canary-44d0-us1"


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("VERBAND_KEY", CANARY)
    (folder / "members.csv").write_text("person_id,email\n")


def reasons(path: Path) -> list[str]:
    found = configuration_findings(*load_usable(path))
    assert CANARY not in str(found)
    assert all(finding.next or finding.ok or finding.reason for finding in found)
    return [finding.reason for finding in found]


def test_sound_settings_give_one_fine_finding(write: Write) -> None:
    settings, faults = load_usable(write(EXAMPLE))
    [finding] = configuration_findings(settings, faults)
    assert (finding.reason, finding.ok) == ("ok", True)
    assert "connections: 1, sources: 1, links: 1" in finding.text


def test_faults_are_findings_with_place_and_next_step(write: Write) -> None:
    settings, faults = load_usable(write(EXAMPLE.replace('source = "members"', 'source = "member"')))
    [finding] = configuration_findings(settings, faults)
    assert (finding.reason, finding.ok) == ("settings-dangling", False)
    assert finding.where == "listwarden.toml:16 links.members-news.source"
    assert "members" in finding.text
    assert finding.next


def test_no_settings(folder: Path) -> None:
    assert reasons(folder / "listwarden.toml") == ["settings-missing"]


def test_a_secret_that_is_not_there(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERBAND_KEY")
    assert reasons(write(EXAMPLE)) == ["secret-missing"]


def test_two_connections_with_one_key_are_one_account(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", CANARY)
    other = '[connections.other]\nprovider = "fake"\nkey = { env = "OTHER_KEY" }\n'
    assert reasons(write(EXAMPLE + other)) == ["same-account"]
    link = EXAMPLE[EXAMPLE.index("[links") :].replace("members-news", "again").replace('"verband"', '"other"')
    assert reasons(write(EXAMPLE + other + link)) == ["same-account", "list-linked-twice"]
    elsewhere = other + 'base_url = "https://elsewhere.example"\n'
    assert reasons(write(EXAMPLE + elsewhere)) == ["ok"]
    monkeypatch.setenv("OTHER_KEY", "another")
    assert reasons(write(EXAMPLE + other + link)) == ["ok"]


def test_a_key_the_adapter_cannot_use_is_a_finding(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERBAND_KEY", "malformed")
    assert reasons(write(EXAMPLE)) == ["key-malformed"]


def test_a_name_that_means_two_things_is_shown(write: Write) -> None:
    settings = load(write(EXAMPLE.replace("members-news", "verband")))
    [finding] = configuration_findings(settings, ())
    assert (finding.reason, finding.ok) == ("name-taken", True)


def test_rights_of_secrets(write: Write, folder: Path) -> None:
    path = write(EXAMPLE)
    add_connection(load(path), "neu", {"provider": "fake", "key": Secret("other")})
    assert reasons(path) == ["ok"]
    (folder / "secrets" / "neu-key").chmod(0o644)
    (folder / "secrets").chmod(0o755)
    assert reasons(path) == ["secret-exposed", "file-permissions"]


def test_rights_of_source_files_count_only_where_others_can_reach_them(write: Write, folder: Path) -> None:
    path = write(EXAMPLE)
    members = folder / "members.csv"
    members.chmod(0o644)
    assert reasons(path) == ["ok"], "the folder is closed"
    opened = [place for place in (folder, *folder.parents) if place.stat().st_uid == members.stat().st_uid]
    modes = {place: place.stat().st_mode for place in opened}
    try:
        for place in opened:
            place.chmod(modes[place] | 0o001)
        assert reasons(path) == ["file-permissions"]
        members.chmod(0o600)
        assert reasons(path) == ["ok"]
    finally:
        for place, mode in modes.items():
            place.chmod(mode)


def test_a_source_file_that_is_not_there(write: Write, folder: Path) -> None:
    (folder / "members.csv").unlink()
    assert reasons(write(EXAMPLE)) == ["source-missing"]


def test_a_source_file_in_a_folder_that_is_closed_to_us(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    path = write(EXAMPLE)
    # The administrator, who may run the tests, can look everywhere.
    monkeypatch.setattr(Path, "exists", forbidden)
    assert reasons(path) == ["source-not-readable"]


def test_settings_others_may_write(write: Write) -> None:
    path = write(EXAMPLE)
    path.chmod(0o666)
    assert reasons(path) == ["settings-writable"]
