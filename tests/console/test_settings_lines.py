"""Line numbers of TOML keys, for every way TOML can be written."""

from __future__ import annotations

import tomllib
from typing import Any

import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from console.settings.lines import header_lines, key_lines

INTRICATE = '''\
# [not.a.table]
title = "a # b" # [no]
"quoted key".'x.y'.z = 1   # dotted
text = """
[fake]
key = 3 \\""" still
"""" # four quotes
raw = \'\'\'
[[fake]]
\'\'\'
when = 1979-05-27T07:32:00Z
nested = { a = { b = [1, { c = "}" }, "]"] }, "d e" = 2 }
lines = [
  # comment ]
  "one", [
    "two",
  ],
  { deep = true },
]

[ connections . verband ]
key = { env = "A" }
base.url = "x"
  [connections."b c"]
  k = 1

[[fruit]]
name = "apple"
[fruit.size]
big = true
[[fruit]]
name = "pear"
[[fruit.kind]]
n = 1'''


def test_every_way_of_writing_a_key_has_its_line() -> None:
    tomllib.loads(INTRICATE)
    lines = key_lines(INTRICATE)
    expected = {
        ("title",): 2,
        ("quoted key",): 3,
        ("quoted key", "x.y", "z"): 3,
        ("text",): 4,
        ("raw",): 8,
        ("when",): 11,
        ("nested", "a", "b"): 12,
        ("nested", "a", "b", "1", "c"): 12,
        ("nested", "d e"): 12,
        ("lines",): 13,
        ("lines", "0"): 15,
        ("lines", "1", "0"): 16,
        ("lines", "2", "deep"): 18,
        ("connections",): 21,
        ("connections", "verband"): 21,
        ("connections", "verband", "key", "env"): 22,
        ("connections", "verband", "base", "url"): 23,
        ("connections", "b c"): 24,
        ("connections", "b c", "k"): 25,
        ("fruit",): 27,
        ("fruit", "0", "name"): 28,
        ("fruit", "0", "size"): 29,
        ("fruit", "0", "size", "big"): 30,
        ("fruit", "1", "name"): 32,
        ("fruit", "1", "kind", "0", "n"): 34,
    }
    assert {path: lines.get(path) for path in expected} == expected
    assert not [path for path in lines if "fake" in path or "not" in path]
    assert [line for line, _ in header_lines(INTRICATE)] == [21, 24, 27, 29, 31, 33]


_keys = st.text(min_size=1, max_size=8) | st.sampled_from(["a", "b", "a b", "[x]", "#", '"', "'", "=", "é"])
_values = st.recursive(
    st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=12)
    | st.sampled_from(['"""', "# no", "}", "]", "a = 1\n[b]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=12,
)


def _paths(value: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = {path} if path else set()
    for key, inner in items:
        found |= _paths(inner, (*path, str(key)))
    return found


@given(st.dictionaries(_keys, _values, max_size=5))
def test_every_path_of_a_document_has_a_line_and_no_other_has(content: dict[str, Any]) -> None:
    text = tomlkit.dumps(content)
    parsed = tomllib.loads(text)
    lines = key_lines(text)
    assert _paths(parsed) - set(lines) == set()
    assert set(lines) - _paths(parsed) == set()
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
