"""OroCRM's JSON:API as a loopback rehearsal: contacts, access tokens, a list snapshot."""

from adapters.sandbox.oro.platform import OroSandbox
from adapters.sandbox.oro.seed import GROUPS, Population

__all__ = ["GROUPS", "OroSandbox", "Population"]
