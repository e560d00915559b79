"""The docs say what the program does: pages made from code are fresh, and what is printed in them can be typed.

Invariant: whoever adds a command, a setting, a reason or an exit code is told which page lacks it.
"""

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from defusedxml import ElementTree
from typer.main import get_command

from adapters import registry
from console.cli.app import build
from console.exit_codes import ExitCode
from console.settings.parse import parse
from console.tui.commands import REGISTRY
from console.tui.places import parse_place
from state.model import Outcome, RowClass
from state.reasons import REASONS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
MADE = ("commands", "keys", "reasons", "sandbox")

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _names(pages: list[Path]) -> list[str]:
    return [page.name for page in pages]


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"make_{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _blocks(page: Path, *languages: str) -> Iterator[str]:
    for language, text in _FENCE.findall(_read(page)):
        if language in languages:
            yield text


# --- pages made from code --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MADE)
def test_pages_made_from_code_are_fresh(name: str) -> None:
    assert _read(DOCS / f"{name}.md") == _script(name).page(), f"write it anew: python docs/make_{name}.py"


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if not command.hidden:
            yield f"{path} {name}", command
            if hasattr(command, "commands"):
                yield from _commands(command, f"{path} {name}")


def test_every_command_and_option_is_in_the_docs() -> None:
    text = _read(DOCS / "commands.md")
    found = dict(_commands(_command_line(), "listwarden"))
    assert {"listwarden preview", "listwarden job follow", "listwarden state backup"} <= found.keys()
    for path, command in found.items():
        assert f"### {path}\n" in text, path
        chapter = text.split(f"### {path}\n", 1)[1].split("\n### ", 1)[0]
        for param in command.params:
            if param.param_type_name == "option":
                assert f"`{param.opts[0]}" in (text if param.name in _SHARED else chapter), (path, param.opts)
    assert "listwarden job run" not in text


_SHARED = {"config_file", "state_file", "look_only", "as_json"}


def test_every_reason_has_an_entry() -> None:
    text = _read(DOCS / "reasons.md")
    missing = [code for code, entry in REASONS.items() if f"| `{code}` | {entry.title} |" not in text]
    assert not missing


def test_every_key_of_the_console_is_in_the_docs() -> None:
    text = _read(DOCS / "keys.md")
    assert not [command.id for command in REGISTRY if f"| {command.label} | {command.help}" not in text]


