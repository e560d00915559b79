"""Takes typed values out of one table of the settings and notes every fault with its line, instead of raising.

Invariant: reading goes on after a fault, so that one look shows all of them; the value given back for a faulty
key is never used, because whatever a fault concerns is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from adapters.provider import SettingSpec
from console.secrets import FORMS, SecretError, SecretReference, parse_reference
from console.settings.model import Fault, dotted, nearest

Value = str | int | bool
SHOWN = 60


class Faults:
    """Collects faults of one file and finds their lines."""

    def __init__(self, file: Path, lines: Mapping[tuple[str, ...], int]) -> None:
        self.file = file
        self.all: list[Fault] = []
        self._lines = lines

    def add(
        self, path: Sequence[str], reason: str, expected: str, found: str, hint: str = "", next: str = ""
    ) -> None:
        """Note a fault; its line is that of the key, or of the nearest table around it."""
        places = [tuple(path[:length]) for length in range(len(path), 0, -1)]
        lines = [self._lines[place] for place in places if place in self._lines]
        line = lines[0] if lines else 0
        self.all.append(Fault(self.file, line, dotted(path), reason, expected, found, hint, next))

    def concerning(self, *path: str) -> bool:
        """Whether anything at or below a path is faulty."""
        return any(fault.concerns(*path) for fault in self.all)

    def about(self, connection: str, source: str) -> tuple[Fault, ...]:
        """The faults of what a link needs."""
        needed = (("connections", connection), ("sources", source))
        return tuple(fault for fault in self.ordered() if any(fault.concerns(*path) for path in needed))

    def ordered(self) -> tuple[Fault, ...]:
        """All faults in the order of the file."""
        return tuple(sorted(self.all, key=lambda fault: (fault.line, fault.key)))


class Table:
    """One table of the file; every key it is asked for counts as known, ``close`` calls the others faults."""

    def __init__(self, content: object, path: tuple[str, ...], faults: Faults) -> None:
        self.path = path
        self._faults = faults
        self._known: dict[str, None] = {}
        self.content: Mapping[str, object] = {}
        if isinstance(content, dict):
            self.content = content
        else:
            faults.add(path, "settings-value", "a table", describe(content))

    def fault(self, key: str, reason: str, expected: str, found: str, hint: str = "", next: str = "") -> None:
        self._faults.add((*self.path, key), reason, expected, found, hint, next)

    def inner(self, key: str) -> Table:
        """The table under a key."""
        return Table(self.content[key], (*self.path, key), self._faults)

    def known(self, key: str) -> bool:
        """Whether the key was asked for before."""
        return key in self._known

    def has(self, key: str) -> bool:
        """Whether the key is there; from now on it is known."""
        self._known[key] = None
        return key in self.content

    def text(self, key: str, *, required: str = "") -> str:
        """A text that is not empty. ``required`` says what for, and makes a missing key a fault."""
        if not self.has(key):
            if required:
                self.fault(key, "settings-required", f"{key} = … ({required})", "nothing")
            return ""
        value = self.content[key]
        if not isinstance(value, str) or not value.strip():
            self.fault(key, "settings-value", "a text", describe(value))
            return ""
        return value

    def choice(self, key: str, choices: Iterable[str], default: str) -> str:
        """One of some words."""
        words = list(choices)
        if not self.has(key):
            return default
        value = self.content[key]
        if isinstance(value, str) and value in words:
            return value
        hint = nearest(value, words) if isinstance(value, str) else ""
        self.fault(key, "settings-value", "one of " + ", ".join(words), describe(value), hint)
        return default

    def number(self, key: str, lowest: int, highest: int, default: int) -> int:
        """A whole number within limits."""
        if not self.has(key):
            return default
        value = self.content[key]
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        self.fault(key, "settings-value", f"a whole number from {lowest} to {highest}", describe(value))
        return default

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        if not self.has(key):
            return default
        value = self.content[key]
        if isinstance(value, bool):
            return value
        self.fault(key, "settings-value", "true or false", describe(value))
        return default

    def secret(self, key: str, *, required: str = "") -> SecretReference | None:
        """A reference to a secret. What was found is never quoted."""
        if not self.has(key):
            if required:
                self.fault(key, "settings-required", f"{FORMS} ({required})", "nothing")
            return None
        try:
            return parse_reference(self.content[key])
        except SecretError as error:
            self.fault(key, error.reason, FORMS, error.text, next=error.next)
            return None

    def spec(self, spec: SettingSpec) -> Value | None:
        """The value of a key as an adapter describes it (not a secret); its default when it is absent."""
        if not self.has(spec.name):
            if spec.required:
                self.fault(spec.name, "settings-required", f"{spec.name} = … ({spec.label})", "nothing")
            return spec.default
        value = self.content[spec.name]
        if spec.choices:
            return self.choice(spec.name, spec.choices, "")
        if spec.kind is bool:
            return self.flag(spec.name, False)
        if spec.kind is int:
            if isinstance(value, int) and not isinstance(value, bool):
                return value
            self.fault(spec.name, "settings-value", "a whole number", describe(value))
            return None
        # Some texts may be empty or a mere blank (a tab as delimiter), a required one may not.
        if isinstance(value, str) and (value.strip() or not spec.required):
            return value
        self.fault(spec.name, "settings-value", "a text", describe(value))
        return None

    def close(self) -> None:
        """Every key nobody asked for is a fault, with the nearest known one named."""
        known = list(self._known)
        for key in self.content:
            if key not in known:
                self.fault(
                    key,
                    "settings-unknown-key",
                    "one of " + ", ".join(known),
                    f"the key {_shown(key)}",
                    nearest(key, known),
                )


def describe(value: object) -> str:
    """A value in a message: short, control bytes escaped."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _shown(value)
        case int() | float():
            return str(value)[:SHOWN]
        case dict():
            return "a table"
        case list():
            return "a list"
    return f"a {type(value).__name__}"


def _shown(text: str) -> str:
    shown = ascii(text) if not text.isprintable() else repr(text)
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 2] + "…'"
