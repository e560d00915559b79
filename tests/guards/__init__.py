"""Proof that each guard is held by a test: every one is taken out in a copy, and a test must fail."""
