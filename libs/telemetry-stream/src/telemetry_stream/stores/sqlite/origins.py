"""Where events came from: a row for each run of sequences with one origin, which begins at `first`."""

from collections.abc import Iterable

import apsw

from telemetry_stream.events import NO_ORIGIN, Origin

Run = tuple[int, Origin]
"""The first sequence of a run, and its origin."""


def add(connection: apsw.Connection, runs: Iterable[Run]) -> None:
    """Begin new runs, within the transaction that stores their events. Raises apsw.Error."""
    connection.executemany(
        "INSERT INTO origin VALUES (?, ?, ?)", [(first, origin.caller, origin.way) for first, origin in runs]
    )


def find(connection: apsw.Connection, sequence: int) -> Origin:
    """The origin of an event; NO_ORIGIN if none was kept. Raises apsw.Error."""
    row = connection.execute(
        "SELECT caller, way FROM origin WHERE first <= ? ORDER BY first DESC LIMIT 1", (sequence,)
    ).fetchone()
    return Origin(str(row[0]), str(row[1])) if row else NO_ORIGIN
