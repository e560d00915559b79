"""Writes docs/commands.md from the command line itself: ``python docs/make_commands.py``.

Invariant: what is written is what ``--help`` says; ``tests/test_docs.py`` fails while the file says anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from console.cli.app import build
from console.exit_codes import ExitCode

FILE = Path(__file__).with_name("commands.md")

SHARED = ("--config", "--state", "--read-only", "--json")
"""What every command takes; told once, at the top."""

HEAD = """\
# Commands

Written from the command line itself; `listwarden COMMAND --help` says the same.

A command works without a terminal and never asks when there is none. What a program may read goes to stdout; what is
said to people besides goes to stderr. With `--json` a command prints one JSON document. `job outcomes` and `job follow`
print one document a line instead. Keys of these documents stay; new ones may come.

An error is told in two lines on stderr: what happened with its [reason](reasons.md) in brackets, and what to do next.

```text
listwarden: There is no terminal to confirm on. [confirmation-needed]
next: Give --yes, or --plan ID of a plan saved by: listwarden preview members-news --save
```

Without a command the console opens, if there is a terminal. A place says where:
`link:NAME/preview`, `link:NAME/contacts`, `link:NAME/jobs`, `connection:NAME`, `connection:NAME/campaigns`, `campaign:ID`, `address:EMAIL`, `job:ID`, `jobs`, `contacts`.
Places without a colon are reached from inside the console; on the command line `jobs` and `contacts` are commands.
"""

JSON = """\
## What the JSON holds

| command | document |
| --- | --- |
| `check` | `connection`, `ok`, `account` (`id`, `name` and what the platform tells), `findings` |
| `doctor` | a list of findings: `reason`, `text`, `next`, `ok`, `where` |
| `connections` | a list: `name`, `provider`, `status`, `account`, `checked_at`, `feedback_at` |
| `lists` | a list: `id`, `name`, `members`, `system`, `link` |
| `lists … create` | `connection`, `list`, `name`, `job`, `state`, `reason` |
| `fields` | a list: `list` (null: fields of the account), `name`, `label`, `kind`, `required`, `choices`, `default`, `public`, `system`, `mapped_by`, `seen_at` |
| `fields … sync` | `connection`, `job`, `state`, `reason`, `fields` (how many), `appeared`, `gone`, `retyped`, `missing` (links and the fields they map in vain), `kept` |
| `fields … create` | `connection`, `list`, `name`, `job`, `state`, `reason` |
| `fields … delete` | `connection`, `list`, `name`, `deleted`, `holding`, `dependencies`, `job`, `state`, `reason` |
| `links` | a list: `name`, `source`, `connection`, `list`, `mode`, `fields`, `address_change`, `every` |
| `campaigns` | a list: `id`, `name`, `subject`, `status`, `sent`, `sent_at`, `lists`, `marketing`, `counts`, `shares` (%), `read_at`, `gone_at`; with `--campaign` that one and `activity` (newest first: `at`, `email`, `kind`, `times`, `detail`, `campaign`); with `--marketing` a list: `marketing`, `campaigns` (ids), `first_sent`, `last_sent`, `counts`, `shares` |
| `preview` | `link`, `plan`, `digest`, `counts` (every class), `writes`, `mails`, `fields`, `guards`; with `--class` also `rows` |
| `export` | `job`, `plan`, `state`, `outcomes` (every outcome), `reason`, `text`; with `--detach` the state is `queued` |
| `feedback` | `connection`, `link`, `job`, `state`, `counts` |
| `refresh` | `link`, `job`, `state`, `marked`, `to_send` |
| `optin` | `link`, `address`, `job`, `state`, `reason` |
| `jobs`, `job show` | jobs: `job`, `kind`, `state`, `connection`, `link`, `plan`, `operator`, `host`, times, progress, `reason`, `text`, `exit_code`, `counts`; `job show` adds `files` |
| `job outcomes` | a line an address: `email`, `outcome`, `reason`, `origin_id` |
| `job follow` | a line a log line: `seq`, `t`, `level`, `text`, `reason`; the last one is `{"end": …}` with the job |
| `contacts` | a list: `email`, `links` (with `source_ids`, `origin_id`, `consent`, `status`, `ours`, `opted_out`, `fault`) |
| `explain` | `address`, `answer`, `links`, `timeline` (newest first), `more_activity` (older things done with campaigns, left out) |
| `state info` | `path`, `bytes`, `wal_bytes`, `schema`, `sqlite`, `rows` |
| `state check` | `ok`, `faults`, `journal` |
| `state backup` | `path`, `bytes` |

