"""Imports libraries that import rich where it is installed, without it. It takes a tenth of a program's start.

structlog prints tracebacks with rich until logs are configured, with local variables, which may be tokens and keys.
httpx needs rich for a command of its own.
"""

import sys
from importlib import import_module


def import_without_rich(*names: str) -> None:
    """Import them. Call this before other modules import them. rich can still be imported afterwards."""
    if "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # the documented way to make its import fail
    try:
        for name in names:
            import_module(name)
    finally:
        del sys.modules["rich"]
