"""What a crash shows: where, and never with what.

Invariant (I7): no local variable and no exception text reaches the terminal, because both may hold a key or an
address; places in the code hold neither.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from console import __version__

_ROOT = Path(__file__).resolve().parents[2]


def crash_report(error: BaseException) -> str:
    """A few lines for the operator and for a bug report."""
    real = _innermost(error)
    lines = [
        f"Listwarden's console stopped because of a fault of its own ({type(real).__name__}).",
        "Jobs run beside the screen and go on: see listwarden jobs.",
        f"Please report these places of version {__version__}; they name no person and no key:",
    ]
    for frame in traceback.extract_tb(real.__traceback__)[-12:]:
        lines.append(f"  {_place(frame.filename)}:{frame.lineno} in {frame.name}")
    return "\n".join(lines)


def _innermost(error: BaseException) -> BaseException:
    wrapped = getattr(error, "error", None)
    return wrapped if isinstance(wrapped, BaseException) else error


def _place(filename: str) -> str:
    path = Path(filename)
    try:
        return str(path.relative_to(_ROOT))
    except ValueError:
        return "/".join(path.parts[-2:])
