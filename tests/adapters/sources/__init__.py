"""Tests of the suppliers of contacts."""
