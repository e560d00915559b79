"""The guards of exports that go as imports and of the two levels of opting out (oro defects, R07 to R47)."""

from __future__ import annotations

from tests.guards.guard import Guard

_DEFECTS = "tests/integration/test_oro_defects.py"
_IMPORTS = "tests/integration/test_dotdigital_imports.py"
_KILLS = "tests/integration/test_dotdigital_kills.py"
_LEVELS = "tests/integration/test_dotdigital_levels.py"
_PACING = "tests/integration/test_dotdigital_pacing.py"
_REQUIRED = "tests/integration/test_dotdigital_requirements.py"
_STATES = "tests/integration/test_dotdigital_import_states.py"
_TWO_PROCESSES = "tests/integration/test_two_processes.py"
_VALUES = "tests/adapters/dotdigital/test_values.py"

DOTDIGITAL: tuple[Guard, ...] = (
    Guard(
        "oro-01-a-fault-is-no-suppression",
        "an address that an import refuses is not taken for suppressed",
        "adapters/dotdigital/faults.py",
        '_INVALID = Fault(Outcome.REJECTED, "address-refused")',
        "_INVALID = _SUPPRESSED",
        (
            f"{_STATES}::test_oro_defect_01_each_fault_has_its_own_reason_and_only_an_opt_out_is_remembered_as_one",
        ),
    ),
    Guard(
        "oro-03-a-refused-file-is-planned-again",
        "rows of an import that took nothing return to the next plan",
        "state/outcomes.py",
        "if outcome == Outcome.UNKNOWN.value or (outcome == Outcome.REJECTED.value and reason in NOT_TAKEN):",
        "if False:",
        (
            f"{_IMPORTS}::test_oro_defect_03_rows_of_an_import_that_took_nothing_return_to_the_next_plan"
            "[RejectedByWatchdog-rejected-watchdog-rejected]",
        ),
    ),
    Guard(
        "oro-04-a-failed-removal-removes-nobody",
        "only what was sent changes the members",
        "state/outcomes.py",
        "        if not sent:\n            continue\n",
        "        if False:\n            continue\n",
        (f"{_DEFECTS}::test_oro_defect_04_who_could_not_be_removed_stays_known_and_ours",),
    ),
    Guard(
        "oro-06-busy-is-no-success",
        "an import another job left open stops an export of the account",
        "console/jobs/export.py",
        "    if not left:\n        return\n    first, short",
        "    if True:\n        return\n    first, short",
        (f"{_DEFECTS}::test_oro_defect_06_what_was_not_done_is_no_success",),
    ),
    Guard(
        "oro-07-suppressed-before-the-first-run",
        "the account's opt-outs are read from their beginning once",
        "adapters/dotdigital/listing.py",
        "begun_at, told = self._started(sweep), await self._opt_outs.since(FIRST)",
        "begun_at, told = self._started(sweep), await self._opt_outs.since(in_path(self._started(sweep)))",
        (f"{_LEVELS}::test_oro_defect_07_who_was_suppressed_before_the_first_run_is_never_added",),
    ),
    Guard(
        "oro-08-due-within-one-link",
        "a refresh marks the records of its link alone",
        "state/links.py",
        '"UPDATE contacts SET due = 1 WHERE link_no = ? AND due = 0 AND fault IS NULL", (link_no,)',
        '"UPDATE contacts SET due = 1 WHERE ? > 0 AND due = 0 AND fault IS NULL", (link_no,)',
        (f"{_DEFECTS}::test_oro_defect_08_what_is_due_stays_within_its_own_link",),
    ),
    Guard(
        "oro-09-numbers-are-compared-as-numbers",
        "a number in another spelling is no change",
        "adapters/dotdigital/values.py",
        '    return number if number == "0" else sign + number\n',
        "    return text\n",
        (f"{_DEFECTS}::test_oro_defect_09_what_did_not_change_is_not_sent_again",),
    ),
    Guard(
        "oro-10-a-short-page-ends-nothing",
        "a list is read until an empty page",
        "adapters/dotdigital/paging.py",
        "            if not page.rows:\n                return\n",
        "            if len(page.rows) < PAGE_ROWS:\n                return\n",
        (f"{_DEFECTS}::test_reported_no_row_is_missed_by_paging[True]",),
    ),
    Guard(
        "oro-11-an-opt-out-is-unsubscribed",
        "whoever left a book has the consent of an opt-out",
        "adapters/dotdigital/mapping.py",
        "        consent=Consent.UNSUBSCRIBED,\n",
        '        consent=consent(text_in(contact, "emailType")),\n',
        (f"{_DEFECTS}::test_oro_defect_11_who_left_and_is_new_to_us_has_the_status_of_an_opt_out",),
    ),
    Guard(
        "oro-12-no-book-of-the-account-itself",
        "a system book is never exported to",
        "console/jobs/preview.py",
        "    if remote.system:\n",
        "    if False:\n",
        (f"{_DEFECTS}::test_oro_defect_12_nothing_is_exported_to_a_book_of_the_account_itself",),
    ),
    Guard(
        "oro-12-system-books-by-name",
        "the account's own books are told by their trimmed names in any letter case",
        "adapters/dotdigital/mapping.py",
        "system=name.strip().casefold() in system_names,",
        "system=False,",
        (f"{_DEFECTS}::test_oro_defect_12_nothing_is_exported_to_a_book_of_the_account_itself",),
    ),
    Guard(
        "oro-13-fraction-of-a-default",
        "the default of a number keeps its fraction",
        "adapters/dotdigital/fields.py",
        'return float(text) if "." in text else int(text)',
        "return int(float(text))",
        (f"{_DEFECTS}::test_oro_defect_13_the_default_of_a_number_keeps_its_fraction",),
    ),
    Guard(
        "oro-14-emptied-values-are-sent",
        "an emptied value empties the field where the link clears",
        "adapters/dotdigital/provider.py",
        "clearing = [row for row in rows if any(not value.strip() for value in row.fields.values())]",
        "clearing: list[FieldChange] = []",
        (f"{_DEFECTS}::test_oro_defect_14_an_emptied_value_empties_the_field",),
    ),
    Guard(
        "oro-15-an-import-is-posted-once",
        "an import whose answer is lost is never posted again by itself",
        "adapters/dotdigital/provider.py",
        "                Repeat.NEVER,\n",
        "                Repeat.AT_ONCE,\n",
        (f"{_DEFECTS}::test_oro_defect_15_a_lost_answer_posts_nothing_a_second_time",),
    ),
    Guard(
        "R07-who-never-confirmed-is-left-alone",
        "somebody who has not confirmed gets no write",
        "state/classify.py",
        "WHEN m.consent = 'pending' THEN {_n(C.EXISTING_IGNORED, \"awaiting-confirmation\")}",
        "WHEN m.consent = 'pending' THEN {_n(C.NEW, \"unknown-at-platform\")}",
        (
            f"{_REQUIRED}::test_R07_who_never_confirms_is_listed_with_their_age_and_never_asked_again",
            "tests/integration/test_people.py::test_R07_who_never_confirms_is_not_asked_again",
        ),
    ),
    Guard(
        "R08-pending-is-not-subscribed",
        "PendingOptIn is neither mailable nor an opt-out",
        "adapters/dotdigital/mapping.py",
        '    "pendingoptin": Consent.PENDING,\n',
        '    "pendingoptin": Consent.SUBSCRIBED,\n',
        (
            f"{_REQUIRED}::test_R08_every_consent_goes_there_and_back",
            f"{_VALUES}::test_R08_every_status_has_its_consent_and_keeps_its_word",
        ),
    ),
    Guard(
        "R08-a-soft-bounce-is-mailable",
        "SoftBounced is a subscription",
        "adapters/dotdigital/mapping.py",
        '    "softbounced": Consent.SUBSCRIBED,\n',
        '    "softbounced": Consent.BOUNCED,\n',
        (f"{_REQUIRED}::test_R08_every_consent_goes_there_and_back",),
    ),
    Guard(
        "R17-what-was-shown-stays-shown",
        "a row found by reading back is not missed by a later listing of changes",
        "state/outcomes.py",
        "seen_no = members.seen_no * ?8",
        "seen_no = 0 * ?8",
        (f"{_KILLS}::test_R17_what_reading_back_has_shown_is_not_missed_later",),
    ),
    Guard(
        "R17-the-whole-list-before-many-are-missed",
        "more missing rows than can be looked up want a whole listing",
        "console/jobs/verifying.py",
        "    if len(missing) > FIND_AT_MOST:\n",
        "    if False:\n",
        (f"{_STATES}::test_R17_many_who_joined_without_a_change_are_not_missed",),
    ),
    Guard(
        "R19-report-and-faults-are-kept",
        "the platform's report and faults stay with the job",
        "console/jobs/tickets.py",
        '        await run.keep_file(f"chunk-{chunk.number}-{name}", body)\n',
        "        assert body is not None\n",
        (f"{_STATES}::test_R19_report_and_faults_are_kept_and_are_the_platforms_own",),
    ),
    Guard(
        "R27-dates-are-compared-as-dates",
        "a date in another spelling is no change",
        "adapters/dotdigital/values.py",
        "    return _date_text(moment)\n",
        "    return text\n",
        (
            f"{_REQUIRED}::test_R27_three_runs_in_a_row_end_with_no_change",
            f"{_DEFECTS}::test_oro_defect_09_what_did_not_change_is_not_sent_again",
        ),
    ),
    Guard(
        "R29-known-opt-outs-are-another-count",
        "who opted out before is not counted among the news",
        "console/jobs/feedback.py",
        "known - (change.opted_out if change.known_before else 0)",
        "known",
        (
            f"{_REQUIRED}::test_R29_what_was_told_once_is_not_told_again",
            "tests/integration/test_feedback.py::test_R29_what_was_told_once_is_not_told_again",
        ),
    ),
    Guard(
        "R36-calls-of-a-minute",
        "a job waits for the account's next minute by itself",
        "adapters/budget.py",
        "return window if window.left - self._in_flight <= kept else None",
        "return None",
        (f"{_PACING}::test_F14_another_processs_calls_count_too",),
    ),
    Guard(
        "R36-a-tenth-for-people",
        "the last tenth of the calls is for people at a screen",
        "adapters/budget.py",
        "kept = 0 if self._wire.interactive else window.limit // RESERVE",
        "kept = 0",
        (f"{_PACING}::test_R36_a_job_paces_itself_leaves_a_tenth_and_lets_people_through",),
    ),
    Guard(
        "R43-a-held-import-can-be-freed",
        "a job that waits for an import that never ends can be let go",
        "state/unblock.py",
        "            and not (job.state is JobState.WAITING and job.pid is None)\n",
        "",
        (f"{_REQUIRED}::test_R43_an_import_that_never_ends_is_named_and_one_command_frees_it",),
    ),
    Guard(
        "R44-a-lease-an-account",
        "accounts are exported beside each other",
        "state/leases.py",
        'return f"account:{provider}:{account_id}"',
        'return "account"',
        (f"{_TWO_PROCESSES}::test_two_accounts_are_exported_beside_each_other",),
    ),
    Guard(
        "R44-an-import-blocks-its-account-alone",
        "an open import of one account stops no other",
        "state/open_imports.py",
        "            f\" AND j.connection IN ({SAME_ACCOUNT.format(name='?1')}) ORDER BY k.intended_at\",\n",
        "            \" AND ?1 <> '' ORDER BY k.intended_at\",\n",
        (f"{_REQUIRED}::test_R44_a_waiting_account_holds_no_other_up",),
    ),
    Guard(
        "R45-applied-has-its-own-time",
        "what the platform only took has no time of being applied",
        "state/outcome_times.py",
        "applied_at = at if outcome == Outcome.SENT.value else None",
        "applied_at = at",
        (f"{_REQUIRED}::test_R45_taken_and_applied_are_two_states_with_two_times",),
    ),
)
