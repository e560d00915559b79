"""What a person touches, and the jobs a person launches: the top floor, free to import adapters and state.

Invariant: importing this package loads nothing else. The version is stated here alone; the build reads it.
"""

__version__ = "0.1.0"
