"""What a rehearsal ordered dotdigital to do wrong or differently, beyond plain network faults.

Invariant: all of it is off at the start and after `reset`.
"""

import re
from dataclasses import dataclass, field

from adapters.sandbox.dotdigital.import_job import Ending
from adapters.sandbox.dotdigital.rates import Rate
from adapters.sandbox.drift import Drift


@dataclass(slots=True)
class Refusing:
    """The next `count` matching requests are refused with a code of the vendor's."""

    code: str
    status: int | None
    path: re.Pattern[str]
    method: str
    count: int


@dataclass(slots=True)
class Rehearsals:
    """Orders of the control verbs."""

    bad_users: set[str] = field(default_factory=set)
    rate: Rate = field(default_factory=Rate)
    second_region: bool = False
    """The default account lives at the second endpoint (§1)."""
    hold_imports: bool = False
    endings: list[Ending] = field(default_factory=list)
    """Of the next imports, in order; then `ordinary` holds."""
    ordinary: Ending = field(default_factory=Ending)
    drift: Drift = field(default_factory=Drift)
    refusals: list[Refusing] = field(default_factory=list)
    lose_every: int = 0
    """Every so-many-th row of an import is counted and not loaded; 0 for none."""
    rows_seen: int = 0
    rows_lost: int = 0

    def next_ending(self) -> Ending:
        """How the import that comes in now will end."""
        return self.endings.pop(0) if self.endings else self.ordinary

    def loses_this_row(self) -> bool:
        """Counts one row of an import; whether it is the one to lose."""
        if not self.lose_every:
            return False
        self.rows_seen += 1
        if self.rows_seen % self.lose_every:
            return False
        self.rows_lost += 1
        return True

    def refusal(self, method: str, path: str) -> Refusing | None:
        """The order that refuses this request, counted down; None when it may pass."""
        for order in self.refusals:
            if order.method in ("", method) and order.path.search(path) is not None:
                order.count -= 1
                if order.count == 0:
                    self.refusals.remove(order)
                return order
        return None
