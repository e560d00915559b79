"""Behaviour of dotdigital that no source confirms, each under a name that a rehearsal can flip.

Invariant: the defaults are what the contract assumes; an adapter is right only if it is safe with either value.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Switches:
    """Set by the control verb `switch`; every one is a yes or no."""

    all_contacts_listed: bool = True
    """The book "All contacts" is in the list of address books (§3)."""
    reserved_writable: bool = False
    """Contacts may be added to and taken from "Test" and "All contacts" (§2)."""
    localised_names: bool = False
    """Reserved books and the fields NOTES and LASTSUBSCRIBED have the names of a German account (§3, §7)."""
    translated_email_header: bool = False
    """A file's address column is named as in a German account, `E-Mail-Adresse` (§6)."""
    empty_clears: bool = True
    """An empty cell of an import clears the field, unless the merge option says otherwise (§6)."""
    unknown_columns_refused: bool = False
    """A column that is no data field refuses the file, instead of being ignored (§6)."""
    bad_values_fail: bool = False
    """A value that does not fit its field's type fails the row, instead of leaving the field alone (§7)."""
    header_checked_late: bool = False
    """A file without an e-mail column is taken, and the import ends as InvalidFileFormat (§6)."""
    addition_modifies: bool = True
    """Joining a book counts as a change of the contact, also when no value differs (§4)."""
    since_inclusive: bool = False
    """The `…-since` lists include the moment they name (§2)."""
    left_book_faults: bool = False
    """An import row of somebody who left this book is a fault `Unsubscribed`, not silence (§11)."""
    last_duplicate_wins: bool = False
    """Of an address twice in a file, the last row is loaded and the earlier ones are faults (§11)."""
    updated_means_changed: bool = False
    """`updatedContacts` counts only those of whom a value really changed (§11)."""
    book_opt_outs_in_account: bool = False
    """Who left one book is also in the account's unsubscribed-since and suppressed-since (§5)."""
    hidden_by_id: bool = True
    """GET of a suppressed contact by its id answers 404; by address it answers (§4)."""
    suppressed_listed: bool = True
    """GET of the account's contacts lists suppressed ones with their status (§4)."""
    deleted_listed: bool = False
    """Deleted contacts can still be seen, with the status Deleted (§4)."""
    resubscribe_adds: bool = False
    """A resubscription adds at once (ContactAdded) instead of asking the person (§11)."""
    not_found_is_400: bool = False
    """`…NOT_FOUND` comes with status 400, not 404 (§2)."""
    field_in_use_is_409: bool = False
    """Deleting a data field that a campaign uses answers 409, not 200 with `result: false` (§7)."""
    null_text_default: bool = False
    """A data field without a default shows the text "null" as its default (§7)."""
    created_is_200: bool = False
    """Creating answers 200, not 201 (§3, §4)."""
    pascal_keys: bool = False
    """Every answer's keys are in PascalCase (§1)."""
    pascal_deletions: bool = True
    """The answers on bulk deletions have PascalCase keys (§1, §4)."""
    extra_fields: bool = False
    """Objects carry fields nobody has heard of (§1)."""
    dates_vary: bool = False
    """Dates in contact data come in three notations (§2)."""
    faults_bom: bool = False
    """The list of an import's faults begins with a byte order mark (§6)."""
    hidden_rows: bool = False
    """A page counts rows it does not show, so pages are short before the last one (§2)."""
    endpoint_slash: bool = False
    """ApiEndpoint ends with a slash (§1)."""
