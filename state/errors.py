"""What can be wrong with the state file. Each is exit code 10, and the file is left as it was."""

from __future__ import annotations


class StateError(Exception):
    """The state file cannot be used: which file, why, what next (``state.reasons``)."""

    def __init__(self, reason: str, text: str, next: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.next = next

    @property
    def of_the_file(self) -> bool:
        """Whether the file itself is at fault, and not what was asked of it (a plan that is not there …)."""
        return self.reason.startswith("state-")


class FenceLost(Exception):
    """Another process took the lease over: nothing more may be written in its name (I4)."""
