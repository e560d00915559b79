"""The way in: what a newcomer's `make` says when the machine lacks something.

Invariant: whatever is missing is told in one line with the command that helps, and the exit status is not 0.
"""

import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_TOOLS = ("sh", "bash", "make", "cat", "cp", "dirname", "grep", "mv", "rm", "tail", "test")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What make needs of the project, under a name with a space."""
    place = tmp_path / "a checkout"
    (place / ".ci").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", ".ci/venv", ".ci/run"):
        shutil.copy(ROOT / name, place / name)
    return place


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH with ordinary tools and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in _TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (folder / tool).symlink_to(found)
    return folder


def _python(programs: Path, name: str, script: str) -> None:
    program = programs / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(stat.S_IRWXU)


def _ci(checkout: Path, programs: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", ".ci/run"],
        cwd=checkout,
        env=os.environ | {"PATH": str(programs)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _advice(answer: subprocess.CompletedProcess[str]) -> str:
    assert answer.returncode != 0
    return [line for line in answer.stderr.splitlines() if line.startswith("listwarden: ")][-1]


def test_without_a_new_enough_python(checkout: Path, programs: Path) -> None:
    _python(programs, "python3", "exit 1")  # as an old one answers
    _python(programs, "python3.13", "exit 127")  # as a shim without its version answers
    advice = _advice(_ci(checkout, programs))
    assert "no Python 3.11 or newer found" in advice
    assert "apt-get install python3" in advice
    assert not (checkout / ".venv").exists()


def test_without_the_venv_module(checkout: Path, programs: Path) -> None:
    _python(programs, "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    advice = _advice(_ci(checkout, programs))
    assert "python3 cannot make virtual environments" in advice
    assert "apt-get install python3-venv" in advice


def test_without_make(checkout: Path, programs: Path) -> None:
    (programs / "make").unlink()
    advice = _advice(_ci(checkout, programs))
    assert "make is missing" in advice
    assert "apt-get install make" in advice


def test_without_a_registry(checkout: Path, programs: Path) -> None:
    """A real environment is made; pip then asks an address where nobody listens."""
    (programs / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    with socket.socket() as bound_and_deaf:
        bound_and_deaf.bind(("127.0.0.1", 0))
        registry = f"http://127.0.0.1:{bound_and_deaf.getsockname()[1]}/"
        answer = _ci(
            checkout,
            programs,
            PIP_CONFIG_FILE=os.devnull,
            PIP_INDEX_URL=registry,
            PIP_RETRIES="0",
            PIP_NO_CACHE_DIR="1",
        )
    advice = _advice(answer)
    assert "pip cannot reach a package registry" in advice
    assert "make venv" in advice
    assert not (checkout / ".venv" / ".dev").exists(), "a failed installation must be tried again"
