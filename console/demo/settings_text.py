"""The text of the demo's settings: every connection, source and link of it, written as a person would.

Invariant: no secret stands in it; every address it names is on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping

CRM_LINK, TOURS_LINK, SOUTH_LINK = "crm-magazine", "tours", "camp-south"
"""The links to dotdigital: the CRM's contacts, the course file, and the one that waits for the platform."""

TRIAL, EVERYBODY = 'filter = "groups=2"', 'filter = "groups=1"'
"""Whom of the CRM the magazine goes to: first a group that tries it, then everybody."""

NOT_BACK, BACK = "create_contacts = false", "create_contacts = true"
"""Whether people found in the address book only are created in the CRM."""

_TEXT = """\
# The demo's settings. The platforms and the CRM are a sandbox on this machine; every address ends in a domain nobody
# can own.

[connections.verband]
provider = "mailchimp"
key = { file = "secrets/verband-key" }
base_url = "{mailchimp}"

[connections.abgelaufen]          # its key has expired
provider = "mailchimp"
key = { file = "secrets/abgelaufen-key" }
base_url = "{mailchimp}"

[connections.voll]                # its plan has no room for another contact
provider = "mailchimp"
key = { file = "secrets/voll-key" }
base_url = "{mailchimp}"

[connections.gedrosselt]          # answers "too many requests" to everything
provider = "mailchimp"
key = { file = "secrets/gedrosselt-key" }
base_url = "{mailchimp}"

[connections.freunde]
provider = "dotdigital"
user = "{freunde}"
password = { file = "secrets/freunde-password" }
base_url = "{dotdigital}"

[connections.freunde-sued]        # lives in another region, which is found by asking
provider = "dotdigital"
user = "{freunde-sued}"
password = { file = "secrets/freunde-sued-password" }
base_url = "{dotdigital}"

[connections.freunde-abgelaufen]  # its API user is refused
provider = "dotdigital"
user = "{freunde-abgelaufen}"
password = { file = "secrets/freunde-abgelaufen-password" }
base_url = "{dotdigital}"

[connections.freunde-voll]        # its package has no room for another contact
provider = "dotdigital"
user = "{freunde-voll}"
password = { file = "secrets/freunde-voll-password" }
base_url = "{dotdigital}"

[connections.freunde-gedrosselt]  # the calls of this minute are used up, whichever minute it is
provider = "dotdigital"
user = "{freunde-gedrosselt}"
password = { file = "secrets/freunde-gedrosselt-password" }
base_url = "{dotdigital}"

[connections.freunde-stunde]      # the calls of this hour are used up
provider = "dotdigital"
user = "{freunde-stunde}"
password = { file = "secrets/freunde-stunde-password" }
base_url = "{dotdigital}"

[connections.freunde-gateway]     # something between here and the platform answers in its place
provider = "dotdigital"
user = "{freunde-gateway}"
password = { file = "secrets/freunde-gateway-password" }
base_url = "{dotdigital}"

[sources.members]
kind = "csv"
path = "members.csv"
id = "person_id"
email = "email"
opted_out = "newsletter_no"

[sources.courses]
kind = "csv"
path = "courses.csv"
id = "person_id"
email = "email"

[sources.camp]
kind = "csv"
path = "camp.csv"
id = "person_id"
email = "email"

[sources.crm]
kind = "oro"
base_url = "{oro}"
client_id = "{client}"
client_secret = { file = "secrets/crm-secret" }
membership = "filter"
filter = "groups=2"
id = "id"
email = "primaryEmail"
opted_out = "newsletterOptOut"

[links.members-news]              # all members get the newsletter; who leaves the club leaves the list
source = "members"
connection = "verband"
list = "{news}"
mode = "mirror"
consent = "membership form 2024"
fields = { FNAME = "first_name", LNAME = "last_name" }

[links.courses]                   # the list asks everybody to confirm
source = "courses"
connection = "verband"
list = "{courses}"
mode = "add-only"
consent = "course registration"
fields = { FNAME = "first_name", LNAME = "last_name" }

[links.youth-camp]                # wants a last name and a gender
source = "camp"
connection = "verband"
list = "{youth}"
mode = "update"
consent = "camp registration, signed by the parents"
fields = { FNAME = "first_name", LNAME = "last_name", GENDER = "gender" }

[links.crm-magazine]              # names go both ways; whoever is in the book only is created in the CRM
source = "crm"
connection = "freunde"
list = "{magazine}"
mode = "mirror"
consent = "membership form 2024"
conflict = "ask"
create_contacts = false

[links.crm-magazine.fields]
FIRSTNAME = { column = "firstName", two_way = true }
LASTNAME = { column = "lastName", two_way = true }

[links.tours]                     # additions only, out of a file
source = "courses"
connection = "freunde"
list = "{tours}"
mode = "add-only"
consent = "course registration"
fields = { FIRSTNAME = "first_name", LASTNAME = "last_name", FULLNAME = ["first_name", "last_name"] }

[links.camp-south]
source = "camp"
connection = "freunde-sued"
list = "{south}"
mode = "add-only"
consent = "camp registration, signed by the parents"
fields = { FIRSTNAME = "first_name", LASTNAME = "last_name" }
"""


def settings_text(words: Mapping[str, str]) -> str:
    """The settings with each word of ``words`` in the place of its name in braces."""
    text = _TEXT
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text
