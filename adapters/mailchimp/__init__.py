"""Mailchimp's Marketing API v3 as a provider.

Invariant: importing this package loads no transport; ``KIND.open`` does (``listwarden --version`` stays quick).
"""

from __future__ import annotations

from adapters.mailchimp.keys import base_url
from adapters.provider import ConnectionSettings, Provider, ProviderKind, SettingSpec, Wire


def _open(settings: ConnectionSettings, wire: Wire) -> Provider:
    from adapters.mailchimp.provider import Mailchimp

    return Mailchimp(settings, wire)


KIND = ProviderKind(
    name="mailchimp",
    label="Mailchimp",
    settings=(
        SettingSpec(
            name="key",
            label="API key",
            help=(
                "In Mailchimp: your profile › Account & billing › Extras › API keys › Create A Key. "
                "Copy the whole key, with the part after the dash (such as -us19). It has all rights of its user "
                "and never expires."
            ),
            required=True,
            secret=True,
        ),
    ),
    list_word="audience",
    list_help=(
        "In Mailchimp: Audience › All contacts › Settings › Audience name and defaults; "
        "the Audience ID is ten characters, such as a6b5da1054."
    ),
    open=_open,
    base_url=base_url,
    name_fields={"FNAME": ("first",), "LNAME": ("last",)},
)
