"""Says at which line of a TOML text each key stands, because the TOML readers do not.

Invariant: it is only asked about text the TOML reader has accepted, so it looks for keys and judges nothing;
every table and key of the document has a line, dotted keys and inline tables included.
"""

from __future__ import annotations

import tomllib

Path = tuple[str, ...]

_BLANK = " \t"
_BLANK_LINES = " \t\r\n"


def key_lines(text: str) -> dict[Path, int]:
    """The line (from 1) where each key or table first appears, by its path; items of lists are "0", "1" …"""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


def header_lines(text: str) -> list[tuple[int, Path]]:
    """The lines (from 1) with a ``[table]`` header, in the order of the text, and what each opens."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.headers


class _Scanner:
    """Walks over the text once; ``at`` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.headers: list[tuple[int, Path]] = []
        self._line = 1
        self._counted = 0
        self._lists: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        while self._skip_lines():
            if self.text.startswith("[[", self.at):
                self.at += 2
                name = self._inside_lists(self._key())
                self._lists[name] = self._lists.get(name, -1) + 1
                self._note((), name)
                table = (*name, str(self._lists[name]))
                self._note((), table)
                self.headers.append((self._line, table))
                self._skip_to("]", 2)
            elif self.text[self.at] == "[":
                self.at += 1
                table = self._inside_lists(self._key())
                self._note((), table)
                self.headers.append((self._line, table))
                self._skip_to("]", 1)
            else:
                self._pair(table)

    def _inside_lists(self, key: Path) -> Path:
        """``[[a]]`` then ``[a.b]`` speaks of the newest item of ``a``."""
        path: Path = ()
        for position, part in enumerate(key):
            path = (*path, part)
            if path in self._lists and position < len(key) - 1:
                path = (*path, str(self._lists[path]))
        return path

    def _note(self, table: Path, key: Path) -> None:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        for length in range(1, len(key) + 1):
            self.lines.setdefault(table + key[:length], self._line)

    def _pair(self, table: Path) -> None:
        key = self._key()
        self._note(table, key)
        self._skip_to("=", 1)
        self._value(table + key)

    def _skip_lines(self) -> bool:
        """Over blanks, line ends and comments; False at the end."""
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif character in _BLANK_LINES:
                self.at += 1
            else:
                return True
        return False

    def _skip_blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _BLANK:
            self.at += 1

    def _skip_to(self, mark: str, length: int) -> None:
        self.at = self.text.index(mark, self.at) + length

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._skip_blanks()
            start = self.at
            if self.text[start] in "\"'":
                self._string()
                parts.append(str(tomllib.loads("k=" + self.text[start : self.at])["k"]))
            else:
                while self.text[self.at].isalnum() or self.text[self.at] in "_-":
                    self.at += 1
                parts.append(self.text[start : self.at])
            self._skip_blanks()
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def _string(self) -> None:
        quote = self.text[self.at]
        if self.text.startswith(quote * 3, self.at):
            self.at += 3
            self._to_quote(quote, quote * 3)
            # Up to two quotes may stand right before the closing three.
            while self.text.startswith(quote, self.at):
                self.at += 1
        else:
            self.at += 1
            self._to_quote(quote, quote)

    def _to_quote(self, quote: str, end: str) -> None:
        while not self.text.startswith(end, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(end)

    def _value(self, path: Path) -> None:
        self._skip_blanks()
        character = self.text[self.at]
        if character in "\"'":
            self._string()
        elif character == "[":
            self.at += 1
            number = 0
            while self._skip_lines() and self.text[self.at] != "]":
                if self.text[self.at] == ",":
                    self.at += 1
                    continue
                self._note(path, (str(number),))
                self._value((*path, str(number)))
                number += 1
            self.at += 1
        elif character == "{":
            self.at += 1
            while self._skip_lines() and self.text[self.at] != "}":
                if self.text[self.at] == ",":
                    self.at += 1
                else:
                    self._pair(path)
            self.at += 1
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}#\n":
                self.at += 1
