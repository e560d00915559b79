"""The one registry of commands: footer, help, palette and key map are all read from it.

A command's id is ``page.name`` or ``page.name.argument``. Pressing its key calls ``command_name`` of that page (with
the argument, where there is one); ``refuse_name``, where the page has one, says why it cannot be done now (None: it can). ``any`` commands exist on every page. Commands that
write are refused in read-only mode without the page's doing.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding

from state.model import ActivityKind, RowClass

FOOTER_KEYS = 7
"""How many keys the footer shows at most."""


@dataclass(slots=True, frozen=True)
class Command:
    """One thing a person can do. ``footer`` is its place in the footer (0: not there, lower comes first)."""

    id: str
    keys: str
    label: str
    help: str
    footer: int = 0
    writes: bool = False
    bubbling: bool = False
    """Let the focused widget see the key first (for keys such as escape that widgets use themselves)."""

    @property
    def page(self) -> str:
        return self.id.partition(".")[0]

    @property
    def method(self) -> str:
        """The part of the method's name after ``command_`` or ``refuse_``."""
        return self.id.split(".")[1].replace("-", "_")

    @property
    def argument(self) -> str:
        """What the method is given, as in ``preview.class.new``; empty: nothing."""
        return ".".join(self.id.split(".")[2:])

    @property
    def key_shown(self) -> str:
        """The first key as a person reads it."""
        return key_shown(self.keys.partition(",")[0])


