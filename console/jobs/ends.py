"""How a job ends: the value its work returns, the refusals it may raise, and what each error means.

Invariant: every error ends as a state, a reason code, a sentence and an exit code (design §6); what nobody
described is ``unknown`` and failed, never success.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adapters.provider import (
    AccountLimit,
    AdapterError,
    CredentialsRefused,
    IncompleteRead,
    NotThere,
    RightsMissing,
    Throttled,
    Unanswered,
    Unreachable,
)
from adapters.source import SourceIncomplete, SourceUnreadable
from console.exit_codes import ExitCode
from state.errors import FenceLost, StateError
from state.jobs import JobInDoubt, JobRefused, JobRunning
from state.leases import LeaseHeld
from state.model import Guard, JobKind, JobState


@dataclass(slots=True, frozen=True)
class JobEnd:
    """How a run ended. ``result`` is for a caller in the same process (a plan's id, findings …), not kept."""

    state: JobState
    reason: str = ""
    text: str = ""
    exit_code: ExitCode = ExitCode.DONE
    counts: Mapping[str, int] = field(default_factory=dict)
    result: Mapping[str, object] = field(default_factory=dict)
    job_id: str = ""
    next: str = ""


class GuardRefused(Exception):
    """A brake took hold (design law 6): nothing was sent. Says rule, value, limit, way out."""

    def __init__(self, reason: str, text: str, next: str = "", guards: Sequence[Guard] = ()) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.next = next
        self.guards = tuple(guards)


class PlanStale(Exception):
    """The plan would send something else today (design law 2): nothing was sent."""

    reason = "plan-stale"

    def __init__(self, text: str, next: str = "Make a new preview and confirm that.") -> None:
        super().__init__(text)
        self.text = text
        self.next = next


class ImportLeftOpen(Exception):
    """The vendor still works on rows of another job of the account (design law 4): nothing was sent."""

    reason = "import-open"

    def __init__(self, text: str, next: str) -> None:
        super().__init__(text)
        self.text = text
        self.next = next


class JobCancelled(Exception):
    """A person asked the job to stop; raised between two chunks."""

    def __init__(self, by: str) -> None:
        super().__init__(f"Cancelled by {by}.")
        self.by = by


class JobInterrupted(Exception):
    """The process was told to stop."""


STARTED_ANEW = frozenset(
    {
        JobKind.PREVIEW,
        JobKind.CHECK,
        JobKind.READ,
        JobKind.FEEDBACK,
        JobKind.CAMPAIGNS,
        JobKind.FIELDS,
        JobKind.CREATE_LIST,
    }
)
"""Kinds that leave nothing half done: an interrupted one is over, and the next run begins anew."""

_EXIT_OF_ADAPTER: tuple[tuple[type[AdapterError], ExitCode], ...] = (
    (CredentialsRefused, ExitCode.CREDENTIALS),
    (RightsMissing, ExitCode.CREDENTIALS),
    (AccountLimit, ExitCode.CREDENTIALS),
    (NotThere, ExitCode.CONFIGURATION),
    (Throttled, ExitCode.UNREACHABLE),
    (Unreachable, ExitCode.UNREACHABLE),
    (Unanswered, ExitCode.UNREACHABLE),
    (IncompleteRead, ExitCode.GUARD),
    (SourceIncomplete, ExitCode.GUARD),
)

_SETTINGS_OF_A_SOURCE = frozenset(
    {
        "source-missing",
        "source-not-readable",
        "source-column-missing",
        "source-column-twice",
        "source-no-address",
        "source-filter-refused",
        "key-missing",
    }
)
"""Reasons of ``SourceUnreadable`` that the settings have to answer for."""


_EXIT_OF_ASKING = {"link-missing": ExitCode.CONFIGURATION, "list-missing": ExitCode.CONFIGURATION}
"""Reasons the state gives that are no fault of its file; the others are a wrong call."""


def exit_code_of(error: AdapterError) -> ExitCode:
    """The exit code of an adapter's error, by its class."""
    if isinstance(error, SourceUnreadable):
        settings = error.reason in _SETTINGS_OF_A_SOURCE or error.reason.startswith(("settings-", "secret-"))
        return ExitCode.CONFIGURATION if settings else ExitCode.GUARD
    for kind, code in _EXIT_OF_ADAPTER:
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED


def end_of(error: BaseException, kind: JobKind) -> JobEnd | None:
    """What an error ends a job of this kind with; None for one that nobody described."""
    from console.settings.model import SettingsError

    error = most_serious(error)
    open_end = JobState.FAILED if kind in STARTED_ANEW else JobState.STALLED
    if isinstance(error, JobCancelled):
        return JobEnd(JobState.CANCELLED, "cancelled", str(error), ExitCode.INTERRUPTED)
    if isinstance(error, JobInterrupted):
        return _interrupted(kind)
    if isinstance(error, FenceLost):
        return JobEnd(open_end, "lease-lost", str(error), ExitCode.BUSY)
    if isinstance(error, StateError):
        if error.of_the_file:
            return _told(open_end, error, ExitCode.STATE)
        return _told(JobState.FAILED, error, _EXIT_OF_ASKING.get(error.reason, ExitCode.USAGE))
    if isinstance(error, GuardRefused):
        return _told(JobState.FAILED, error, ExitCode.GUARD)
    if isinstance(error, PlanStale):
        return _told(JobState.FAILED, error, ExitCode.PLAN_STALE)
    if isinstance(error, LeaseHeld | JobRunning | JobInDoubt | ImportLeftOpen):
        return _told(JobState.FAILED, error, ExitCode.BUSY)
    if isinstance(error, JobRefused):
        return _told(JobState.FAILED, error, ExitCode.USAGE)
    if isinstance(error, SettingsError):
        return _told(JobState.FAILED, error, ExitCode.CONFIGURATION)
    if isinstance(error, AdapterError):
        return _told(JobState.FAILED, error, exit_code_of(error))
    return None


def _interrupted(kind: JobKind) -> JobEnd:
    end = JobEnd(JobState.STALLED, "interrupted", "The process was told to stop.", ExitCode.INTERRUPTED)
    if kind in STARTED_ANEW:
        return replace(end, state=JobState.CANCELLED, next="Run the same command again: it begins anew.")
    return end


def _told(state: JobState, error: Exception, exit_code: ExitCode) -> JobEnd:
    reason, text, next_step = (getattr(error, name, "") for name in ("reason", "text", "next"))
    return JobEnd(state, reason, text or str(error), exit_code, next=next_step)


_ORDER = (FenceLost, StateError, JobInterrupted, AdapterError, JobCancelled)


def most_serious(error: BaseException) -> BaseException:
    """The error to tell of those that ended a group of tasks: what nobody described first, a cancel last."""
    return min(_leaves(error), key=_seriousness)


def _seriousness(error: BaseException) -> int:
    for place, kind in enumerate(_ORDER, start=1):
        if isinstance(error, kind):
            return place
    return 0


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
