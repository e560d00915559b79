"""What one call works with: which settings, which state, who asks, and whether JSON is wanted.

Invariant: nothing is read or opened before a command asks for it; an option given twice counts where it stood
last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from console.cli.failure import CommandRefused

if TYPE_CHECKING:
    from console.settings import Settings
    from state.model import Link, Operator
    from state.store import State

STATE_NAME = "listwarden.db"


@dataclass(slots=True)
class Session:
    """The options that every command takes, and what they lead to."""

    config: Path | None = None
    state: Path | None = None
    read_only: bool = False
    json: bool = False
    _settings: Settings | None = None

    @property
    def config_path(self) -> Path:
        """The settings file: ``--config``, ``LISTWARDEN_CONFIG``, else the config folder."""
        from console.settings import settings_path

        return settings_path(self.config)

    @property
    def state_path(self) -> Path:
        """The state file: ``--state``, ``LISTWARDEN_STATE``, else the state folder. A folder means the file in it."""
        return state_path(self.state)

    @property
    def settings(self) -> Settings:
        """What can be used of the settings; faults stand in ``settings.faults`` (R21)."""
        if self._settings is None:
            from console.settings import load_usable

            self._settings = load_usable(self.config_path)[0]
        return self._settings

    def keep_settings(self, settings: Settings) -> None:
        """The settings as they are after a change."""
        self._settings = settings

    @property
    def looks_only(self) -> bool:
        """Whether nothing may be written: asked for, set, or a state one may not write (design law 10)."""
        if self.read_only or self.settings.options.read_only:
            return True
        from state.store import may_write

        return not may_write(self.state_path)

    @property
    def operator(self) -> Operator:
        """Who asks."""
        from console.operator import current_operator

        return current_operator(os.environ)

    def must_write(self, what: str) -> None:
        """Refuse a command that writes when nothing may be written."""
        if self.looks_only:
            raise CommandRefused(
                "read-only",
                f"Read-only: {what} is not done.",
                "Run it without --read-only, as somebody who may write the state.",
            )

    def connection(self, name: str) -> str:
        """The name, if the settings have a usable connection of it."""
        return self.settings.connection(name).name

    def link(self, name: str) -> Link:
        """The link of that name."""
        return self.settings.link(name)

    @contextmanager
    def reading(self) -> Iterator[State]:
        """The state, opened for looking only; one of an earlier version is brought up first by whoever may write it."""
        from state.errors import StateError
        from state.store import bring_up, open_state

        try:
            state = open_state(self.state_path, read_only=True)
        except StateError as error:
            if error.reason != "state-older" or self.looks_only:
                raise
            bring_up(self.state_path)
            state = open_state(self.state_path, read_only=True)
        with state:
            yield state

    @contextmanager
    def writing(self) -> Iterator[State]:
        """The state, opened for writing."""
        from state.store import open_state

        with open_state(self.state_path) as state:
            yield state


def state_path(given: Path | None = None) -> Path:
    """Where the state file is."""
    named = given or os.environ.get("LISTWARDEN_STATE")
    if named:
        path = Path(named).expanduser().absolute()
        return path / STATE_NAME if path.is_dir() else path
    from platformdirs import user_state_path

    return user_state_path("listwarden", appauthor=False) / STATE_NAME
