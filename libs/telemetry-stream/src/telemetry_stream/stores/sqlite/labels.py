"""The list of labelled events: found by kind, by id and by the event they refer to, without reading the others."""

from collections.abc import Iterable
from typing import Any

import apsw

from telemetry_stream.events import Label, Labelled


def add(connection: apsw.Connection, labelled: Iterable[Labelled]) -> None:
    """List new events, within the transaction that stores them. Raises apsw.Error."""
    connection.executemany(
        "INSERT INTO labelled VALUES (?, ?, ?, ?)",
        [(one.sequence, one.label.kind, one.label.id, one.label.target) for one in labelled],
    )


# The index for what is given, the most telling first: SQLite would take one that saves it the sorting, and read all
# labels of a kind to find one id.
_INDEXES = {"id": "labelled_by_id", "target": "labelled_by_target", "kind": "labelled_by_kind"}
_CONDITIONS = {"id": "id = :id", "target": "target = :target AND target > 0", "kind": "kind = :kind"}


def find(
    connection: apsw.Connection, kind: str | None, name: str | None, target: int | None, after: int, limit: int
) -> list[Labelled]:
    """The labelled events after a sequence, in order; `name` is the label's id. Raises apsw.Error."""
    given: dict[str, str | int | None] = {"id": name, "target": target, "kind": kind}
    wanted = {column: value for column, value in given.items() if value is not None}
    index = next((f" INDEXED BY {_INDEXES[column]}" for column in wanted), "")
    conditions = "".join(f" AND {_CONDITIONS[column]}" for column in wanted)
    rows = connection.execute(
        f"SELECT sequence, kind, id, target FROM labelled{index} WHERE sequence > :after{conditions}"
        " ORDER BY sequence LIMIT :limit",
        {**wanted, "after": after, "limit": limit},
    ).fetchall()
    return _read(rows)


def find_between(connection: apsw.Connection, first: int, last: int) -> list[Labelled]:
    """The labelled events of a range of sequences. Raises apsw.Error."""
    query = "SELECT sequence, kind, id, target FROM labelled WHERE sequence BETWEEN ? AND ? ORDER BY sequence"
    return _read(connection.execute(query, (first, last)).fetchall())


def _read(rows: list[Any]) -> list[Labelled]:
    return [Labelled(sequence, Label(kind, name, target)) for sequence, kind, name, target in rows]


def forget(connection: apsw.Connection, until: int) -> None:
    """Drop those up to a sequence, which are removed from the journal. Raises apsw.Error."""
    connection.execute("DELETE FROM labelled WHERE sequence <= ?", (until,))
