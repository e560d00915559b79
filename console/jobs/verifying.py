"""Reading back after the last chunk: what the platform claims and does not show is ``unverified`` (R17, F15)."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.provider import (
    IncompleteRead,
    Unreachable,
)
from console.jobs.errand import Errand, refresh_members
from console.jobs.mapping_checks import field_rules
from console.wording import counted
from state.address import address_key
from state.agreed import settle_what_shows
from state.compare import Comparison
from state.model import Action, Consent, Level, Member, Mode, Outcome
from state.outcomes import outcome_counts
from state.verified import removed_rows, settle_unverified, unverified

FIND_AT_MOST = 500

REMOVED_LOOKED_AT = 25
"""Where a removal leaves no record, a listing cannot show it: so many are looked up one by one (two calls each)."""


async def verify(errand: Errand) -> None:
    """Read back after the last chunk: what the platform claims and does not show is ``unverified`` (R17, F15)."""
    run, plan = errand.run, errand.plan
    counts = await run.db(outcome_counts, errand.grip.job_no, plan)
    if not counts[Outcome.SENT.value]:
        return
    try:
        await refresh_members(errand, phase="verifying")
    except (IncompleteRead, Unreachable) as error:
        run.log(Level.WARNING, f"The export could not be verified: {error.text}", error.reason)
        return
    comparison = await _comparison(errand)
    if comparison.two_way:
        await run.db(settle_what_shows, errand.record.link_no, errand.record.list_no, comparison, run.now())
    leaves_record = bool(errand.removed_word)
    missing = await run.db(
        unverified, errand.grip.job_no, plan, comparison, removal_leaves_record=leaves_record
    )
    if len(missing) > FIND_AT_MOST:
        # Too many to look up one by one, and who joined a list need not count as changed there.
        try:
            await refresh_members(errand, phase="verifying", whole=True)
        except (IncompleteRead, Unreachable) as error:
            run.log(Level.WARNING, f"The export could not be verified: {error.text}", error.reason)
            return
        missing = await run.db(
            unverified, errand.grip.job_no, plan, comparison, removal_leaves_record=leaves_record
        )
    if missing:
        looked = [email for _, email, _ in missing[:FIND_AT_MOST]]
        names = [mapping.target for mapping in errand.link.fields]
        found = await errand.provider.find(errand.remote, looked, names)
        there = {address_key(member.email): member.consent for member in found}
        missing = [row for row in missing if not _shown(row[2], there.get(address_key(row[1])))]
    still_there: tuple[Member, ...] = ()
    if not leaves_record:
        removed = await run.db(removed_rows, errand.grip.job_no, plan, REMOVED_LOOKED_AT)
        still_there = await _still_there(errand, [email for _, email in removed])
        keys = {address_key(member.email) for member in still_there}
        known = {n for n, _, _ in missing}
        missing += [
            (n, email, Action.REMOVE) for n, email in removed if address_key(email) in keys and n not in known
        ]
    if missing:
        await run.commit(
            settle_unverified,
            run.job.job_id,
            errand.grip.job_no,
            plan,
            errand.link.name,
            [n for n, _, _ in missing],
            operator=run.operator.name,
            now=run.now(),
            still_there=still_there,
        )
        run.log(
            Level.ERROR,
            f"{len(missing):,} rows were answered with yes and are not there on reading back.",
            "not-shown",
        )
    else:
        run.log(
            Level.INFO,
            f"Read back: what was sent shows at the platform ({counted(counts[Outcome.SENT.value], 'row')}).",
        )


async def _still_there(errand: Errand, emails: Sequence[str]) -> tuple[Member, ...]:
    """Those of some removed people whom the list still shows as on it."""
    if not emails:
        return ()
    names = [mapping.target for mapping in errand.link.fields]
    found = await errand.provider.find(errand.remote, emails, names)
    return tuple(member for member in found if member.consent in (Consent.SUBSCRIBED, Consent.PENDING))


def _shown(action: Action, consent: Consent | None) -> bool:
    """Whether a member as looked up (None: not there) shows the write after all."""
    if action in (Action.REMOVE, Action.UNSUBSCRIBE):
        return consent is not Consent.SUBSCRIBED
    return action in (Action.ADD, Action.MOVE) and consent is not None


async def _comparison(errand: Errand) -> Comparison:
    if errand.now_plan is not None:
        return errand.now_plan.comparison
    fields = await errand.provider.fields(errand.link.list_id)
    rules = field_rules(errand.link, fields, errand.provider)
    return Comparison(rules, sends_changes=errand.link.mode is not Mode.ADD_ONLY)
