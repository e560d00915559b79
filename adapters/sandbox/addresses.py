"""What a platform takes for an e-mail address: stricter than the standards, as they all are."""

import re

_ADDRESS = re.compile(r"[^@\s\"(),:;<>\[\\\]]+@([^@\s.,;:]+\.)+[^@\s.,;:]{2,}\Z")


def is_address(text: str) -> bool:
    """Whether `text`, without blanks around it, is an address."""
    return _ADDRESS.match(text) is not None
