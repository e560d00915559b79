"""Mailchimp's Marketing API v3 as a loopback rehearsal, written from the vendor's contract."""

from adapters.sandbox.mailchimp.platform import MailchimpSandbox
from adapters.sandbox.mailchimp.seed import seeded_fields, seeded_status
from adapters.sandbox.mailchimp.store import FIRST_LIST

__all__ = ["FIRST_LIST", "MailchimpSandbox", "seeded_fields", "seeded_status"]
