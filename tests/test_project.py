"""The project as a whole: what its files may not say, what is pinned, and the three floors.

Invariant: what lint on a contributor's machine would catch, CI catches here.
"""

import ast
import os
import re
import socket
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FLOORS = ("console", "adapters", "state")
_MADE = {".git", ".venv", "__pycache__", "build", "dist", ".hypothesis", ".benchmarks"}
_PINNED = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.+!]+)")


def _run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _project_files() -> list[Path]:
    """What git holds or would hold; in a copy without git everything that is not made by a tool."""
    listed = _run("git", "ls-files", "-co", "--exclude-standard", "-z") if (ROOT / ".git").exists() else None
    if listed is not None and listed.returncode == 0:
        names = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        names = [
            path
            for path in ROOT.rglob("*")
            if not any(part in _MADE or part.endswith("_cache") for part in path.relative_to(ROOT).parts)
        ]
    return [path for path in names if path.is_file()]


def _modules() -> list[Path]:
    return [path for path in _project_files() if path.suffix == ".py"]


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _pins() -> dict[str, str]:
    pins: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = _PINNED.fullmatch(line)
            assert pin, f"constraints.txt holds pins and nothing else, not: {line}"
            pins[canonicalize_name(pin["name"])] = pin["version"]
    return pins


def _asked_for() -> list[Requirement]:
    project = _pyproject()["project"]
    extras = [line for group in project["optional-dependencies"].values() for line in group]
    return [Requirement(line) for line in project["dependencies"] + extras]


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a machine's path", r"(?<![\w./~{}$-])/(?:home|Users|root|work|tmp)/\w"),
        ("an index address", r"https?://[^\s)\"]+/simple(?:/|\b)|index[-]url|pypi[.]org|pythonhosted[.]org"),
    ],
    ids=["machine", "index"],
)
def test_no_file_names(what: str, pattern: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in _project_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert not found, f"{what} in:\n" + "\n".join(found)


def test_every_module_says_why_it_exists() -> None:
    modules = _modules()
    assert {path.relative_to(ROOT).parts[0] for path in modules} >= {*FLOORS, "tests"}
    silent = [
        str(path.relative_to(ROOT))
        for path in modules
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent


def test_constraints_pin_what_pyproject_asks_for() -> None:
    pins = _pins()
    unfit = [
        str(wanted)
        for wanted in _asked_for()
        if (pin := pins.get(canonicalize_name(wanted.name))) is None or not wanted.specifier.contains(pin)
    ]
    assert not unfit


def test_constraints_pin_what_those_need_themselves() -> None:
    pins = _pins()
    unpinned: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = {(canonicalize_name("pip"), frozenset())}  # comes with every venv
    waiting = _asked_for()
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        if name not in pins:
            unpinned.add(name)
        for line in metadata.requires(name) or ():
            needed = Requirement(line)
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
                waiting.append(needed)
    assert not unpinned
    assert len(seen) > len(_asked_for()) + 1, "nothing was followed"


def test_the_version_stands_in_one_place() -> None:
    project = _pyproject()
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["hatch"]["version"]["path"] == "console/__init__.py"
    stated = [
        str(path.relative_to(ROOT))
        for path in _modules()
        if re.search(r"^__version__\s*(?::.*)?=", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert stated == ["console/__init__.py"]


def test_asking_for_the_version_loads_nothing_heavy() -> None:
    """Design §8: `listwarden --version` loads none of textual, httpx, sqlite_utils."""
    program = (
        "import sys, console\n"
        "from console.cli import main\n"
        "sys.argv = ['listwarden', '--version']\n"
        "try:\n"
        "    code = main()\n"
        "except SystemExit as end:\n"
        "    code = end.code\n"
        "names = ('textual', 'httpx', 'sqlite_utils', 'starlette', 'uvicorn')\n"
        "heavy = [name for name in names if name in sys.modules]\n"
        "print(code or 0, console.__version__, heavy)\n"
    )
    answer = _run(sys.executable, "-c", program)
    assert answer.returncode == 0, answer.stderr
    said, judged = answer.stdout.splitlines()
    code, version, heavy = judged.split(" ", 2)
    assert (code, heavy) == ("0", "[]")
    assert version in said


def test_the_floors_hold() -> None:
    answer = _run(str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_contract_of_the_floors_can_break(tmp_path: Path) -> None:
    """Each contract is shown a module that breaks it and nothing else."""
    written = _pyproject()["tool"]["importlinter"]["contracts"]
    contracts = {contract["id"]: contract["name"] for contract in written}
    breaches = {
        "floors": ("state/upwards.py", "import adapters"),
        "http": ("adapters/chatty.py", "import httpx"),
        "sql": ("console/nosy.py", "import sqlite3"),
        "no-screen-below": ("adapters/colourful.py", "import rich"),
        "textual": ("console/screen.py", "import textual"),
    }
    assert breaches.keys() == contracts.keys()
    for floor in FLOORS:
        (tmp_path / floor).mkdir()
        (tmp_path / floor / "__init__.py").touch()
    for allowed, statement in (("adapters/http.py", "import httpx"), ("state/store.py", "import sqlite3")):
        (tmp_path / allowed).write_text(statement, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    lint = (str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache")

    answer = _run(*lint, cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr

    for file, statement in breaches.values():
        (tmp_path / file).write_text(statement, encoding="utf-8")
    answer = _run(*lint, cwd=tmp_path)
    assert answer.returncode == 1
    for identifier, name in contracts.items():
        assert f"{name} BROKEN" in answer.stdout, identifier
    for identifier, (file, _) in breaches.items():
        assert file.removesuffix(".py").replace("/", ".") + " -> " in answer.stdout, identifier


def test_ruff_finds_nothing() -> None:
    answer = _run(sys.executable, "-m", "ruff", "check", "--output-format", "concise", ".")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_tests_reach_no_other_machine(forbidden_hosts: list[str]) -> None:
    with socket.socket() as connection, pytest.raises(RuntimeError, match="loopback only"):
        connection.connect(("192.0.2.1", 80))
    with pytest.raises(RuntimeError, match="loopback only"):
        socket.getaddrinfo("mailchimp.example", 443)
    assert forbidden_hosts == ["192.0.2.1", "mailchimp.example"]
    forbidden_hosts.clear()  # else this test would fail as any other that tried
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as connection:
        connection.connect(server.getsockname())


def test_tests_have_a_home_of_their_own(tmp_path: Path) -> None:
    assert list(Path.home().iterdir()) == [Path(os.environ["XDG_RUNTIME_DIR"])]
    assert Path.home().is_relative_to(tmp_path.parent)
    assert not [name for name in os.environ if name.startswith("LISTWARDEN_")]
