"""What a source says of being written to, asked without opening it for that (design law 7)."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.provider import Refused, Wire
from adapters.registry import source_kind
from adapters.source import SourceSettings


@dataclass(slots=True, frozen=True)
class SourceTerms:
    """Columns a new contact must have, and columns the source computes by itself."""

    required: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()


NO_TERMS = SourceTerms()


def source_terms(settings: SourceSettings) -> SourceTerms:
    """The terms of a source; none for one that takes nothing back. Sends no request: the wire refuses every one."""
    kind = source_kind(settings.kind)
    if kind.open_writable is None:
        return NO_TERMS
    source = kind.open_writable(settings, Wire("listwarden", read_only=True, before_request=_refuse))
    return SourceTerms(source.required(), source.computed())


async def _refuse() -> None:
    raise Refused("write-refused", "The terms of a source are known without a request.")
