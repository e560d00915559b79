"""Tests of the Mailchimp adapter: exact requests, odd answers, and behaviour against the sandbox."""
