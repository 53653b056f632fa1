"""Recognises repetitions by an index of all keys: what was there before is compared with what comes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import apsw
import msgspec

from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import Compared, Conflict, PerEvent, Receipt, Result, Submission, Unfinished, keys_of
from telemetry_stream.id_spaces import IdSpace
from telemetry_stream.stores.sqlite import reader, request_keys
from telemetry_stream.stores.sqlite.key_index import KeyIndex, digest_keys
from telemetry_stream.stores.sqlite.known_events import Comparison, EarlierRequest, KnownEvents, Sought
from telemetry_stream.stores.sqlite.pending_commit import PendingCommit


class KeyDeduplication:
    """The keys of one journal's events, and the answers to requests that named themselves."""

    def __init__(self, folder: Path, stream: str, connection: apsw.Connection, head: int) -> None:
        """Open the index and bring it up to the journal, whose last sequence is `head`.

        Raises KeysMissing, OSError, apsw.Error.
        """
        self._stream = stream
        self._connection = connection
        self._key_seed = int(connection.execute("SELECT key_seed FROM stream").get)
        self._keys = KeyIndex(folder, stream, connection, head)
        self._known = KnownEvents(connection)
        self.spaces: Mapping[str, IdSpace] = {}
        """Empty: no ids of a venue are kept."""

    @property
    def rows_read(self) -> int:
        """Stored rows that were read to compare events with them."""
        return self._known.rows_read

    def answer(self, submissions: Sequence[Submission], commit: PendingCommit) -> None:
        """Add what is new to the commit, with an outcome for each submission. Raises apsw.Error."""
        keys, are_plain = list[str](), True
        for submission in submissions:
            keys += keys_of(submission.events)
            are_plain = are_plain and submission.request_key is None and not submission.only_compare
        digests = digest_keys(keys, self._key_seed)
        if not (are_plain and self._keys.are_new(digests)):
            for comparison in self._compare(submissions, digests):
                commit.outcomes.append(self._answer(comparison, commit))
        else:  # the way of nearly every group: no request keys, and every event new
            commit.outcomes += [commit.add(submission.events, submission.origin) for submission in submissions]
            commit.digests = digests

    def has_rows(self, commit: PendingCommit) -> bool:
        """Whether the commit has rows besides its batches."""
        return bool(commit.requests)

    def write(self, commit: PendingCommit) -> None:
        """Write these rows, within the commit's transaction. Raises apsw.Error."""
        request_keys.add(self._connection, commit.requests, commit.committed_at_ns)

    def note_committed(self, commit: PendingCommit) -> None:
        """The commit is durable. Raises OSError, apsw.Error."""
        self._keys.add(commit.digests)

    def invalidate(self) -> None:
        """Rebuild the index at the next start: what the disk has of it is not known."""
        self._keys.invalidate()

    def close(self) -> None:
        """Release the files. Idempotent."""
        self._keys.close()

    def _compare(self, submissions: Sequence[Submission], digests: list[bytes]) -> list[Comparison]:
        """What the journal has of the submissions. Each row that is asked for is read once."""
        comparisons, begin = list[Comparison](), 0
        for submission in submissions:
            end = begin + len(submission.events)
            comparisons.append(Comparison(submission, digests[begin:end], self._earlier_request(submission)))
            begin = end
        sought = [comparison.seek_first_event() for comparison in comparisons if comparison.earlier]
        places = [place for comparison in comparisons for place in comparison.open_places()]
        wanted = [comparison.digests[place] for comparison, place in places]
        for index, sequence in self._keys.candidates(wanted):
            comparison, place = places[index]
            sought.append(Sought(sequence, wanted[index], place, comparison))
        self._known.read(sought)
        return comparisons

    def _earlier_request(self, submission: Submission) -> EarlierRequest | None:
        asked = submission.request_key
        return request_keys.find(self._connection, asked) if asked is not None else None

    def _answer(self, comparison: Comparison, commit: PendingCommit) -> Result:
        submission, digests, compared = comparison.submission, comparison.digests, comparison.compared
        asked = submission.request_key
        earlier = (comparison.earlier or commit.requests.get((asked.caller, asked.key))) if asked else None
        if earlier is not None and asked is not None and earlier.digest != asked.digest:
            return Conflict(())
        if comparison.damage and not submission.independent:
            return next(iter(comparison.damage.values()))
        if not comparison.is_whole:
            return Unfinished(msgspec.structs.replace(submission, compared=compared))
        if submission.only_compare:
            return compared
        if earlier is not None:
            first = comparison.first_event or commit.event(earlier.receipt.first)
            return self._repeated(earlier.receipt, first)
        if submission.independent:
            return PerEvent(
                [
                    comparison.damage.get(index)
                    or commit.take([event], [digest], _of_one(compared, index), submission.origin)
                    for index, (event, digest) in enumerate(zip(submission.events, digests, strict=True))
                ]
            )
        outcome = commit.take(submission.events, digests, compared, submission.origin)
        if asked is not None and isinstance(outcome, Receipt):
            commit.note_request(asked, outcome)
        return outcome

    def _repeated(self, receipt: Receipt, first_event: bytes | None) -> Receipt | DamagedHistory:
        """The answer given again. A request that the same group brought before may have brought only known events."""
        if not first_event:
            try:
                first_event = reader.read(self._connection, self._stream, receipt.first - 1, 1).events
            except DamagedHistory as damage:
                return damage
        return msgspec.structs.replace(receipt, first_event=first_event)


def _of_one(compared: Compared, index: int) -> Compared:
    """What was found out about one event, as if it were alone."""
    if index not in compared.sequences:
        return Compared({}, {})
    stored = compared.stored.get(index)
    return Compared({0: compared.sequences[index]}, {} if stored is None else {0: stored})
