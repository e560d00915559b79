"""Whole runs: settings, source, state and jobs against the sandbox, over real loopback HTTP."""