# --- what people wrote -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=_names(PAGES))
def test_links_between_pages_resolve(page: Path) -> None:
    broken = []
    for target in _LINK.findall(_read(page)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.is_file() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    assert not broken


def _anchors(page: Path) -> set[str]:
    """As the usual sites make them: lower case, no punctuation, dashes for blanks."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(_read(page))
    }


def test_the_readme_leads_to_every_page() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = [target.partition("#")[0] for target in _LINK.findall(_read(page)) if "://" not in target]
        waiting += [(page.parent / target).resolve() for target in targets if target]
    assert {page.resolve() for page in PAGES} == {page.resolve() for page in seen}


@pytest.mark.parametrize("page", PAGES, ids=_names(PAGES))
def test_every_command_printed_can_be_typed(page: Path) -> None:
    """Words and options of each call are taken apart as the command line does, and nothing is carried out."""
    wrong = []
    for call, named_only in _calls(page):
        try:
            _take_apart(call, named_only=named_only)
        except Exception as error:  # noqa: BLE001 - Typer's classes of complaints are not public
            wrong.append(f"{call}: {error!r}")
    assert not wrong


@pytest.mark.parametrize("call", ["prevue x", "preview x --sav", "preview", "job x", "job show", "open-all"])
def test_a_wrong_command_would_be_found(call: str) -> None:
    with pytest.raises(Exception, match=r"No such|Missing|required"):
        _take_apart(f"listwarden {call}")


def _calls(page: Path) -> Iterator[tuple[str, bool]]:
    """The calls of a page; those in the midst of a sentence may name a command without its arguments."""
    text = _read(page)
    lines = [line for block in _blocks(page, "sh", "cron", "ini") for line in block.splitlines()]
    for line in lines:
        # Of a line such as "17 * * * *  NAME=x ~/bin/listwarden feedback …" the call alone.
        found = re.search(r"(?:^|[\s/=])(listwarden(?: .*)?)$", line.split(" #")[0].split(" | ")[0].rstrip())
        if found and not line.startswith(("sudo", "curl", "#", "[", "Description")):
            yield re.sub(r"\$\(.*?\)", "x", found[1]), False
    for call in re.findall(r"`(listwarden [^`]+)`", _FENCE.sub("", text)):
        if not call.startswith("listwarden COMMAND"):
            yield call.split(" | ")[0], True


@cache
def _command_line() -> Any:
    return get_command(build())


def _take_apart(call: str, *, named_only: bool = False) -> None:
    words = shlex.split(call)[1:]
    if words and ":" in words[0]:
        parse_place(words[0])
        return
    command = _command_line()
    context = command.make_context("listwarden", [], resilient_parsing=True)
    while hasattr(command, "commands"):
        if not words:
            return  # the group by itself
        if words[0].startswith("-"):
            assert any(words[0] in param.opts for param in command.params), f"No such option {words[0]}"
            return
        name, command, words = command.resolve_command(context, words)
        assert command is not None, f"No such command {name}"
        if hasattr(command, "commands"):
            context = command.make_context(name, [], parent=context, resilient_parsing=True)
    if words or not named_only:
        numbered = ["1" if word == "N" else word for word in words]
        command.make_context(command.name, numbered, parent=context)


def _expected_keys(text: str, path: str) -> set[str]:
    """The keys a table may have, as the settings' own complaint about an unknown one lists them."""
    faults = parse(text, Path("listwarden.toml")).faults
    told = [fault.expected for fault in faults if fault.key == path]
    assert len(told) == 1, (path, [str(fault) for fault in faults])
    return set(told[0].removeprefix("one of ").split(", "))


def test_every_setting_is_in_the_docs() -> None:
    tables = {"options": "[options]\nnonsense = 1", "links": "[links.x]\nnonsense = 1"}
    for name in registry.PROVIDERS:
        tables[f"connections {name}"] = f'[connections.x]\nprovider = "{name}"\nnonsense = 1'
    for name in registry.SOURCES:
        tables[f"sources {name}"] = f'[sources.x]\nkind = "{name}"\nnonsense = 1'
    text = _read(DOCS / "settings.md")
    for table, settings in tables.items():
        path = f"{table.split()[0]}.nonsense" if table == "options" else f"{table.split()[0]}.x.nonsense"
        keys = _expected_keys(settings, path)
        title = table.split()[0].capitalize()
        chapter = text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
        assert len(keys) >= 2
        assert not [key for key in keys if f"| `{key}` |" not in chapter], table


def test_every_setting_an_adapter_describes_is_in_the_docs() -> None:
    text = _read(DOCS / "settings.md")
    specs = [spec.name for name in registry.PROVIDERS for spec in registry.provider_kind(name).settings]
    specs += [spec.name for name in registry.SOURCES for spec in registry.source_kind(name).settings]
    assert {"key", "path", "encoding"} <= set(specs)
    assert not [name for name in specs if f"| `{name}` |" not in text]


@pytest.mark.parametrize("page", PAGES, ids=_names(PAGES))
def test_settings_shown_are_good(page: Path) -> None:
    """A whole example has no fault; of a piece only the names it refers to may be elsewhere."""
    for block in _blocks(page, "toml"):
        tomllib.loads(block)
        text = block if block.startswith("[") else _LINK_AROUND + block
        assert not [
            str(fault)
            for fault in parse(text, Path("listwarden.toml")).faults
            if fault.reason != "settings-dangling"
        ]
    if page.name == "settings.md":
        whole = parse(next(_blocks(page, "toml")), Path("listwarden.toml"))
        assert (len(whole.connections), len(whole.sources), len(whole.links), whole.faults) == (1, 1, 1, ())


_LINK_AROUND = '[links.x]\nsource = "x"\nconnection = "x"\nlist = "x"\nconsent = "x"\n'


def test_the_readme_names_the_exit_codes() -> None:
    row = re.compile(r"\| (\d+) \| [^|]+")
    for page in (ROOT / "README.md", DOCS / "commands.md"):
        chapter = _read(page).split("## Exit codes\n", 1)[1].split("\n## ", 1)[0]
        assert {int(number) for number in row.findall(chapter)} == {int(code) for code in ExitCode}, page.name


def test_classes_and_outcomes_are_explained() -> None:
    text = _read(DOCS / "operators.md")
    words = [one.value for one in (*RowClass, *Outcome)]
    assert not [word for word in words if f"| `{word}` |" not in text]


def test_reasons_named_in_the_docs_exist() -> None:
    for page in PAGES:
        if page.stem in MADE:
            continue
        named = re.findall(r"\(`([a-z]+(?:-[a-z]+)+)`\)", _read(page))
        tables = [line for line in _read(page).splitlines() if line.startswith("| `")]
        if page.name == "csv.md":
            named += [
                code for line in tables for code in re.findall(r"`([a-z]+-[a-z-]+)`", line.split("|")[1])
            ]
        assert not [code for code in named if code not in REASONS], page.name


def test_the_picture_is_whole_and_fetches_nothing() -> None:
    text = _read(DOCS / "preview.svg")
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert set(re.findall(r"https?://[^\s\"<>]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "@import" not in text
    assert "url(http" not in text
    shown = text.replace("&#160;", " ")
    assert not [one.value for one in RowClass if one.value not in shown]
    addresses = set(re.findall(r"[\w.]+@[\w.]+", shown)) - {"ann@desk"}
    assert addresses
    assert not [one for one in addresses if not one.endswith((".example", "example.org", "example.net"))]
    assert "docs/preview.svg" in _read(ROOT / "README.md")


@pytest.mark.parametrize("page", PAGES, ids=_names(PAGES))
def test_pages_name_no_machine_no_person_and_no_other_host(page: Path) -> None:
    text = _read(page)
    assert not re.findall(r"(?<![\w./~{}$%-])/(?:home|Users|root|work|tmp|opt|mnt)/\S+", text)
    hosts = set(re.findall(r"https?://([\w.-]+)", text))
    assert hosts <= {
        "127.0.0.1",
        "crm.example.org",
        "us19.api.mailchimp.com",
        "api.mailchimp.com",
        "keepachangelog.com",
        "semver.org",
    }
    addresses = re.findall(r"[\w.+-]+@[\w-]+\.[\w.-]*\w", text)
    # A name of dotdigital's API users is no person's address, and is what people look for there.
    allowed = ("example.org", "example.com", "example.net", "apiuser-0123456789ab@apiconnector.com")
    assert not [one for one in addresses if not one.endswith(allowed)]
