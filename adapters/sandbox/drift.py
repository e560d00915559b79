"""Rows that slip while somebody pages: somebody comes or goes between two pages (R40), for every vendor alike."""

from dataclasses import dataclass

from adapters.sandbox.vendor import ControlError

ACTIONS = ("insert", "delete")


@dataclass(slots=True)
class Drift:
    """One ordered slip: after so many pages of a list; `done` counts those that happened."""

    list_id: str | None = None
    after_pages: int = 0
    action: str = "insert"
    pages_seen: int = 0
    done: int = 0

    def order(self, list_id: str, after_pages: int, action: str) -> None:
        """Let it happen once. Raises ControlError for an action that is none."""
        if action not in ACTIONS:
            raise ControlError(f"action is insert or delete, not {action!r}")
        self.list_id, self.after_pages, self.action, self.pages_seen = list_id, after_pages, action, 0

    def due(self, list_id: str) -> str | None:
        """Counts a page of a list; the action when it is time for it, which is then forgotten."""
        if self.list_id != list_id:
            return None
        self.pages_seen += 1
        if self.pages_seen <= self.after_pages:
            return None
        self.list_id = None
        self.done += 1
        return self.action
