"""A fresh CRM for each test of this folder."""

import pytest

from tests.adapters.sandbox.oro.crm_desk import CrmDesk


@pytest.fixture
def crm() -> CrmDesk:
    """A CRM with 222 contacts in this process."""
    return CrmDesk()
