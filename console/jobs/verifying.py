"""Reading back after the last chunk: what the platform claims and does not show is ``unverified`` (R17, F15)."""

from __future__ import annotations

from adapters.provider import (
    IncompleteRead,
    Unreachable,
)
from console.jobs.errand import Errand, refresh_members
from console.jobs.preview import field_rules
from state.address import address_key
from state.compare import Comparison
from state.model import Action, Consent, Level, Mode, Outcome
from state.outcomes import (
    outcome_counts,
    settle_unverified,
    unverified,
)

FIND_AT_MOST = 500


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
    missing = await run.db(unverified, errand.grip.job_no, plan, comparison)
    if missing:
        looked = [email for _, email, _ in missing[:FIND_AT_MOST]]
        names = [mapping.target for mapping in errand.link.fields]
        found = await errand.provider.find(errand.remote, looked, names)
        there = {address_key(member.email): member.consent for member in found}
        missing = [row for row in missing if not _shown(row[2], there.get(address_key(row[1])))]
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
        )
        run.log(
            Level.ERROR,
            f"{len(missing):,} rows were answered with yes and are not there on reading back.",
            "not-shown",
        )
    else:
        run.log(Level.INFO, f"Read back: all {counts[Outcome.SENT.value]:,} rows sent are there.")


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
