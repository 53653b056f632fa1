"""Recognises repetitions by a venue's ascending ids; a small table keeps the head and the gaps of each id space."""

from collections.abc import Sequence

import apsw
import msgspec

from telemetry_stream.events import Conflict, Event, PerEvent, Receipt, Submission
from telemetry_stream.id_spaces import IdSpace, split_key
from telemetry_stream.stores.sqlite.pending_commit import PendingCommit

TABLE = "CREATE TABLE IF NOT EXISTS id_space (space TEXT PRIMARY KEY, head INTEGER NOT NULL, gaps TEXT NOT NULL) STRICT"

_Gaps = list[tuple[int, int]]


class IdDeduplication:
    """The ids of one journal's events, whose keys are `SPACE#ID`.

    The ids are written in the transaction that stores their events. A known event is not compared with the stored one:
    a venue never uses an id twice.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        """Raises apsw.Error."""
        self._connection = connection
        connection.execute(TABLE)
        rows = connection.execute("SELECT space, head, gaps FROM id_space").fetchall()
        self.spaces = {str(space): IdSpace(int(head), _decode(gaps)) for space, head, gaps in rows}  # type: ignore[arg-type]  # as the table says
        self._changed: dict[str, IdSpace] = {}  # copies: a commit that fails must not leave ids of lost events
        self.rows_read = 0

    def answer(self, submissions: Sequence[Submission], commit: PendingCommit) -> None:
        """Add what is new to the commit, with an outcome for each submission.

        A receipt names the sequences of the new events only: 0 where none is new. An event whose key is not `SPACE#ID`
        is a conflict. Request keys are not kept.
        """
        self._changed = {}
        for submission in submissions:
            if submission.independent:
                commit.outcomes.append(
                    PerEvent([self._take([event], submission, commit) for event in submission.events])
                )
            else:
                commit.outcomes.append(self._take(submission.events, submission, commit))

    def has_rows(self, commit: PendingCommit) -> bool:
        """Whether the commit has rows besides its batches."""
        return bool(commit.parts)

    def write(self, _commit: PendingCommit) -> None:
        """Keep the ids of the commit, within its transaction. Raises apsw.Error."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO id_space VALUES (?, ?, ?)",
            [(name, space.head, _encode(space.gaps)) for name, space in self._changed.items()],
        )

    def note_committed(self, _commit: PendingCommit) -> None:
        """The commit is durable."""
        self.spaces |= self._changed
        self._changed = {}

    def invalidate(self) -> None:
        """Nothing lies beside the journal."""

    def close(self) -> None:
        """Nothing to release."""

    def _take(self, events: Sequence[Event], submission: Submission, commit: PendingCommit) -> Receipt | Conflict:
        try:
            keys = [split_key(event.key) for event in events]
        except ValueError:
            return Conflict(tuple(index for index, event in enumerate(events) if not _is_key(event.key)))
        new = [event for event, (space, number) in zip(events, keys, strict=True) if self._claim(space, number)]
        if not new:
            return Receipt(0, 0, 0, len(events))
        receipt = commit.add(new, submission.origin)
        return Receipt(receipt.first, receipt.last, len(new), len(events) - len(new))

    def _claim(self, name: str, number: int) -> bool:
        space = self._changed.get(name)
        if space is None:
            known = self.spaces.get(name)
            if known is None:
                self._changed[name] = IdSpace(number)
                return True
            space = self._changed[name] = IdSpace(known.head, known.gaps.copy())  # the old one stands until the commit
        return space.claim(number)


def _is_key(key: str) -> bool:
    try:
        split_key(key)
    except ValueError:
        return False
    return True


def _encode(gaps: _Gaps) -> str:
    return msgspec.json.encode(gaps).decode()


def _decode(gaps: str) -> _Gaps:
    return msgspec.json.decode(gaps, type=_Gaps)
