"""Imports structlog without rich, which it would import where rich is installed.

With rich, structlog prints a traceback with its local variables, which may be tokens and keys, until logs are
configured. And rich takes a tenth of the CPU time of a program's start.
"""

import sys
from importlib import import_module


def import_structlog() -> None:
    """Import it. Call this before other modules import structlog. rich can still be imported afterwards."""
    if "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # the documented way to make its import fail
    try:
        import_module("structlog")
    finally:
        del sys.modules["rich"]
