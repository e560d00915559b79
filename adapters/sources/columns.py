"""Tells which columns of a source hold e-mail addresses, for ``links connect`` and for a source that names none.

Invariant: a guess is made from what the columns contain first and how they are called second, and is only ever
offered or shown, never silently preferred to a setting.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches

_ADDRESS = re.compile(r"\s*[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]{2,}\s*")
_SURE_NAMES = frozenset(
    {
        *("email", "mail", "emailaddress", "mailaddress", "emailadresse", "mailadresse", "epost"),
        *("adresseemail", "adressemail", "adressee", "mel", "courriel", "correo", "correoelectronico"),
    }
)
_NAME_PART = re.compile("mail|courriel|correo|epost")
_WEAK_NAMES = frozenset(["adresse", "address", "indirizzo", "direccion", "kontakt", "contact"])
_ID_NAMES = frozenset(
    {
        *("id", "personid", "contactid", "memberid", "customerid", "userid", "kontaktid", "kundennummer"),
        *(
            "mitgliedernummer",
            "mitgliednr",
            "mitgliedsnummer",
            "membernumber",
            "customernumber",
            "personennummer",
        ),
        *("adressnummer", "numeromembre", "numeroclient", "idpersona", "uid", "uuid"),
    }
)
_FIRST_NAMES = frozenset(
    {
        *("firstname", "fname", "forename", "givenname", "vorname", "rufname", "prenom", "nombre", "nome"),
        *("voornaam", "fornavn", "fornamn", "imie", "jmeno", "etunimi"),
    }
)
_LAST_NAMES = frozenset(
    {
        *(
            "lastname",
            "lname",
            "surname",
            "familyname",
            "nachname",
            "familienname",
            "zuname",
            "nom",
            "nomdefamille",
        ),
        *(
            "apellido",
            "apellidos",
            "cognome",
            "achternaam",
            "etternavn",
            "efternavn",
            "efternamn",
            "nazwisko",
        ),
        *("prijmeni", "sukunimi"),
    }
)
_OPT_OUT = re.compile(
    r"optout|optedout|unsubscri|abgemeldet|abmeld|austrag|desinscri|desabonn|disiscri|widerruf|widerspr|withdrawn"
    r"|(newsletter|mail|mailing|news|post|werbung)(no|nein|non|off|stop|verbot|gesperrt)$|^(no|kein|keine|pas)(newsletter|mail|mailing|news|post|werbung)"
    r"|donotmail|donotcontact|nomail|blocked|gesperrt$"
)
_SECONDARY = re.compile("opt|newsletter|status|date|datum|typ|second|zweit|parent|eltern|alt|old|[2-9]$")


def looks_like_address(text: str) -> bool:
    """A coarse look: good enough to tell a column of addresses from one of names."""
    return _ADDRESS.fullmatch(text) is not None


def email_columns(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The columns that may hold the address, best first.

    A column counts when at least half of its filled sample values look like addresses, or when nothing in it is
    filled and its name says so.
    """
    scored: list[tuple[float, int, str]] = []
    for position, name in enumerate(columns):
        if not name:
            continue
        filled = [row[position] for row in sample if position < len(row) and row[position].strip()]
        share = sum(map(looks_like_address, filled)) / len(filled) if filled else 0.0
        by_name = _name_score(name)
        if share >= 0.5 or (not filled and by_name >= 2):
            fullness = len(filled) / len(sample) if sample else 0.0
            scored.append((by_name + 2 * share + fullness, -position, name))
    return tuple(dict.fromkeys(name for _, _, name in sorted(scored, reverse=True)))


def id_columns(columns: Sequence[str], sample: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The columns that are called like a person's id and tell the sample's rows apart."""
    found = []
    for position, name in enumerate(columns):
        if _plain(name) in _ID_NAMES:
            values = [row[position].strip() for row in sample if position < len(row)]
            if all(values) and len(set(values)) == len(values):
                found.append(name)
    return tuple(dict.fromkeys(found))


def opt_out_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns whose name says that a yes means "no mail"."""
    return tuple(dict.fromkeys(name for name in columns if _OPT_OUT.search(_plain(name))))


def name_columns(columns: Sequence[str]) -> dict[str, str]:
    """The columns that surely hold the first and the last name (``first``, ``last``), by the usual words for them.

    Where two columns go by such a word, neither is taken: a guess nobody looks at must not be wrong.
    """
    found: dict[str, str] = {}
    for part, words in (("first", _FIRST_NAMES), ("last", _LAST_NAMES)):
        fitting = [column for column in columns if _plain(column) in words]
        if len(fitting) == 1:
            found[part] = fitting[0]
    return found


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name.casefold())
    return re.sub(r"[^a-z0-9]+", "", folded)


def _name_score(name: str) -> int:
    plain = re.sub(r"[\W_]+", "", name.casefold())
    if plain in _SURE_NAMES:
        return 4
    if _NAME_PART.search(plain):
        return 2 if _SECONDARY.search(plain) else 3
    return 1 if plain in _WEAK_NAMES else 0


def nearest_column(name: str, columns: Sequence[str]) -> str:
    """The column most like a mistyped one, or an empty text."""
    folded = {column.casefold(): column for column in columns if column}
    close = get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else ""
