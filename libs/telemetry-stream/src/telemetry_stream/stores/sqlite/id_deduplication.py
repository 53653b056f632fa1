"""Recognises repetitions by a venue's ascending ids; a small table keeps the head and the gaps of each id space."""

from collections.abc import Iterable, Sequence

import apsw
import msgspec

from telemetry_stream.events import Conflict, ConsecutiveEvents, Event, PerEvent, Receipt, Series, Submission
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
        parts = events.parts if isinstance(events, Series) else (events,)
        try:
            keys = [_keys_of(part) for part in parts]
        except ValueError:
            return Conflict(tuple(index for index, event in enumerate(events) if not _is_key(event.key)))
        first, before = commit.head + 1, commit.head
        for part, known in zip(parts, keys, strict=True):
            if isinstance(part, ConsecutiveEvents) and self._claim_all(part):
                commit.add(part, submission.origin)
                continue
            new = [event for event, (space, number) in zip(part, known, strict=True) if self._claim(space, number)]
            if new:
                commit.add(new, submission.origin)
        accepted = commit.head - before
        if not accepted:
            return Receipt(0, 0, 0, len(events))
        return Receipt(first, commit.head, accepted, len(events) - accepted)

    def _claim_all(self, events: ConsecutiveEvents[Event]) -> bool:
        """Take the ids of all events, if none is known and all are above the others; else none."""
        last = events.first_id + len(events) - 1
        space = self._space(events.space)
        if space is None:
            self._changed[events.space] = IdSpace(last)
            return True
        return space.claim_run(events.first_id, last)

    def _claim(self, name: str, number: int) -> bool:
        space = self._space(name)
        if space is None:
            self._changed[name] = IdSpace(number)
            return True
        return space.claim(number)

    def _space(self, name: str) -> IdSpace | None:
        """The space as this commit leaves it; None if nothing of it is known."""
        space = self._changed.get(name)
        if space is None and (known := self.spaces.get(name)) is not None:
            space = self._changed[name] = IdSpace(known.head, known.gaps.copy())  # the old one stands until the commit
        return space


def _keys_of(events: Sequence[Event]) -> Iterable[tuple[str, int]]:
    """The space and the id of each event. Raises ValueError."""
    if isinstance(events, ConsecutiveEvents):
        return ((events.space, number) for number in range(events.first_id, events.first_id + len(events)))
    return [split_key(event.key) for event in events]


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
