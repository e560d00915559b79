"""Changes a settings text so that comments and order survive, and proves that nothing else changed.

Invariant: the new text means exactly the old content with the one change applied; otherwise nothing is given
back. Tables are added and removed as lines of text, single keys through tomlkit.
"""

from __future__ import annotations

import io
import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from console.settings.lines import header_lines

Content = dict[str, Any]
Changes = Mapping[str, object]


class TooIntricateError(Exception):
    """The text is written in a way that cannot be changed with certainty; a person has to edit it."""


def add_table(text: str, kind: str, name: str, values: Changes) -> str:
    """With a new table ``[kind.name]`` after the last of its kind."""
    expected = _content(text)
    expected.setdefault(kind, {})[name] = _plain(values)
    lines = _lines(text)
    end = len(lines)
    sections = _sections(text, lines)
    of_kind = [stop for _, stop, path in sections if path[0] == kind]
    if of_kind:
        end = of_kind[-1]
    before, after = "".join(lines[:end]), "".join(lines[end:])
    if before and not before.endswith("\n"):
        before += "\n"
    gap = "\n" if before.strip() else ""
    tail = "\n" if after and not after.startswith(("\n", "\r\n")) else ""
    return _proven(before + gap + _rendered(kind, name, values) + tail + after, text, expected)


def remove_table(text: str, kind: str, name: str) -> str:
    """Without ``[kind.name]``; comments that follow after an empty line stay."""
    expected = _content(text)
    del expected[kind][name]
    if not expected[kind]:
        del expected[kind]
    lines = _lines(text)
    kept = list(lines)
    for start, stop, path in reversed(_sections(text, lines)):
        if path[:2] == (kind, name):
            # Not two empty lines where the table was.
            doubled = start and not lines[start - 1].strip() and not "".join(lines[stop : stop + 1]).strip()
            del kept[start - 1 if doubled else start : stop]
    try:
        return _proven("".join(kept), text, expected)
    except TooIntricateError:
        document: Any = tomlkit.parse(text)
        del document[kind][name]
        return _proven(tomlkit.dumps(document), text, expected)


def change_table(text: str, kind: str, name: str, changes: Changes) -> str:
    """With keys of ``[kind.name]`` set, or removed where the value is None."""
    expected = _content(text)
    document: Any = tomlkit.parse(text)
    table = document[kind][name]
    for key, value in changes.items():
        if value is None:
            expected[kind][name].pop(key, None)
            if key in table:
                table.remove(key)
        elif key not in table or _content_of(table[key]) != _plain(value):
            expected[kind][name][key] = _plain(value)
            table[key] = _item(value)
    return _proven(tomlkit.dumps(document), text, expected)


def _sections(text: str, lines: list[str]) -> list[tuple[int, int, tuple[str, ...]]]:
    """Each header's section as line indexes, without the comments that belong to the next header."""
    headers = header_lines(text)
    stops = [*(line - 1 for line, _ in headers[1:]), len(lines)][: len(headers)]
    found: list[tuple[int, int, tuple[str, ...]]] = []
    for (line, path), stop in zip(headers, stops, strict=True):
        end = stop
        while end > line and _is_comment(lines[end - 1]):
            end -= 1
        # Comments right below the last key are still about this table; those after an empty line are not.
        while end < stop and lines[end].strip():
            end += 1
        found.append((line - 1, end, path))
    return found


def _lines(text: str) -> list[str]:
    """Lines as TOML counts them; ``splitlines`` knows further line ends."""
    return list(io.StringIO(text, newline="\n"))


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _rendered(kind: str, name: str, values: Changes) -> str:
    body = tomlkit.table()
    for key, value in values.items():
        if value is not None:
            body.add(key, _item(value))
    return f"[{kind}.{tomlkit.key(name).as_string()}]\n{body.as_string()}"


def _item(value: object) -> Item:
    """Tables within an entry are written inline, in one line."""
    if isinstance(value, Mapping):
        inline = tomlkit.inline_table()
        for key, inner in value.items():
            inline.append(str(key), _item(inner))
        return inline
    if isinstance(value, list | tuple):
        array = tomlkit.array()
        for inner in value:
            array.append(_item(inner))
        return array
    item: Item = tomlkit.item(_plain(value))
    return item


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value


def _content_of(item: Any) -> Any:
    return item.unwrap() if hasattr(item, "unwrap") else item


def _content(text: str) -> Content:
    return tomllib.loads(text)


def _proven(new: str, old: str, expected: Content) -> str:
    """The new text with the old one's line ends, if it means what is expected."""
    if "\r\n" in old and old.count("\r\n") == old.count("\n"):
        new = new.replace("\r\n", "\n").replace("\n", "\r\n")
    try:
        content = _content(new)
    except tomllib.TOMLDecodeError as error:
        raise TooIntricateError(str(error)) from None
    if _without_empty(content) != _without_empty(expected):
        raise TooIntricateError("the change would touch more than it should")
    return new


def _without_empty(content: Content) -> Content:
    """An empty table of a kind says nothing."""
    return {key: value for key, value in content.items() if value != {}}


__all__ = ["TOMLKitError", "TooIntricateError", "add_table", "change_table", "remove_table"]
