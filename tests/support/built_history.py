"""Builds the history of a running app from its journal, as trading-analytics does, without starting that program."""

from contextlib import closing
from pathlib import Path

from telemetry_stream.backend import store_of
from trading_history.rebuild import rebuild


def build_history(folder: Path) -> int:
    """Build it, as far as the journal in `folder` goes; the last sequence."""
    with closing(store_of("sqlite").open_reader(folder)) as journal:
        return rebuild(folder, journal).sequence
