"""A listing that ends without proof that it is whole counts for nothing, whoever the provider is (R42, design law 5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from state.model import Consent, JobKind
from state.store import open_state
from tests.integration import fake_platform
from tests.integration.home import Home, Local

pytestmark = pytest.mark.usefixtures("in_memory")


def known(home: Home) -> list[tuple[object, ...]]:
    """What the state knows of the list: how far it was read, and everybody's consent."""
    with open_state(home.state_path, read_only=True) as state:
        return [
            *state.db.execute("SELECT cursor, full_at, full_rows FROM lists"),
            *state.db.execute("SELECT address_key, consent FROM members ORDER BY address_key"),
        ]


@pytest.mark.parametrize("kind", [JobKind.PREVIEW, JobKind.FEEDBACK])
@pytest.mark.parametrize("days", [0, 8])
def test_R42_a_listing_without_proof_moves_neither_members_nor_cursor(
    tmp_path: Path, kind: JobKind, days: int
) -> None:
    platform = fake_platform.reset()
    platform.put("anna@example.org", Consent.SUBSCRIBED, "A")
    platform.put("beat@example.org", Consent.SUBSCRIBED, "B")
    home = Home(tmp_path / "home", {"mode": "mirror"})
    home.source([Local("1", "anna@example.org", "A", False), Local("2", "beat@example.org", "B", False)])
    home.plan()
    before = known(home)
    assert len(before) == 3
    platform.step += 1
    platform.put("anna@example.org", Consent.UNSUBSCRIBED, "A")
    platform.breaks_off = True
    home.ahead = days * 86_400  # after a week everything is read anew
    end = home.run(kind)
    assert (end.exit_code, end.reason) == (5, "listing-incomplete")
    assert known(home) == before
    platform.breaks_off = False
    assert home.run(kind).exit_code == 0
    assert ("anna@example.org", "unsubscribed") in known(home), "nothing was skipped"
