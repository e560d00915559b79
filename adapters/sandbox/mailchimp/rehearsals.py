"""What a rehearsal ordered the vendor to do wrong or differently, beyond plain network faults.

Invariant: all of it is off at the start and after `reset`; each piece counts what it really did, so a test can
prove that its trouble hit.
"""

from dataclasses import dataclass, field

from adapters.sandbox.drift import Drift


@dataclass(slots=True)
class Rehearsals:
    """Orders of the control verbs."""

    bad_keys: set[str] = field(default_factory=set)
    drift: Drift = field(default_factory=Drift)
    lose_every: int = 0
    """Every so-many-th row of a batch add is claimed and not applied (R17, F15); 0 for none."""
    rows_seen: int = 0
    rows_lost: int = 0
    total_lie: int = 0
    """Added to the `total_items` of member listings (R39)."""
    hold_batches: bool = False

    def loses_this_row(self) -> bool:
        """Counts one row of a batch add; whether it is the one to lose."""
        if not self.lose_every:
            return False
        self.rows_seen += 1
        if self.rows_seen % self.lose_every:
            return False
        self.rows_lost += 1
        return True