_SHOWN = {
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "escape": "esc",
    "enter": "↵",
    "delete": "del",
    "space": "space",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def key_shown(key: str) -> str:
    """``ctrl+p`` as ``^p``, ``slash`` as ``/``."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    return _SHOWN.get(key, key)


REGISTRY: tuple[Command, ...] = (
    # everywhere
    Command(
        "any.filter",
        "slash",
        "Filter",
        "Show only rows with a text, as you type; escape shows all again.",
        50,
    ),
    Command("any.find", "f", "Find", "Type an address and see everything known about it.", 60),
    Command("any.help", "question_mark", "Help", "The keys that work here, and what this screen shows.", 70),
    Command("any.palette", "ctrl+p,colon", "Commands", "Every command and place by name.", 80),
    Command(
        "any.copy",
        "y",
        "Copy",
        "Copy the row under the cursor to your terminal's clipboard (OSC 52), and show it.",
    ),
    Command("any.write-view", "e", "Write to file", "Write the rows as filtered to a CSV or JSONL file."),
    Command("any.reload", "r", "Reload", "Read the screen again now."),
    Command("any.next-pane", "h,l", "Other pane", "Go between the tree at the left and the screen."),
    Command("any.connections", "H", "Connections", "Go to the connections."),
    Command("any.contacts", "C", "Contacts", "Go to the contacts of every link."),
    Command("any.jobs", "J", "Jobs", "Go to the jobs."),
    Command(
        "any.job-now",
        "W",
        "Job at work",
        "Open the job the status line tells of, one that stands still first: why, and how to free it.",
    ),
    Command("any.back", "escape", "Back", "Go back to the screen before.", bubbling=True),
    Command("any.quit", "q", "Quit", "Leave the console; jobs go on."),
    # connections
    Command("connections.open", "enter", "Lists", "Open the lists of the connection.", 1, bubbling=True),
    Command(
        "connections.check",
        "c",
        "Check",
        "Check key, rights, lists and limits of the connection (a job).",
        2,
        writes=True,
    ),
    Command("connections.add", "a", "Add", "Add a connection to a mailing platform.", 3, writes=True),
    Command("connections.edit", "E", "Edit", "Edit the connection under the cursor.", 4, writes=True),
    Command(
        "connections.remove",
        "D",
        "Remove",
        "Take the connection out of the settings; the platform is not touched.",
        0,
        writes=True,
    ),
    Command("connections.fields", "F", "Fields", "The data fields of the connection's lists."),
    Command("connections.campaigns", "K", "Campaigns", "What was sent to the connection's lists."),
    Command(
        "connections.rehearse",
        "R",
        "Rehearse",
        "Where the connection leads to a sandbox: choose how its next import ends, or what goes wrong next.",
        writes=True,
    ),
    # lists
    Command("lists.preview", "enter", "Preview", "Preview what the link would send.", 1, bubbling=True),
    Command(
        "lists.fetch", "L", "Fetch lists", "Ask the platform for its lists again (a job).", 2, writes=True
    ),
    Command("lists.connect", "c", "Connect", "Join a source to the list under the cursor.", 3, writes=True),
    Command(
        "lists.disconnect",
        "D",
        "Disconnect",
        "Take the link out of the settings; nobody is removed anywhere.",
        4,
        writes=True,
    ),
    Command("lists.contacts", "m", "Contacts", "The contacts and members of the link.", 5),
    Command(
        "lists.settings",
        "s",
        "Settings",
        "Mode, mapping, two-way fields, consent and conflict rule of the link.",
        writes=True,
    ),
    Command(
        "lists.sync",
        "S",
        "Synchronize",
        "Read what happened at the platform, then preview; nothing is sent before you confirm.",
        writes=True,
    ),
    Command(
        "lists.refresh",
        "u",
        "Refresh fields",
        "Mark every record of the link to be sent again, and preview how many that are.",
        writes=True,
    ),
    Command("lists.create", "n", "New list", "Have the platform make a new list (a job).", writes=True),
    Command(
        "lists.fields", "F", "Fields", "The data fields of the list under the cursor, and their mapping."
    ),
    Command("lists.campaigns", "K", "Campaigns", "What was sent to the connection's lists."),
    # fields
    Command(
        "fields.sync",
        "s",
        "Synchronize",
        "Read the fields from the platform now, and tell what is new (a job).",
        1,
        writes=True,
    ),
    Command(
        "fields.create",
        "a",
        "New field",
        "Create a field at the platform, judged by its rules as you type.",
        2,
        writes=True,
    ),
    Command(
        "fields.delete",
        "D",
        "Delete",
        "Count who holds a value of the field, then delete it after that number is typed.",
        3,
        writes=True,
    ),
    Command(
        "fields.mapping",
        "enter",
        "Mapping",
        "The settings of the link: which columns fill which fields, both ways or one, and what a blank does.",
        4,
        writes=True,
        bubbling=True,
    ),
    Command(
        "fields.refresh",
        "u",
        "Refresh fields",
        "Mark every record of the link to be sent again, and preview how many that are.",
        writes=True,
    ),
    # campaigns
    Command(
        "campaigns.open", "enter", "Open", "Bars, curves and activity of the campaign.", 1, bubbling=True
    ),
    Command(
        "campaigns.fetch",
        "L",
        "Fetch",
        "Ask the platform for campaigns, counts and activity (a job); nothing is written there.",
        2,
        writes=True,
    ),
    Command(
        "campaigns.view", "v", "One or many", "Single campaigns, or marketing campaigns: several as one.", 3
    ),
    Command("campaigns.mark", "space", "Mark", "Mark the campaign for merging and splitting, or not."),
    Command(
        "campaigns.merge",
        "M",
        "Merge",
        "Count the marked campaigns (or the one under the cursor) as one, under a name.",
        4,
        writes=True,
    ),
    Command(
        "campaigns.split",
        "S",
        "Split",
        "Count the marked campaigns (or the one under the cursor) by themselves again.",
        writes=True,
    ),
    # campaign
    Command(
        "campaign.explain",
        "enter",
        "Explain",
        "Everything known about the address under the cursor.",
        1,
        bubbling=True,
    ),
    Command(
        "campaign.next-kind", "c", "Kind", "Show only one kind of activity; press again for the next one.", 2
    ),
    Command("campaign.scale", "t", "Hours, days", "Curves by the hour, or by the day.", 3),
    Command(
        "campaign.whole",
        "w",
        "As one",
        "The whole marketing campaign it counts to, or this campaign alone.",
        4,
    ),
    Command("campaign.list", "K", "Campaigns", "The campaigns of its connection."),
    Command("campaign.kind", "0", "All kinds", "Show every kind of activity."),
    *(
        Command(
            f"campaign.kind.{kind.value}",
            str(place),
            f"Only {kind.value}",
            f"Show only the activity of the kind {kind.value}.",
        )
        for place, kind in enumerate(ActivityKind, start=1)
    ),
    # contacts
    Command(
        "contacts.explain",
        "enter",
        "Explain",
        "Everything known about the address under the cursor.",
        1,
        bubbling=True,
    ),
    Command("contacts.consent", "c", "Consent", "Show only one consent; press again for the next one.", 2),
    Command(
        "contacts.pending",
        "d",
        "Waiting long",
        "Only people asked to confirm more than 7, 30 or 90 days ago, and for how long they have been waiting.",
        4,
    ),
    Command("contacts.sort", "s", "Sort", "Turn the order of addresses round.", 3),
    # explain
    Command("explain.contacts", "m", "Contacts", "The contacts of the link under the cursor.", 1),
    Command(
        "explain.campaign",
        "enter",
        "Campaign",
        "The campaign the line of the history under the cursor is about.",
        bubbling=True,
    ),
    # preview
    Command(
        "preview.export",
        "x",
        "Export",
        "Confirm and send this plan (a job); an unfinished export of the link is gone on with first.",
        1,
        writes=True,
    ),
    Command(
        "preview.new",
        "p",
        "Preview",
        "Read both sides again and make a new plan (a job); nothing is sent.",
        2,
        writes=True,
    ),
    Command(
        "preview.keep", "s", "Keep", "Keep this plan: it is listed and can be exported later.", 3, writes=True
    ),
    Command("preview.plans", "o", "Plans", "The plans kept of this link; open one, or compare two.", 4),
    Command(
        "preview.sync",
        "S",
        "Synchronize",
        "Read what happened at the platform, then preview again; nothing is sent.",
        writes=True,
    ),
    Command(
        "preview.refresh",
        "u",
        "Refresh fields",
        "Mark every record of the link to be sent again, and preview how many that are.",
        writes=True,
    ),
    Command(
        "preview.settings",
        "E",
        "Settings",
        "Mode, mapping, two-way fields, consent and conflict rule of the link.",
        writes=True,
    ),
    Command("preview.stop", "c", "Stop", "Cancel the preview that is running.", writes=True),
    Command(
        "preview.allow",
        "A",
        "Allow source",
        "Let an empty or much smaller source pass once, after the link's name is typed.",
        writes=True,
    ),
    Command("preview.explain", "a", "Explain", "Everything known about the address under the cursor."),
    Command("preview.job", "b", "Job", "The job that exported this plan, or that is unfinished."),
    Command("preview.previous", "left_square_bracket", "Class up", "The class or reason above."),
    Command("preview.next", "right_square_bracket", "Class down", "The class or reason below."),
    Command("preview.class", "0", "All rows", "Show the rows of every class."),
    *(
        Command(
            f"preview.class.{row_class.value}",
            str(place),
            f"Only {row_class.value}",
            f"Show only the rows of the class {row_class.value}.",
        )
        for place, row_class in enumerate(RowClass, start=1)
        if place < 10
    ),
    # jobs
    Command(
        "jobs.open", "enter", "Open", "Open the job: progress, log, outcomes, requests.", 1, bubbling=True
    ),
    Command("jobs.cancel", "c", "Cancel", "Ask the job to stop between two chunks.", 2, writes=True),
    Command("jobs.resume", "R", "Resume", "Go on with a job that stands still.", 3, writes=True),
    Command(
        "jobs.unblock",
        "U",
        "Let go",
        "Let go of rows that got no answer, after their number is typed; they stay unknown.",
        writes=True,
    ),
    # job
    Command("job.cancel", "c", "Cancel", "Ask the job to stop between two chunks.", 1, writes=True),
    Command(
        "job.resume",
        "R",
        "Resume",
        "Go on with a job that stands still; what got no answer is read back first.",
        2,
        writes=True,
    ),
    Command(
        "job.unblock",
        "U",
        "Let go",
        "Let go of rows that got no answer, also of an import that hangs, after their number is typed.",
        writes=True,
    ),
    Command("job.log", "v", "Log", "The log as it grows; 1 to 4 choose the level, / finds, n and N go on."),
    Command("job.outcomes", "o", "Outcomes", "What became of the rows, by outcome and reason.", 3),
    Command("job.requests", "w", "Requests", "The requests really sent, without addresses and secrets.", 4),
    Command("job.files", "i", "Files", "The files kept with the job."),
    Command("job.pause", "space", "Pause", "Stop following the log, or follow it again."),
    Command(
        "job.retry",
        "p",
        "Retry refused",
        "Preview the link again and show only the addresses that were refused here.",
        writes=True,
    ),
    Command("job.explain", "a", "Explain", "Everything known about the address under the cursor."),
    Command(
        "job.optin",
        "u",
        "Ask to opt in",
        "Have the platform ask the refused person under the cursor to confirm; may send one mail.",
        writes=True,
    ),
    Command(
        "job.suppress",
        "m",
        "Mark suppressed",
        "Mark the refused address under the cursor: this link sends nothing to it any more.",
        writes=True,
    ),
    Command("job.plan", "P", "Plan", "The preview of the job's link."),
)


def commands_of(page: str) -> tuple[Command, ...]:
    """What a page can do, its own commands first; a page's key takes the place of the same key of ``any``."""
    own = [command for command in REGISTRY if command.page == page]
    taken = {key for command in own for key in command.keys.split(",")}
    shared = [
        command for command in REGISTRY if command.page == "any" and not taken & set(command.keys.split(","))
    ]
    return (*own, *shared)


def command(command_id: str) -> Command:
    """The command of that id; ``KeyError`` when there is none."""
    for found in REGISTRY:
        if found.id == command_id:
            return found
    raise KeyError(command_id)


def bindings_of(page: str) -> list[Binding]:
    """The key map of a page for Textual. The footer is ours, so nothing is shown by Textual."""
    return [
        Binding(
            found.keys,
            f"run('{found.id}')",
            found.label,
            show=False,
            priority=not found.bubbling,
            id=found.id,
            tooltip=found.help,
        )
        for found in commands_of(page)
    ]


def footer_of(page: str) -> tuple[Command, ...]:
    """The commands a page's footer offers, at most seven: its own first, then filter, find, help, commands."""
    offered = sorted((found for found in commands_of(page) if found.footer), key=lambda found: found.footer)
    own = [found for found in offered if found.page != "any"][: FOOTER_KEYS - 3]
    shared = [found for found in offered if found.page == "any"]
    return (*own, *shared[: FOOTER_KEYS - len(own)])
