"""A kind of source that takes nothing back."""

from dataclasses import replace

from adapters.sources import csvfile

KIND = replace(csvfile.KIND, open_writable=None)
