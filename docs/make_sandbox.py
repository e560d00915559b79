"""Writes docs/sandbox.md from the sandbox's own tables: ``python docs/make_sandbox.py``.

Invariant: every control verb and every switch is on the page; one without words here stops the writing.
"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from types import ModuleType

from adapters.sandbox.dotdigital import control as dotdigital
from adapters.sandbox.dotdigital import switches as dotdigital_switches
from adapters.sandbox.faults import BODIES
from adapters.sandbox.mailchimp import control as mailchimp
from adapters.sandbox.mailchimp import switches as mailchimp_switches
from adapters.sandbox.oro import control as oro
from adapters.sandbox.oro import switches as oro_switches
from adapters.sandbox.server import COMMON_VERBS

FILE = Path(__file__).with_name("sandbox.md")

HEAD = """\
# The sandbox

`listwarden sandbox` serves the platforms' interfaces, and a CRM's, on 127.0.0.1, with people who do not exist. The demo and the tests use it; so may
you, for training and for trying what happens when something breaks.

```sh
listwarden sandbox --port 8600 --contacts 10000 --ledger requests.ndjson
```

The first line on stdout is the **ready document**: the port, and of each vendor the address for `base_url`, credentials, the lists, and under
`rehearsals` special accounts: without rights, at their limit, throttled, in another region, behind a gateway. Credentials that begin with `expired` are
refused. The same seed gives the same people, at every vendor. `--keep FILE` lets its state survive a restart.

```toml
[connections.sandbox]
provider = "mailchimp"
key = { env = "SANDBOX_KEY" }
base_url = "http://127.0.0.1:8600/mailchimp/3.0"
```

The console orders most of this by name: `R` on a connection that leads to a sandbox, or `listwarden rehearse CONNECTION NAME`.

## Control routes

| route | answer |
| --- | --- |
| `GET /__sandbox__/ready` | the ready document |
| `GET /__sandbox__/state/VENDOR?list=ID` | every address of a list with its status; also who left it, deleted ones not |
| `GET /__sandbox__/ledger` | the ledger |
| `POST /__sandbox__/VENDOR/VERB` | carries out a verb; its fields are a JSON object |

```sh
curl -d '{"email": "eva@example.org"}' http://127.0.0.1:8600/__sandbox__/mailchimp/subscribe
curl -d '{"email": "eva@example.org"}' http://127.0.0.1:8600/__sandbox__/dotdigital/unsubscribe-account
curl -d '{"count": 2, "body": "drop-after", "method": "POST"}' http://127.0.0.1:8600/__sandbox__/mailchimp/fail-next
```

A list is named by its id; without one the first is meant. What a person does at a platform leaves an event in the ledger. The clock is one for all
vendors; a `reset` puts one vendor back to its start, and the clock.
"""

COMMON_WORDS = {
    "fail-next": "the next `count` matching requests fail; `body` is how: " + ", ".join(BODIES),
    "latency": "delay before a request is applied, and of its answer after that",
    "clock": "move the sandbox's clock",
}

MAILCHIMP = {
    "reset": "everything as at the start",
    "unsubscribe": "people leave",
    "clean": "addresses are given up",
    "bounce": "the same",
    "forget": "deleted for good: refused from now on",
    "delete": "gone without a trace: a stranger again",
    "archive": "archived by hand",
    "confirm": "pending people confirm",
    "subscribe": "people join by the form, also those who had left",
    "edit": "fields changed by hand",
    "move": "an address changed by hand",
    "contact-limit": "room of the account",
    "connections-limit": "requests at once",
    "expire-key": "refuse a key",
    "restore-key": "take it again",
    "drift": "somebody comes or goes while a listing is read",
    "lose-rows": "say yes to every nth row and do nothing",
    "total-lies": "totals are wrong by so many",
    "hold-batches": "batches do not get on",
    "remove-list": "the list is gone",
    "add-field": "a merge field is made by hand",
    "remove-field": "merge fields are deleted by hand, with their values",
    "switch": "one of the switches below",
}

DOTDIGITAL = {
    "reset": "everything as at the start",
    "unsubscribe": "people leave one address book",
    "unsubscribe-account": "people opt out of everything",
    "suppress": "people are shut out for the whole account, for any of the platform's reasons",
    "bounce": "a hard bounce shuts out, a soft one does not",
    "confirm": "pending people confirm",
    "subscribe": "people join by a form, also those who had left",
    "edit": "data fields changed by hand",
    "move": "an address changed under the same id",
    "delete": "gone from the account: a stranger again",
    "remove": "taken out of an address book, which is no opt-out",
    "add-book": "an address book is made by hand",
    "remove-book": "the address book is gone",
    "seed-books": "as many address books as numbers, each with so many people",
    "add-field": "a data field is made by hand",
    "remove-field": "a data field is gone, with its values",
    "activity": "people open, click, reply … in a sent campaign",
    "refuse-next": "the next `count` matching requests are refused with this code",
    "next-import": "how the next import goes: its end, after how many polls or milliseconds, what its report says, whom it loses",
    "hold-imports": "imports stay open from now on",
    "release-imports": "held ones go on: all, or one",
    "lose-rows": "count every nth row of an import and do nothing",
    "contact-limit": "room of the account",
    "rate": "the scheme of the limit and its numbers",
    "region": "the account lives at the second endpoint",
    "expire-key": "refuse an API user",
    "restore-key": "take it again",
    "drift": "somebody comes or goes while a listing is read",
    "switch": "one of the switches below",
}

ORO = {
    "reset": "everything as at the start",
    "edit": "attributes changed by hand",
    "add": "somebody is entered by hand",
    "delete": "a contact is deleted",
    "compute": "a computed attribute changes; `updatedAt` does not",
    "snapshot": "a marketing list is put down as a snapshot",
    "remove-snapshot": "the snapshot is gone",
    "drift": "somebody comes or goes while contacts are paged",
    "page-cap": "the longest page",
    "total-lies": "totals are wrong by so many",
    "token-lifetime": "how long access tokens are valid",
    "expire-tokens": "no access token is valid any more",
    "refuse-client": "client credentials are refused",
    "refuse-writes": "writes to a contact are refused",
    "switch": "one of the switches below",
}

LEDGER = """\
## The ledger

