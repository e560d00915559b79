"""``listwarden.toml``: connections, sources and links, secrets by reference (design §4).

Invariant: the file is the whole configuration, edited by hand or by screens; nothing else configures anything.
"""

from console.settings.draft import draft_connection
from console.settings.findings import configuration_findings, fault_finding
from console.settings.link_table import fields_value
from console.settings.load import foreign_secrets, load, load_usable, resolve, resolve_entry, resolve_source
from console.settings.model import ConnectionEntry, Fault, Options, Settings, SettingsError, SourceEntry
from console.settings.place import settings_path
from console.settings.write import (
    add_connection,
    add_source,
    connect_link,
    disconnect_link,
    edit_connection,
    edit_link,
    edit_source,
    remove_connection,
    remove_source,
)

__all__ = [
    "ConnectionEntry",
    "Fault",
    "Options",
    "Settings",
    "SettingsError",
    "SourceEntry",
    "add_connection",
    "add_source",
    "configuration_findings",
    "connect_link",
    "disconnect_link",
    "draft_connection",
    "edit_connection",
    "edit_link",
    "edit_source",
    "fault_finding",
    "fields_value",
    "foreign_secrets",
    "load",
    "load_usable",
    "remove_connection",
    "remove_source",
    "resolve",
    "resolve_entry",
    "resolve_source",
    "settings_path",
]