Times are UTC. In files written with `--out`, a cell that a spreadsheet would run as a formula gets a quote in front.
"""

MEANINGS = {
    ExitCode.DONE: "Done. Also: there was nothing to do, or the platform works on it and the job waits.",
    ExitCode.FAILED: "Failed for another reason than those below.",
    ExitCode.USAGE: "The call was not understood, or it wants a confirmation and nobody can be asked.",
    ExitCode.PARTLY: "Partly: some rows were rejected, are unverified, or unknown.",
    ExitCode.PLAN_STALE: "The plan is stale. Nothing was sent.",
    ExitCode.GUARD: "A guard refused, or a source or listing could not be read whole. Nothing was sent.",
    ExitCode.BUSY: "Busy: another export holds the account, or an import is open at the platform.",
    ExitCode.CREDENTIALS: "Credentials, rights, or a limit of the account.",
    ExitCode.CONFIGURATION: "The settings are wrong, or name a list that the account does not have.",
    ExitCode.UNREACHABLE: "The platform cannot be reached, or throttles.",
    ExitCode.STATE: "The state file is damaged, locked, full, or may not be written.",
    ExitCode.INTERRUPTED: "Interrupted or left by a person.",
}


def page() -> str:
    """The whole page."""
    top: Any = get_command(build())
    parts = [HEAD, _exit_codes(), JSON, _shared(top), "## All commands\n"]
    parts += _chapters(top, "listwarden")
    return "\n".join(parts)


def _exit_codes() -> str:
    rows = "\n".join(f"| {int(code)} | {MEANINGS[code]} |" for code in ExitCode)
    return (
        f"## Exit codes\n\n| code | meaning |\n| --- | --- |\n{rows}\n\nA number never changes its meaning.\n"
    )


def _shared(top: Any) -> str:
    everywhere = [param for param in top.params if param.opts[0] in SHARED]
    alone = [param for param in top.params if not _is_own(param) and param not in everywhere]
    return (
        f"## Options of every command\n\n{_table(everywhere)}\n"
        "They may stand before or behind the command's name.\n\n"
        f"`listwarden` by itself also takes:\n\n{_table(alone)}"
    )


def _chapters(group: Any, path: str) -> Iterator[str]:
    context = group.make_context(path, [], resilient_parsing=True)
    for name in group.list_commands(context):
        command = group.commands[name]
        if command.hidden:
            continue
        yield _chapter(command, f"{path} {name}")
        if hasattr(command, "commands"):
            yield from _chapters(command, f"{path} {name}")


def _chapter(command: Any, path: str) -> str:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option" and _is_own(param)]
    words = [path, *(_argument(one) for one in arguments)]
    if options:
        words.append("[OPTIONS]")
    if hasattr(command, "commands"):
        words.append("[COMMAND]")
    parts = [f"### {path}\n", f"```text\n{' '.join(words)}\n```\n"]
    parts += [" ".join(text.split()) + "\n" for text in (command.help or "").split("\n\n")]
    told = [*(one for one in arguments if getattr(one, "help", None)), *options]
    if told:
        parts.append(_table(told))
    if command.epilog:
        parts.append(f"{command.epilog.replace('Example: ', 'Example: `', 1)}`\n")
    return "\n".join(parts)


def _argument(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).strip("[]")
    return name if argument.required else f"[{name}]"


def _is_own(param: Any) -> bool:
    return param.opts[0] not in SHARED and param.opts[0] != "--version" and "completion" not in param.opts[0]


def _table(params: list[Any]) -> str:
    rows = [f"| {_name(param)} | {_said(param)} |" for param in params]
    return "\n".join(["| option | |", "| --- | --- |", *rows]) + "\n"


def _name(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{_argument(param)}`".replace("|", "\\|")
    value = f" {param.metavar}" if param.metavar and not param.is_flag else ""
    return f"`{', '.join(param.opts)}{value}`"


def _said(param: Any) -> str:
    text = " ".join((getattr(param, "help", None) or "").split()).replace("|", "\\|")
    extra = []
    if param.required:
        extra.append("Required.")
    if param.multiple:
        extra.append("May be given several times.")
    if getattr(param, "show_default", False) and param.default is not None and not param.required:
        extra.append(f"Default: {param.default:,}." if isinstance(param.default, int) else "")
    return " ".join(filter(None, [text, *extra]))


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
    print(f"Wrote {FILE.name}.")
