"""OroCRM's contacts as a source, over its JSON:API (dotdigital contract, "OroCRM as a source").

Marketing lists have no resource there, so who belongs to the list is told in one of three ways (``membership``).
Invariant: importing this package loads no transport; ``KIND.open`` does (``listwarden --version`` stays quick).
"""

from __future__ import annotations

from adapters.provider import SettingSpec, Wire
from adapters.source import Source, SourceKind, SourceSettings
from adapters.source_writing import WritableSource


def _open(settings: SourceSettings, wire: Wire | None) -> Source:
    from adapters.sources.oro.reading import OroSource

    return OroSource(settings, wire)


def _open_writable(settings: SourceSettings, wire: Wire | None) -> WritableSource:
    from adapters.sources.oro.writing import OroWriting

    return OroWriting(settings, wire)


KIND = SourceKind(
    name="oro",
    label="OroCRM",
    settings=(
        SettingSpec(
            "base_url",
            "Address of the CRM",
            "The address the CRM is opened at, without /api, such as https://crm.example.org.",
            required=True,
        ),
        SettingSpec(
            "client_id",
            "Client id",
            "In OroCRM: your name at the top › My User › OAuth Applications › Add Application, with the grant "
            "type Client Credentials. The CRM shows the id afterwards.",
            required=True,
        ),
        SettingSpec(
            "client_secret",
            "Client secret",
            "Shown once, when the OAuth application is created. It has the rights of its user.",
            required=True,
            secret=True,
        ),
        SettingSpec(
            "prefix",
            "Prefix of the back office",
            "What stands before /api in addresses of the back office, such as /admin; mostly nothing.",
            default="",
        ),
        SettingSpec(
            "entity",
            "Entity",
            "The API resource with the people: contacts, leads or customers.",
            default="contacts",
        ),
        SettingSpec(
            "membership",
            "Who belongs to the list",
            "filter: whom the API's filter finds. snapshot: an entity with the list's members, which an "
            "administrator enabled in api.yml. grid: a CSV export of the list's grid.",
            choices=("filter", "snapshot", "grid"),
            default="filter",
        ),
        SettingSpec(
            "filter",
            "Filter",
            "For membership filter: the API's filters joined by &, such as source=website&groups=3; without "
            "it everybody belongs to the list.",
        ),
        SettingSpec(
            "snapshot",
            "Snapshot entity",
            "For membership snapshot: the resource and the filter of one list, such as "
            "marketinglistsnapshots?marketingList=7.",
        ),
        SettingSpec(
            "grid",
            "Grid export",
            "For membership grid: the CSV file; a relative path starts at the folder of the settings.",
        ),
        SettingSpec(
            "computed",
            "Computed columns",
            "Columns the CRM computes, separated by commas: never written, and they change without the "
            "contact counting as changed.",
        ),
        SettingSpec("id", "Id column", 'The column with the contact\'s id: "id".'),
        SettingSpec("email", "Address column", "The column with the address, such as primaryEmail."),
        SettingSpec(
            "opted_out",
            "Opt-out column",
            "A column that says who opted out; whatever is not a clear no counts.",
        ),
    ),
    open=_open,
    open_writable=_open_writable,
)
