"""What we remember, in one SQLite file: the ground floor, which imports neither adapters nor console.

Invariant: no network and no screen here, and no SQL anywhere else.
"""
