"""A platform with the keys the settings have to cope with, so that these tests need no vendor's adapter."""

from __future__ import annotations

from adapters.provider import AdapterError, ConnectionSettings, Provider, ProviderKind, SettingSpec, Wire


def _open(settings: ConnectionSettings, wire: Wire) -> Provider:
    raise AssertionError("settings never open a platform")


def _base_url(settings: ConnectionSettings) -> str:
    if settings.secrets["key"].reveal() == "malformed":
        raise AdapterError("key-malformed", "This is no key.", "Copy it again.")
    return settings.base_url or "https://platform.example"


KIND = ProviderKind(
    name="fake",
    label="Fake platform",
    settings=(
        SettingSpec("key", "API key", "Under Account.", required=True, secret=True),
        SettingSpec("hook", "Webhook secret", "Under Hooks.", secret=True),
        SettingSpec("region", "Region", "Where the account lives.", choices=("r1", "r2"), default="r1"),
        SettingSpec("user", "User", "The user's name."),
        SettingSpec("size", "Size", "Rows a call.", kind=int),
        SettingSpec("fast", "Fast", "Quicker.", kind=bool, default=False),
        SettingSpec("files_url", "Files", "Where files lie."),
    ),
    list_word="list",
    list_help="",
    open=_open,
    base_url=_base_url,
)
