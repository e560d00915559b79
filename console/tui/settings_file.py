"""The settings as the console uses them, read again when the file changes. Blocking: call it in a thread."""

from __future__ import annotations

from pathlib import Path

from console.settings import Settings, load_usable


class SettingsFile:
    """Reads the file and remembers which version of it that was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = (-1, -1)

    def read(self) -> Settings:
        """The usable part of the settings as they are now, with every fault."""
        self._seen = self._stamp()
        return load_usable(self.path)[0]

    def changed(self) -> bool:
        """Whether the file is another one than was read last."""
        return self._stamp() != self._seen

    def _stamp(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except OSError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_size)
