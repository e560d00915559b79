"""Tests of the command line: its words, its output, its exit codes, and what it does to a sandboxed platform."""
