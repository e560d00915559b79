"""dotdigital's (dotmailer's) REST v2 as a provider.

Invariant: importing this package loads no transport; ``KIND.open`` does (``listwarden --version`` stays quick).
"""

from __future__ import annotations

from adapters.dotdigital.credentials import looks_like_api_user
from adapters.dotdigital.region import base_url
from adapters.provider import ConnectionSettings, Provider, ProviderKind, SettingSpec, Wire
from state.model import Finding


def _open(settings: ConnectionSettings, wire: Wire) -> Provider:
    from adapters.dotdigital.provider import Dotdigital

    return Dotdigital(settings, wire)


def _doubts(settings: ConnectionSettings) -> tuple[Finding, ...]:
    """An API user's name ends in the vendor's own domain; a person's login never works (contract §1)."""
    user = str(settings.options.get("user", "")).strip()
    if not user or looks_like_api_user(user):
        return ()
    text = f"The user of {settings.name} does not look like an API user (apiuser-…@apiconnector.com); a person's login is refused."
    next_step = (
        "Make an API user in dotdigital under Settings › Access › API users, and name it in the settings."
    )
    return (Finding("not-api-user", text, next_step),)


KIND = ProviderKind(
    name="dotdigital",
    label="dotdigital",
    settings=(
        SettingSpec(
            name="user",
            label="API user",
            help=(
                "In dotdigital: Settings › Access › API users › New user. It looks like "
                "apiuser-0123456789ab@apiconnector.com; a person's own login is not accepted."
            ),
            required=True,
        ),
        SettingSpec(
            name="password",
            label="Password of the API user",
            help="The password given to the API user in Settings › Access › API users; it is shown nowhere later.",
            required=True,
            secret=True,
        ),
        SettingSpec(
            name="region",
            label="Region",
            help="auto asks dotdigital where the account lives; r1 is Europe, r2 North America, r3 Asia-Pacific.",
            choices=("auto", "r1", "r2", "r3"),
            default="auto",
        ),
        SettingSpec(
            name="system_books",
            label="System address books",
            help=(
                "Names of the account's own address books, which are never linked or written to, with commas "
                "between them. Accounts in another language have other names."
            ),
            default="All contacts, Test",
        ),
        SettingSpec(
            name="opt_in_type",
            label="Opt-in type of additions",
            help="What dotdigital notes of an added person's consent; Unknown leaves it as dotdigital has it.",
            choices=("Unknown", "Single", "Double", "VerifiedDouble"),
            default="Unknown",
        ),
        SettingSpec(
            name="send_consent",
            label="Send the consent basis",
            help="Writes the basis of an addition's consent into dotdigital's consent record (CONSENTTEXT).",
            kind=bool,
            default=False,
        ),
        SettingSpec(
            name="email_column",
            label="Address column of import files",
            help="email, unless the account is in a language whose import files name the column otherwise.",
            default="email",
        ),
        SettingSpec(
            name="app_url",
            label="Address of the web interface",
            help="For links to reports, where the account has a domain of its own; else it follows the region.",
        ),
    ),
    list_word="address book",
    list_help=(
        "In dotdigital: Contacts › Marketing lists (address books); open one, the number at the end of the page's "
        "address is its id, such as 4711. `listwarden lists CONNECTION` shows all of them."
    ),
    open=_open,
    base_url=base_url,
    doubts=_doubts,
    name_fields={"FIRSTNAME": ("first",), "LASTNAME": ("last",), "FULLNAME": ("first", "last")},
)
