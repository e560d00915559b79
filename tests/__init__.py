"""Tests: console/, adapters/ and state/ mirror the floors; the rest looks at the project as a whole.

A package so that tests share code as `tests.…`, whatever else on the machine is called "tests".
"""
