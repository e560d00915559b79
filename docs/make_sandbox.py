"""Writes docs/sandbox.md from the sandbox's own tables: ``python docs/make_sandbox.py``.

Invariant: every control verb and every switch is on the page; one without words here stops the writing.
"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from adapters.sandbox.faults import BODIES
from adapters.sandbox.mailchimp import switches
from adapters.sandbox.mailchimp.control import FIELDS
from adapters.sandbox.server import COMMON_VERBS

FILE = Path(__file__).with_name("sandbox.md")

HEAD = """\
# The sandbox

`listwarden sandbox` serves the platform's interface on 127.0.0.1, with people who do not exist. The demo and the tests use it; so may you, for
training and for trying what happens when something breaks.

```sh
listwarden sandbox --port 8600 --contacts 10000 --ledger requests.ndjson
```

The first line on stdout is the **ready document**: the port, the address for `base_url`, a key, the lists, and under `rehearsals` keys of special
accounts: without rights, at their limit, throttled, behind a gateway. A key that begins with `expired` is refused. The same seed gives
the same people. `--keep FILE` lets its state survive a restart.

```toml
[connections.sandbox]
provider = "mailchimp"
key = { env = "SANDBOX_KEY" }
base_url = "http://127.0.0.1:8600/mailchimp/3.0"
```

## Control routes

| route | answer |
| --- | --- |
| `GET /__sandbox__/ready` | the ready document |
| `GET /__sandbox__/state/mailchimp?list=ID` | every address with its status; archived ones too, deleted ones not |
| `GET /__sandbox__/ledger` | the ledger |
| `POST /__sandbox__/mailchimp/VERB` | carries out a verb; its fields are a JSON object |

```sh
curl -d '{"email": "eva@example.org"}' http://127.0.0.1:8600/__sandbox__/mailchimp/subscribe
curl -d '{"email": "eva@example.org"}' http://127.0.0.1:8600/__sandbox__/mailchimp/unsubscribe
curl -d '{"count": 2, "body": "drop-after", "method": "POST"}' http://127.0.0.1:8600/__sandbox__/mailchimp/fail-next
```

A list is named by its id; without one the first is meant. What a person does at the platform leaves an event in the ledger.
"""

WORDS = {
    "fail-next": "the next `count` matching requests fail; `body` is how: " + ", ".join(BODIES),
    "latency": "delay before a request is applied, and of its answer after that",
    "clock": "move the sandbox's clock",
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
    "switch": "one of the switches below",
}

LEDGER = """\
## The ledger

One JSON object a line, written before the answer leaves: no client can know more than the ledger. A request has `t0` and `t1` (seconds at
arrival and before the answer), `vendor`, `method`, `path`, `query`, `code`, `conn_id`, `run` and `fence` (the job that sent it, and its lease number), and `ops`:
every address in its body with `email`, `status`, `ok`, `kind`. A change made by a person has `event`, `email`, `status` instead.

Who was written to, and with which status:

```sh
jq -r 'select(.ops) | .ops[] | [.kind, .email, .status] | @tsv' requests.ndjson
```
"""


def page() -> str:
    """The whole page."""
    verbs = {**COMMON_VERBS, **FIELDS}
    rows = [f"| `{verb}` | {takes or 'nothing'} | {WORDS[verb]} |" for verb, takes in verbs.items()]
    told = _switch_words()
    flips = [
        f"| `{one.name}` | {str(one.default).lower()} | {told[one.name]} |"
        for one in fields(switches.Switches)
    ]
    return "\n".join(
        [
            HEAD,
            "## Verbs\n\n| verb | fields | what it does |\n| --- | --- | --- |",
            *rows,
            "",
            "## Switches\n\nWhat no document of the platform settles, as a switch each.\n",
            "| switch | at the start | when true |\n| --- | --- | --- |",
            *flips,
            "",
            LEDGER,
        ]
    )


def _switch_words() -> dict[str, str]:
    """The line under each switch in its source."""
    source = Path(switches.__file__).read_text(encoding="utf-8")
    found = re.findall(r'^    (\w+): bool = \w+\n    """(.+?)"""', source, re.MULTILINE | re.DOTALL)
    return {
        name: " ".join(re.sub(r";? ?§[^)]*", "", text).replace(" ()", "").split()).rstrip(".")
        for name, text in found
    }


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
    print(f"Wrote {FILE.name}.")