One JSON object a line, written before the answer leaves: no client can know more than the ledger. A request has `t0` and `t1` (seconds at
arrival and before the answer), `vendor`, `method`, `path`, `query`, `code`, `conn_id`, `run` and `fence` (the job that sent it, and its lease number), and `ops`:
every address in its body with `email`, `status`, `ok`, `kind`. A change made by a person has `event`, `email`, `status` instead. What became of a
file that was only handed in has `settled`, its `id`, `status` and `rows`. A request that nobody should ever make (sending a campaign, emptying or
deleting an address book) carries an `alarm`.

Who was written to, and with which status:

```sh
jq -r 'select(.ops) | .ops[] | [.kind, .email, .status] | @tsv' requests.ndjson
```
"""


VENDORS: tuple[tuple[str, dict[str, str], ModuleType, dict[str, str]], ...] = (
    ("Mailchimp", mailchimp.FIELDS, mailchimp_switches, MAILCHIMP),
    ("dotdigital", dotdigital.FIELDS, dotdigital_switches, DOTDIGITAL),
    ("OroCRM", oro.FIELDS, oro_switches, ORO),
)


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## Verbs for every vendor\n", *_verbs(COMMON_VERBS, COMMON_WORDS)]
    for name, verbs, switches, words in VENDORS:
        parts += [
            f"\n## {name}\n",
            *_verbs(verbs, words),
            "\nWhat no document settles, as a switch each:\n",
            *_switches(switches),
        ]
    return "\n".join([*parts, "", LEDGER])


def _verbs(verbs: dict[str, str], words: dict[str, str]) -> list[str]:
    """A table of control verbs; a verb without words stops the writing."""
    rows = [f"| `{verb}` | {takes or 'nothing'} | {words[verb]} |" for verb, takes in verbs.items()]
    return ["| verb | fields | what it does |\n| --- | --- | --- |", *rows]


def _switches(module: ModuleType) -> list[str]:
    """A table of a vendor's switches, with the line under each in its source."""
    told = _switch_words(Path(str(module.__file__)))
    rows = [
        f"| `{one.name}` | {str(one.default).lower()} | {told[one.name]} |" for one in fields(module.Switches)
    ]
    return ["| switch | at the start | when true |\n| --- | --- | --- |", *rows]


def _switch_words(file: Path) -> dict[str, str]:
    found = re.findall(
        r'^    (\w+): bool = \w+\n    """(.+?)"""', file.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return {
        name: " ".join(re.sub(r";? ?§[^)]*", "", text).replace(" ()", "").split()).rstrip(".")
        for name, text in found
    }


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
    print(f"Wrote {FILE.name}.")
