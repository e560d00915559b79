"""Messages between the app and its screens: small, and those that only tell the latest replace each other."""

from __future__ import annotations

from textual.message import Message


class StateChanged(Message):
    """Another process wrote to the state file."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, StateChanged)


class SettingsChanged(Message):
    """The settings file was read again."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SettingsChanged)


class KeysWanted(Message):
    """A dialog's input has the focus: hand it the keys typed while it was opening."""
