"""Tests of the middle floor: transport, adapters, sources, sandbox."""
