"""The demo: a club, its files, accounts at a sandboxed platform, a history — all on this machine, gone at the end.

Invariant: neither the settings nor the state of the person who runs it are read or written.
"""

from console.demo.stage import DemoOptions, run_demo

__all__ = ["DemoOptions", "run_demo"]
