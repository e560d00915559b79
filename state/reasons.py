"""The register of reason codes: every code the product uses, with help and the next step.

Codes are stable: they stand in plans, journals, JSON and other people's scripts. An entry is never reused
for another meaning. What is not in here cannot be written as a reason (``tests/state/test_reasons.py`` holds
the source to it).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Reason:
    """``title`` fits a table cell, ``help`` explains in a sentence or two, ``next`` says what to do."""

    code: str
    title: str
    help: str
    next: str


def _register(*rows: tuple[str, str, str, str]) -> dict[str, Reason]:
    found: dict[str, Reason] = {}
    for code, title, help_, next_ in rows:
        if code in found:
            raise ValueError(f"reason {code} is registered twice")
        found[code] = Reason(code, title, help_, next_)
    return found


# One reason, one line.
# fmt: off
PLAN_REASONS = _register(
    ("unknown-at-platform", "not on the list yet", "The platform has no record of this address.", "It is added by the next export."),
    ("in-sync", "nothing to send", "All mapped fields are the same on both sides.", "Nothing to do."),
    ("differs", "differs, not sent", "Mapped fields differ, and this link only adds.", "Set the link's mode to update to send changes."),
    ("fields-differ", "mapped fields differ", "At least one mapped field has another value in the source.", "It is sent by the next export."),
    ("changed-at-platform", "changed at the platform", "A two-way field's value at the platform counts: only it has changed since both agreed, or the link's conflict rule says so.", "The next export writes it into the source."),
    ("field-conflict", "changed on both sides", "A two-way field has another value in the source and at the platform, and the link says to ask.", "Make both the same, or set the link's conflict to source or platform."),
    ("returned-to-source", "waits for the source", "What changed at the platform was handed to the source, which does not show it yet.", "Carry the file of returned changes over into the source, or wait until the list is exported anew."),
    ("due", "marked to be sent again", "A refresh of data fields marked this record.", "It is sent by the next export."),
    ("not-confirmed", "not confirmed", "This row was sent, and the platform did not confirm that it took it: the import was refused, failed, or did not name it.", "It is sent by the next export."),
    ("left-source", "left the source", "We added this member, and the source no longer has it; this link does not remove.", "Set the link's mode to mirror to remove such members."),
    ("gone-from-source", "no longer in the source", "We added this member, and the source no longer has it.", "It is removed by the next export, within the guard."),
    ("source-rows-unreadable", "source has unreadable rows", "We added this member and the source does not show it, but rows of the source could not be read, so nobody is removed.", "Correct the rows shown as invalid."),
    ("row-unusable", "its row is not usable now", "The source still has this person, but the row has no usable address now; nobody is removed for that.", "Correct the address in the source."),
    ("awaiting-confirmation", "waiting for the person", "The person was asked to confirm and has not answered.", "Wait; it is never sent again by itself."),
    ("archived", "archived at the platform", "The platform keeps this record archived; it is neither mailed nor raised by us.", "Un-archive it at the platform if that is wanted."),
    ("status-unknown", "status not understood", "The platform's status word maps to no consent we know; it is never mailed and never raised.", "Look the member up at the platform."),
    ("moved-at-platform", "address changed there", "The member has another address at the platform now.", "Correct the address in the source."),
    ("removed-at-platform", "taken out at the platform", "Somebody took this person out of the list at the platform; the account still knows them. No plan adds them again.", "Put them back on the list at the platform, if that is wanted."),
    ("opted-out-at-source", "the source says no", "The source marks this person as opted out.", "Nothing to do: the person is not added."),
    ("source-withdrew", "opted out in the source", "The source marks this person as opted out; the platform still has them subscribed.", "The next export unsubscribes them."),
    ("unsubscribed", "unsubscribed", "The person unsubscribed at the platform.", "Only the person can come back, by the list's own form; or ask them with optin."),
    ("unsubscribed-account", "unsubscribed from everything", "The person unsubscribed for the whole account: no list of it mails them.", "Only the person can come back, by a sign-up form of the account; or ask them with optin."),
    ("bounced", "address bounces", "The platform gave the address up after bounces or a complaint.", "Correct the address in the source."),
    ("suppressed", "suppressed at the platform", "The platform suppresses this address.", "Nothing can be sent; ask the platform's support why."),
    ("suppressed-account", "suppressed for the account", "The platform suppresses this address at the level of the account.", "Nothing can be sent; look the address up among the account's suppressed contacts."),
    ("suppressed-here", "suppressed here", "A person marked this address as suppressed in Listwarden.", "Nothing is sent to it."),
    ("erased", "erased here", "The address was erased here on request; only its fingerprint is kept.", "Nothing is sent to it."),
    ("erased-remotely", "erased at the platform", "The platform deleted this record for good and refuses to take it again.", "Only the person can come back, by the list's own sign-up form."),
    ("compliance-state", "refused for consent", "The platform refused the address because of an earlier unsubscription, bounce or review.", "Leave it, ask the person with optin, or mark it as suppressed."),
    ("opted-out-under-former-address", "left under another address", "The same person opted out under their former address.", "Nothing is sent; the person can sign up by the list's own form."),
    ("consent-missing", "no consent recorded", "The consent column is empty for this person.", "Record the consent in the source."),
    ("address-change-ask", "address changed: decide", "The same person has another address now; the link says to ask.", "Set address_change to move or new-consent, or use optin."),
    ("address-change-add-only", "address changed, not sent", "The same person has another address now; this link only adds.", "Set the link's mode to update, and address_change to move."),
    ("address-needs-consent", "new address needs consent", "The link asks for new consent when an address changes.", "Ask the person with optin; the former address stays as it is."),
    ("address-move", "address changes", "The same person has another address now.", "The next export changes it and keeps the record."),
    ("foreign", "not ours", "The member is not in the source and was not added by us.", "Nothing to do: it is never removed."),
    ("create-in-source", "new for the source", "The member is not in the source; the link creates such people there.", "The next export creates them in the source."),
    ("create-not-covered", "cannot be created", "The link creates such people in the source, and a column the source requires would be empty.", "Map it two-way, or fill the field at the platform."),
    ("create-awaited", "handed to the source", "The person was handed to the source as a new one, and the source does not show them yet.", "Carry the file of returned changes over, or see that the new contact belongs to the list."),
    ("create-left-source", "was in the source", "The person was in the source before, so somebody took them out; they are not created again.", "Nothing to do; add them in the source if that is wanted."),
    ("create-blocked", "source has unreadable rows", "The person may stand in a row of the source that could not be read, so nobody is created.", "Correct the rows shown as invalid."),
    ("address-missing", "no address", "The row has no e-mail address.", "Add the address in the source."),
    ("address-malformed", "not an address", "The text in the address column is not a usable e-mail address.", "Correct it in the source."),
    ("ragged-row", "row cannot be split", "The row has more or fewer columns than the header, a broken quote, or a value that is too long.", "Correct the row; often a delimiter or quote is missing."),
    ("undecodable", "unreadable characters", "The row has bytes that the file's encoding does not allow.", "Correct the row, or set the encoding of the source."),
    ("nul-byte", "NUL byte", "The row has a NUL byte, which no text file should have.", "Export the file again."),
    ("field-invalid", "a value is refused", "The platform would refuse the value of a mapped field.", "Correct the value in the source."),
    ("field-required", "required field empty", "The list requires a field that is empty for this person.", "Fill it in the source, or make it optional at the platform."),
    ("same-person", "same person twice", "Another row with the same source id carries the address.", "Remove the double in the source."),
    ("alias", "may be one mailbox", "Two addresses differ only in dots that Gmail ignores, or in what follows a plus: they probably reach one mailbox. To the platform they are two addresses, so nobody is merged.", "If it is one person, remove one of the two where the source keeps them."),
    ("shared-address", "address shared", "Another person with the same address carries it; the address stays while any of them is in.", "Nothing to do."),
)

OUTCOME_REASONS = _register(
    ("undo-addition", "take back an addition", "An export of ours added this member; the undo plan removes it again.", "Export the undo plan."),
    ("undo-change", "take back a change", "An export of ours changed these fields; the undo plan writes the former values.", "Export the undo plan."),
    ("undo-move", "take back an address change", "An export of ours changed this address; the undo plan writes the former one.", "Export the undo plan."),
    ("cannot-undo", "cannot be taken back", "An unsubscription or removal cannot be taken back by us: that would raise consent. What was written into the source stays there: the source keeps a history of its own.", "Who was removed can sign up by the list's own form; what is wrong in the source is corrected there."),
    ("undo-removal", "take back a removal", "An export of ours took this person out of the list without lowering their consent; the undo plan adds them again.", "Export the undo plan."),
    ("rows-left", "rows left", "Some rows were refused, could not be verified, or have no answer.", "Look at the outcomes by reason."),
    ("added", "added", "The platform added the address.", "Nothing to do."),
    ("added-unproven", "added, not counted as ours", "The platform worked for long on the import; this person may have joined by themselves meanwhile.", "Nothing to do: whoever may have joined by themselves is never removed by us."),
    ("asked-to-confirm", "asked to confirm", "The platform added the address as pending and mails it a confirmation.", "The person has to confirm."),
    ("changed", "changed", "The platform took the changed fields.", "Nothing to do."),
    ("moved", "address changed", "The platform took the new address.", "Nothing to do."),
    ("removed", "removed", "The platform removed the member from the list; it can be taken back there.", "Nothing to do."),
    ("unsubscribed-by-us", "unsubscribed by us", "We passed the person's opt-out on to the platform.", "Nothing to do."),
    ("found-on-reading", "found on reading back", "No answer came; reading back showed that the platform had taken it.", "Nothing to do."),
    ("handed-over", "handed over", "The platform took the rows and works on them.", "Wait; the job asks again, or whoever looks at it next when nobody carries it."),
    ("watchdog-rejected", "import refused by the list check", "The platform's check of list quality refused the whole file: nothing of it was loaded.", "Open the report page, settle it with the platform's support, then export again."),
    ("import-file-invalid", "import file refused", "The platform could not read the file: nothing of it was loaded.", "Look at the kept head of the file, correct the mapping, then export again."),
    ("import-failed", "import failed", "The platform gave the import up; its rows return to the next plan.", "Export again; if it stays, ask the platform's support."),
    ("removal-failed", "removal failed", "The platform gave the removal up; the member stays, here too.", "Export again; the next plan removes them."),
    ("not-shown", "not shown on reading back", "The platform said yes, and reading back did not show it.", "Look the member up at the platform; run the export again."),
    ("already-there", "already on the list", "The address came onto the list by another way meanwhile.", "Nothing to do."),
    ("no-longer-needed", "no longer needed", "Since the plan was made this write became needless.", "Nothing to do."),
    ("left-by-hand", "taken out by a person", "A person left this row out.", "Nothing to do."),
    ("not-tried", "not sent", "The job ended before this row was sent.", "Run the export again."),
    ("no-answer", "no answer", "The request left and no answer came; it could not be read back yet.", "Resume the job; it reads back first."),
    ("member-locked", "locked by the platform", "The platform does not allow this for the member's present state.", "Nothing can be done by us."),
    ("member-gone", "not there any more", "The member is no longer on the list.", "Nothing to do."),
    ("address-refused", "address refused", "The platform calls the address fake or invalid.", "Correct it in the source."),
    ("signed-up-too-often", "too many sign-ups", "The address joined many lists very recently; the platform refuses it for now.", "Try again in some days."),
    ("role-address", "role address refused", "The platform refuses addresses of a role, such as abuse@.", "Use a person's address."),
    ("address-taken", "new address is taken", "The platform already knows the new address.", "Merge the two records at the platform."),
    ("platform-refused", "refused by the platform", "The platform refused this row; its own words are kept.", "Read the platform's words."),
    ("soft-bounced", "bounced for the moment", "The platform did not load this row because mail to the address bounced lately; that is no opt-out.", "Nothing to do: the next plan has it again."),
    ("duplicate-in-import", "twice in the import", "The platform takes two addresses of the file for one and loaded only one row.", "Look which row of the source has the same address."),
    ("cannot-be-asked", "cannot be asked", "The platform does not ask this address, because of a bounce or a complaint.", "Only the platform's support can lift that."),
    ("opt-in-asked", "asked by hand", "A person had the platform ask this address.", "The person has to confirm."),
    ("written-back", "written into the source", "The source took the changed fields.", "Nothing to do."),
    ("created-in-source", "created in the source", "The source has a new contact for this person.", "Nothing to do."),
    ("written-beside", "written beside the source", "The news stands in the file of returned changes beside the source; the source itself is never edited.", "Carry it over into where the source comes from."),
    ("written-beside-before", "written beside the source before", "The file of returned changes has the same news already.", "Carry it over into where the source comes from."),
    ("source-changed-meanwhile", "changed in the source meanwhile", "The source holds another value than when the plan was made; it was left alone.", "Run a preview: it reads what the source has now."),
    ("source-refused", "refused by the source", "The source refused this; its own words are kept.", "Read its words."),
    ("source-has-person", "already in the source", "The source has a contact with this address already.", "Nothing to do; link the two by the address."),
    ("source-field-required", "required field is empty", "The source requires a field that is empty for this person.", "Fill it at the platform, or map it."),
    ("source-field-computed", "field is computed", "The source computes this field or keeps it by itself, so it is never written.", "Take the field out of the two-way mapping."),
)

JOB_REASONS = _register(
    ("nothing-to-do", "nothing to do", "The plan has no row to send.", "Nothing to do."),
    ("plan-stale", "the plan is stale", "Since the plan was made, rows came in or changed that would be sent differently.", "Make a new preview and confirm that."),
    ("plan-missing", "no such plan", "The state has no plan with that id.", "List saved plans with: listwarden preview LINK --save."),
    ("plan-used", "plan already exported", "A job has already sent this plan.", "Make a new preview."),
    ("job-missing", "no such job", "The state has no job with that id.", "See: listwarden jobs."),
    ("job-over", "job is over", "The job has ended; it cannot be cancelled or resumed.", "Start a new one."),
    ("released", "released by a person", "A person let go of rows that got no answer; what became of them is not known.", "Run a preview: it reads what the platform has."),
    ("job-running", "job still running", "The job is running in a live process.", "Follow it: listwarden job follow ID."),
    ("account-busy", "another export is running", "One export an account at a time; another process holds it.", "Wait, or follow that job."),
    ("import-open", "an import is open", "The platform still works on an import of another job.", "Wait, or see: listwarden job unblock ID."),
    ("cancelled", "cancelled", "A person cancelled the job between two chunks.", "Run the export again to send the rest."),
    ("interrupted", "interrupted", "The process was told to stop.", "Run the same command again: an export is resumed, everything else begins anew."),
    ("stalled", "no sign of life", "The job's process gave no sign of life.", "Resume it: listwarden job resume ID."),
    ("lease-lost", "account lost", "Another process took the account over, so this one stopped.", "See: listwarden jobs."),
    ("source-empty", "source is empty", "The source has no usable row, so nothing is planned.", "Check the source; --allow-empty-source LINK lifts it once."),
    ("source-shrank", "source shrank", "The source lost more than a third since the last good read.", "Check the source; --allow-empty-source LINK lifts it once."),
    ("too-many-moves", "too many changed addresses", "More addresses would be changed at once than the guard allows; ids that were given anew to other people look like that.", "Look at them, then give the number: --plan ID --max-removals N."),
    ("too-many-removals", "too many removals", "More people would be removed than the guard allows.", "Look at them, then give the number: --plan ID --max-removals N."),
    ("too-many-write-backs", "many rows for the source", "More rows would be written into the source than the guard allows.", "Look at them, then give the number: --plan ID --max-write-backs N."),
    ("too-many-opt-outs", "too many opt-outs", "The platform reports more opt-outs at once than the guard allows.", "Look at the platform first; then feedback --max-removals N."),
    ("source-incomplete", "source not read whole", "The source could not be read to its end, so nothing is planned.", "Correct the source and try again."),
    ("listing-incomplete", "listing not whole", "The platform's listing is not proven whole, so nothing is planned.", "Try again; if it stays, look at the platform's status."),
    ("listing-drift", "rows slipped while reading", "Members came or went while the listing was read, and the totals do not agree.", "Try again in a quiet moment."),
    ("source-missing", "source not found", "The source is not where the settings say.", "Correct the path in the settings."),
    ("source-not-readable", "source not readable", "This account may not read the source.", "Correct its permissions."),
    ("source-column-missing", "column missing", "A column that the settings name is not in the source.", "Correct the settings or the source."),
    ("source-column-twice", "column named twice", "Two columns of the source have the same name, and the settings use it.", "Rename one of them."),
    ("source-quote-open", "a quote is never closed", "A quoted value is never closed, so the rest of the file is one value.", "Close the quote at the line named."),
    ("source-encoding", "encoding not understood", "The file's encoding could not be told.", "Set encoding in the source's settings."),
    ("source-changed", "source changed meanwhile", "The file changed while it was read.", "Try again."),
    ("source-header-missing", "no header", "The first line of the source holds values, not the names of columns.", "Put a line with the names of the columns first."),
    ("source-contact-gone", "contact is gone", "The list names a contact that the source does not have any more.", "Nothing to do; take a new snapshot or export of the list."),
    ("source-contact-unclear", "several contacts fit", "Several contacts of the source have the address of this line.", "Add the column with the contact's id to the export."),
    ("source-filter-refused", "filter not supported", "The source does not know or does not allow a filter.", "Correct the filter in the source's settings."),
    ("source-large", "very large source", "The source is so large that reading it takes long.", "Nothing to do, if that is right."),
    ("source-no-address", "no address column", "The source has no column that looks like e-mail addresses.", "Name the column: email = \"…\"."),
    ("required-field-unmapped", "required field not mapped", "The list requires a field that no mapping fills, so every addition would be refused.", "Map it, or make it optional at the platform."),
    ("field-missing", "field not on the list", "A mapped field does not exist on the list.", "Create it at the platform, or correct the mapping."),
    ("field-type", "field takes no text", "Several columns are joined into a field that is no text field.", "Map one column, or create a text field at the platform."),
    ("mapping-choice", "value not among the choices", "The field only takes certain values.", "Correct the values in the source."),
    ("field-exists", "field exists", "The platform has a field of this name already.", "Choose another name, or use that field."),
    ("field-limit", "no room for a field", "The platform takes no further field.", "Delete a field that nobody uses, or raise the plan."),
    ("field-created", "field created", "The platform has the new field.", "Map it: listwarden links edit LINK --help"),
    ("field-deleted", "field deleted", "The platform deleted the field with its values on every contact.", "Nothing to do."),
    ("field-held", "values counted", "So many contacts hold a value of the field; they lose it when the field is deleted.", "To delete it, give the number with --holding."),
    ("field-holding-differs", "number of values differs", "Another number of contacts hold a value than the one typed, so nothing was deleted.", "Look again, then give the present number."),
    ("field-in-use", "field is needed", "The platform does not delete the field, because something there still needs it.", "Take it out of what is named, at the platform."),
    ("field-mapped", "field is mapped", "A link maps the field, so it is not deleted.", "Take it out of the link's mapping first."),
    ("field-system", "platform's own field", "The platform made this field itself; it cannot be deleted.", "Nothing to do."),
    ("fields-kept", "no field shown", "The platform showed no field at all where some were known; the known ones are kept.", "Look at the list at the platform; if that is right, nothing is lost."),
    ("list-created", "list created", "The platform has the new list; nobody is on it.", "Join a source to it: listwarden links connect --help"),
    ("field-refused", "field not accepted", "The platform's rules do not allow this field.", "Correct name, type or default as the message says."),
    ("not-a-sandbox", "no sandbox", "The connection leads to no sandbox on this machine, so nothing is rehearsed with it.", "Rehearse in listwarden demo, or with a connection to listwarden sandbox."),
    ("not-offered", "not offered", "This cannot be done at this platform from here.", "Do it at the platform itself."),
    ("refreshed", "marked to be sent", "All records of the link are marked to be sent again.", "Run the preview, then the export."),
    ("campaigns-not-offered", "no campaigns to be had", "The platform tells us nothing of campaigns and their activity.", "Look at them at the platform."),
    ("campaign-missing", "no such campaign", "No campaign with that id is known here.", "Read them: listwarden campaigns CONNECTION --read."),
    ("campaign-ambiguous", "two campaigns with that id", "Campaigns of several connections have the same id.", "Name the connection too: campaign:CONNECTION/ID."),
    ("source-read-only", "source takes nothing back", "The plan has rows for the source, and the source of this link takes nothing back.", "Make a new preview and confirm that."),
)

CONNECTION_REASONS = _register(
    ("ok", "fine", "Nothing is wrong.", "Nothing to do."),
    ("key-invalid", "key refused", "The platform refuses the API key: mistyped, disabled, or of another data centre.", "Copy the key again from the platform, and store it where the settings point."),
    ("source-key-refused", "source refuses the credentials", "The source refuses the client id, the client secret, or the token it gave for them.", "Copy both again from the source, and see that they are active there."),
    ("key-missing", "no key", "The settings name no key, or the place they point to is empty.", "Set the key, for example as an environment variable."),
    ("key-malformed", "not a key", "The text does not look like a key of this platform.", "Copy the whole key from the platform."),
    ("rights-missing", "rights missing", "The key's user may not do this.", "Let an administrator of the account raise the role, or use another key."),
    ("user-disabled", "account disabled", "The platform has deactivated the account or user.", "Sign in at the platform and see what it asks for."),
    ("contact-limit", "contact limit reached", "The account's plan has no room for more contacts.", "Raise the plan or remove contacts at the platform; nothing was lost here."),
    ("login-missing", "login missing", "The settings name no API user or no password, or the place they point to is empty.", "Set both; a person's own login is not accepted."),
    ("login-refused", "login refused", "The platform refuses the API user or its password.", "Set the password anew at the platform, and store it where the settings point."),
    ("region-wrong", "account is elsewhere", "The account lives in another region of the platform than the one that was called.", "Set region = \"auto\" in the connection's settings."),
    ("calls-left", "calls left", "How many calls the account has left.", "Nothing to do."),
    ("calls-used-up", "calls are used up", "The account's calls for this hour are used up; a tenth is kept for people at a screen.", "Resume in at most 1 hour."),
    ("too-many-imports", "too many open imports", "The account has as many unfinished imports as the platform takes.", "Wait until some have ended, then resume."),
    ("system-list", "the platform's own list", "The platform keeps this list for itself; nothing is written to it.", "Link another list."),
    ("list-name-invalid", "name not allowed", "The platform does not take this name for a list.", "Choose another name."),
    ("list-name-taken", "name is taken there", "The platform has a list of this name, or keeps the name for itself.", "Choose another name."),
    ("list-limit", "no room for a list", "The platform takes no further list.", "Delete one that nobody uses, or raise the plan."),
    ("list-missing", "list not found", "The account has no list with this id.", "Look the id up at the platform, and correct the link."),
    ("not-found", "not found", "The platform does not know what was asked for.", "Check the id."),
    ("throttled", "throttled", "The platform is throttling, and stayed so after all tries.", "Wait some minutes and try again."),
    ("gateway-blocked", "blocked by a gateway", "A gateway before the platform refused the request without a reason; this says nothing about the key.", "Wait; if it stays, ask the platform whether this machine's address is blocked."),
    ("unreachable", "not reachable", "No connection to the platform.", "Check the network and the platform's status page."),
    ("timed-out", "no answer in time", "The platform did not answer in time.", "Try again later."),
    ("vendor-trouble", "platform has trouble", "The platform answered with an error of its own.", "Try again later; see its status page."),
    ("answer-cut", "answer was cut", "The answer ended before it was whole.", "Try again."),
    ("answer-too-large", "answer too large", "The answer was larger than is allowed.", "Tell us about it: this should not happen."),
    ("answer-not-understood", "answer not understood", "The platform answered something the contract does not describe; its words are kept.", "Look at the raw text in the job's log."),
    ("request-refused", "request refused", "The platform refused the request itself.", "Read its words; if they make no sense, it is our fault: report it."),
    ("redirected", "answer points elsewhere", "The server wants to send us to another address; we never follow.", "Check base_url in the settings."),
    ("tls", "connection not trusted", "The server's certificate could not be verified.", "Check base_url, and the clock and certificates of this machine."),
    ("write-refused", "looking never writes", "A request that could write was refused, because this is a preview or read-only.", "Nothing was sent. This is a fault of ours: report it."),
    ("url-not-allowed", "address not allowed", "An address in an answer or in the settings may not be called.", "Plain http is allowed to this machine only; everything else must be https."),
    ("same-account", "two connections, one account", "Two connections use the same account; limits and opt-outs are shared.", "Use one connection."),
    ("not-api-user", "not an API user", "The user name looks like a person's login; the platform lets only API users in.", "Make an API user at the platform, and name it in the settings."),
    ("connection-renamed", "connection has another name", "The members of this account are known under another connection's name, so everybody would be foreign under the new one.", "Give the connection its former name again in the settings."),
    ("plan-limit-shown", "room in the account", "What the platform says of the account's size.", "Nothing to do."),
    ("double-opt-in", "list asks for confirmation", "The list has double opt-in: every added person gets a confirmation mail.", "Nothing to do; the preview shows how many mails."),
)

SETTINGS_REASONS = _register(
    ("settings-missing", "no settings yet", "There is no settings file.", "Open the console, or: listwarden connections add."),
    ("settings-broken", "settings not readable", "The settings file is not valid TOML.", "Correct the line named."),
    ("settings-unknown-key", "unknown key", "A key in the settings means nothing here.", "Correct or remove it."),
    ("settings-value", "value not allowed", "A value in the settings is not of the kind expected.", "Correct it as the message says."),
    ("settings-required", "key missing", "A required key is missing in the settings.", "Add it."),
    ("settings-dangling", "name points nowhere", "A link names a source or connection that is not in the settings.", "Correct the name, or add what it names."),
    ("settings-writable", "settings writable by others", "Other accounts of this machine may write the settings.", "chmod go-w on the file and its folder."),
    ("settings-locked", "settings being edited", "Another process is writing the settings.", "Try again in a moment."),
    ("settings-moved-on", "settings changed meanwhile", "The file was changed by somebody else since it was read.", "Open the form again."),
    ("two-way-not-possible", "cannot go both ways", "A mapping is marked two_way, and what it names cannot be written back into the source.", "Correct the mapping as the message says, or take two_way away."),
    ("list-linked-twice", "two links on one list", "Two links write to one remote list and would undo each other's work.", "Keep one of them."),
    ("secret-missing", "secret not found", "The place a secret is taken from is empty or not there.", "Set it where the settings point."),
    ("secret-exposed", "secret readable by others", "Other accounts of this machine may read the secret's file.", "chmod 600 the file."),
    ("secret-in-clear", "secret in the settings", "A secret stands in the settings in clear text.", "Use { env = … }, { command = [ … ] }, { file = … } or { keyring = … }."),
    ("secret-command", "secret command failed", "The command that prints the secret failed.", "Run it by hand."),
    ("secret-keyring", "keyring not usable", "The keyring gave no secret.", "Install the Python package keyring beside Listwarden, unlock the keyring, or use another reference."),
    ("link-missing", "no such link", "The settings have no link of that name.", "See: listwarden links."),
    ("connection-missing", "no such connection", "The settings have no connection of that name.", "See: listwarden connections."),
    ("source-unknown", "no such source", "The settings have no source of that name.", "Correct the name."),
    ("provider-unknown", "no such platform", "No adapter has that name.", "Use one of the names listed."),
    ("name-taken", "name is taken", "Something of that name is already in the settings.", "Choose another name."),
    ("list-not-linkable", "list cannot be linked", "A list of the platform's own, or one that is linked already.", "Choose another list."),
    ("file-permissions", "file open to others", "Other accounts of this machine may read a file with personal data.", "chmod 600 the file, 700 its folder."),
    ("detached-jobs-killed", "logout kills jobs", "The login manager ends this account's processes at logout.", "Set KillUserProcesses=no, or: loginctl enable-linger."),
    ("read-only", "read-only", "This console was started read-only.", "Start it without --read-only, as somebody who may write."),
    ("usage", "call not understood", "The command's words do not fit.", "See --help."),
    ("output-failed", "output not written", "What was to be printed could not be written: the output is closed or its disk is full.", "Give the command another place to write to."),
    ("confirmation-needed", "confirmation needed", "There is no terminal to ask on.", "Give --yes, or --plan ID of a saved plan."),
)

STATE_REASONS = _register(
    ("state-locked", "state is locked", "Another process holds the state file and does not let go.", "Try again; see which process with: listwarden jobs."),
    ("state-damaged", "state is damaged", "The state file is not a sound database. It was not changed.", "Restore a backup: see listwarden state backup."),
    ("state-newer", "state is of a newer version", "A newer Listwarden wrote this state file. It was not changed.", "Use that version."),
    ("state-older", "state is of an older version", "An older Listwarden wrote this state file, and it was opened for looking only. It was not changed.", "Bring it up as somebody who may write it: listwarden state info"),
    ("state-foreign", "not a state file", "The file is a database of something else. It was not changed.", "Name another file with --state."),
    ("state-unwritable", "state not writable", "This account may not write the state file or its folder.", "Correct the permissions, or use --read-only."),
    ("state-full", "disk is full", "The disk with the state file is full, so nothing more is sent.", "Make room, then run the command again: the job is resumed."),
    ("state-missing", "no state yet", "There is no state file yet.", "Run a preview first."),
    ("state-ok", "state is sound", "All checks passed.", "Nothing to do."),
    ("sqlite-old", "SQLite with a known fault", "This SQLite can damage a file when two processes checkpoint at one instant; one process at a time does so here.", "Use a Python with SQLite 3.51.3, 3.50.7, 3.44.6 or newer."),
    ("journal-altered", "journal was altered", "The chain of the journal is broken: a row was changed or removed.", "Compare with a backup."),
    ("unknown", "not recognised", "Something happened that no reason describes; the raw text is kept.", "Read the raw text, and report it."),
)

# fmt: on

REASONS: dict[str, Reason] = {
    **PLAN_REASONS,
    **OUTCOME_REASONS,
    **JOB_REASONS,
    **CONNECTION_REASONS,
    **SETTINGS_REASONS,
    **STATE_REASONS,
}

if len(REASONS) != sum(
    map(
        len, (PLAN_REASONS, OUTCOME_REASONS, JOB_REASONS, CONNECTION_REASONS, SETTINGS_REASONS, STATE_REASONS)
    )
):
    raise ValueError("a reason is registered in two sections")


def reason(code: str) -> Reason:
    """The entry of a code; an unregistered one reads as ``unknown`` with the code kept as its title."""
    found = REASONS.get(code)
    return (
        found if found is not None else Reason(code, code, REASONS["unknown"].help, REASONS["unknown"].next)
    )
