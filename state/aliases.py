"""Addresses that probably reach one mailbox: they are flagged, and never merged (R27).

Gmail takes no notice of dots before the @ and nearly everybody delivers what stands behind a plus to the same person.
To a mailing platform they are different addresses, so they stay different people here; a person is told, who may
know better.
"""

from __future__ import annotations

from state.store import State

GMAIL = frozenset({"gmail.com", "googlemail.com"})


def mailbox(address_key: str) -> str:
    """The mailbox an address key probably reaches; the key itself where nothing is known of its spelling."""
    local, at, domain = address_key.rpartition("@")
    if not at:
        return address_key
    person = local.partition("+")[0] or local
    if domain in GMAIL:
        return f"{person.replace('.', '')}@gmail.com"
    return f"{person}@{domain}"


def flag_aliases(state: State, plan_no: int, link_no: int, list_no: int) -> int:
    """Note in a plan's rows which other address probably reaches the same mailbox; returns how many rows are flagged.

    Compared are the contacts of the link and the members of its list, present ones alone.
    """
    db = state.db
    odd = "(address_key LIKE '%@gmail.com' OR address_key LIKE '%@googlemail.com' OR instr(address_key, '+') > 0)"
    candidates = [
        str(key)
        for (key,) in db.execute(
            f"SELECT address_key FROM contacts WHERE link_no = ?1 AND fault IS NULL AND {odd}"
            f" UNION SELECT address_key FROM members WHERE list_no = ?2 AND gone IS NULL AND {odd}",
            (link_no, list_no),
        )
    ]
    if not candidates:
        return 0
    boxes: dict[str, list[str]] = {}
    for key in candidates:
        boxes.setdefault(mailbox(key), []).append(key)
    for box in [box for box in boxes if box not in boxes[box] and _present(state, box, link_no, list_no)]:
        boxes[box].append(box)  # the plain spelling of another provider's address is no candidate by itself
    shared = [(key, _other(key, keys)) for keys in boxes.values() if len(keys) > 1 for key in keys]
    if not shared:
        return 0
    db.execute("CREATE TEMP TABLE aliases (address_key TEXT PRIMARY KEY, other TEXT NOT NULL) WITHOUT ROWID")
    db.executemany("INSERT INTO temp.aliases VALUES (?, ?)", shared)
    flagged = db.execute(
        "UPDATE plan_rows SET detail = json_set(coalesce(detail, '{}'), '$.alias',"
        " (SELECT other FROM temp.aliases a WHERE a.address_key = plan_rows.address_key))"
        " WHERE plan_no = ? AND address_key IN (SELECT address_key FROM temp.aliases)",
        (plan_no,),
    ).rowcount
    db.execute("DROP TABLE temp.aliases")
    return int(flagged)


def _other(key: str, keys: list[str]) -> str:
    return min(one for one in keys if one != key)


def _present(state: State, key: str, link_no: int, list_no: int) -> bool:
    found = state.db.execute(
        "SELECT 1 FROM contacts WHERE link_no = ?1 AND address_key = ?3 AND fault IS NULL"
        " UNION ALL SELECT 1 FROM members WHERE list_no = ?2 AND address_key = ?3 AND gone IS NULL LIMIT 1",
        (link_no, list_no, key),
    ).fetchone()
    return found is not None
