"""What the shell offers after tab: names from the settings, ids from the state.

Invariant: completing never writes, never asks a platform, and answers nothing rather than complain.
"""

from __future__ import annotations

from collections.abc import Iterable


def links(incomplete: str) -> list[str]:
    """Names of links."""
    return _fitting(_settings_names("links"), incomplete)


def connections(incomplete: str) -> list[str]:
    """Names of connections."""
    return _fitting(_settings_names("connections"), incomplete)


def either(incomplete: str) -> list[str]:
    """Names of connections and links."""
    return _fitting([*_settings_names("connections"), *_settings_names("links")], incomplete)


def jobs(incomplete: str) -> list[str]:
    """The last jobs by the end of their id, as they are shown."""
    from console.cli.session import state_path
    from state.errors import StateError
    from state.ids import short_id
    from state.jobs import list_jobs
    from state.store import open_state

    try:
        with open_state(state_path(), read_only=True) as state:
            return _fitting([short_id(job.job_id) for job in list_jobs(state, limit=20)], incomplete.upper())
    except StateError:
        return []


def classes(incomplete: str) -> list[str]:
    """Classes of plan rows."""
    from state.model import RowClass

    return _fitting([row_class.value for row_class in RowClass], incomplete)


def activity_kinds(incomplete: str) -> list[str]:
    """What an address can do with a campaign."""
    from state.model import ActivityKind

    return _fitting([kind.value for kind in ActivityKind], incomplete)


def rehearsals(incomplete: str) -> list[str]:
    """What the platforms' sandboxes can rehearse."""
    from adapters.registry import PROVIDERS
    from adapters.rehearsal import offered

    return _fitting(dict.fromkeys(one.name for name in PROVIDERS for one in offered(name)), incomplete)


def _settings_names(table: str) -> list[str]:
    from console.settings import load_usable, settings_path

    settings, _ = load_usable(settings_path())
    return list(getattr(settings, table))


def _fitting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
