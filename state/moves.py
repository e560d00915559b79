"""What a changed address that the platform took makes of members and contacts (R25).

The member's record goes to the new address and leaves a note behind. The person in the source is known by source
id: the change is settled, or open again when the move was an undo, for the source still says the other address.
"""

from __future__ import annotations

from collections.abc import Sequence

from state.address import address_key
from state.model import Plan
from state.store import State
from state.undo import is_undo

_LINK_NO = "(SELECT no FROM links WHERE name = ?)"


def fold_move(
    state: State,
    list_no: int,
    link: str,
    key: str,
    email: str | None,
    former: str,
    origin_id: str,
    at: str,
    origin: str,
    operator: str,
) -> None:
    """The member's record stands under ``key`` now; under the former address a note says where it went."""
    db = state.db
    former_key = address_key(former)
    db.execute(
        "INSERT OR REPLACE INTO members (list_no, address_key, email, origin_id, person_id, consent, raw_status, mapped, changed_at,"
        " since, detail, scope, ours, gone, seen_no, first_no)"
        " SELECT list_no, ?2, ?3, ?4, person_id, consent, raw_status, mapped, '', since, detail, scope, ours, NULL, 0, first_no"
        " FROM members WHERE list_no = ?1 AND address_key = ?5 AND gone IS NULL",  # else a listing has told of it
        (list_no, key, email, origin_id, former_key),
    )
    db.execute(
        "UPDATE members SET gone = ?, consent = 'unknown', ours = 0, detail = '', scope = '', moved_to = ?"
        " WHERE list_no = ? AND address_key = ?",
        (at, key, list_no, former_key),
    )
    db.execute(
        "INSERT INTO journal (at, address_key, list_no, link, origin, what, reason, operator, detail) VALUES (?, ?, ?, ?, ?, 'moved', 'moved', ?, ?)",
        (at, former_key, list_no, link, origin, operator, f"now {key}"),
    )


def settle_moves(state: State, plan: Plan, link: str, moves: Sequence[tuple[str, str, str]]) -> None:
    """Carry moves over to the persons of the source: address key now, address key before, source id."""
    db = state.db
    # The person's row may be missing from the source just now: what was kept of it goes along.
    db.executemany(
        "UPDATE former_addresses SET address_key = ? WHERE address_key = ? AND source_id = ?"
        f" AND link_no = {_LINK_NO}",
        [(*move, link) for move in moves],
    )
    if is_undo(plan):  # the source still says what the platform has no more: the change is open again
        db.executemany(
            "UPDATE contacts SET former_key = ? WHERE address_key = ? AND source_id = ? AND fault IS NULL"
            f" AND link_no = {_LINK_NO}",
            [(*move, link) for move in moves],
        )
