"""The hash of a history, against a plain list of rows: chains, cuts, and forks at any row."""

import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_stream.chain import FEW_BYTES, NO_HASH, extend, parse
from telemetry_stream.events import Arrival, Event, Reset, StreamPosition, Submission
from telemetry_stream.follower import Follower
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.wire import Header, cut, follow
from tests.support.examples import some_of
from tests.telemetry_stream.streams import Applied, submission

Rows = list[list[bool]]
"""The events of each row: what each says is one of two things, so that histories are much alike."""

ROWS = st.lists(st.lists(st.booleans(), min_size=1, max_size=3), max_size=4)


def append(journal: Journal, rows: Rows) -> None:
    for row in rows:
        first = journal.head() + 1
        events = [Event(f"{first + index}", b'{"says":%d}' % says) for index, says in enumerate(row)]
        journal.append([Submission(events)])


def hashes(rows: Rows) -> dict[int, str]:
    """The hash at each row end, by the definition; 0 is before the first row."""
    known, sequence = bytes(16), 0
    ends = {0: known.hex()}
    for row in rows:
        events = [b'{"seq":%d,"says":%d}' % (sequence + index, says) for index, says in enumerate(row, 1)]
        known = xxhash.xxh3_128_digest(known + b",".join(events))
        sequence += len(row)
        ends[sequence] = known.hex()
    return ends


def last_end(ends: dict[int, str], sequence: int) -> int:
    return max(end for end in ends if end <= sequence)


@given(ROWS, st.integers(0, 12), st.integers(1, 12))
@settings(max_examples=some_of(30))
def test_rows_have_the_hashes_of_the_definition_however_they_are_cut(rows: Rows, after: int, limit: int) -> None:
    ends = hashes(rows)
    head = max(ends)
    with TemporaryDirectory() as folder, closing(Journal(Path(folder))) as journal:
        append(journal, rows)
        with closing(JournalReader(Path(folder))) as reader:
            for sequence in range(head + 1):
                assert reader.hash_at(sequence) == ends[last_end(ends, sequence)]
            assert reader.hash_at(head + 1) is None
            whole = reader.read(0, 1_000)
            assert [(commit.last, commit.hash) for commit in whole.commits] == list(ends.items())[1:]
            assert follow(whole, NO_HASH) == parse(ends[head])
            batch = reader.read(after, limit)
            if batch.count:
                assert batch.events == cut(whole, after, after + limit).events
                assert batch.commits == cut(whole, after, after + limit).commits
                previous = parse(ends[last_end(ends, after)])
                assert previous is not None
                joins = after in ends and batch.last in ends
                assert follow(batch, previous) == (parse(ends[batch.last]) if joins else None)


@given(ROWS, ROWS, ROWS, st.integers(0, 24), st.integers(1, 5))
@settings(max_examples=some_of(50))
def test_a_reader_of_one_fork_comes_to_have_the_other(
    common: Rows, one: Rows, other: Rows, applied: int, limit: int
) -> None:
    """It starts over if the two differ at or before what it has, and only then."""
    with TemporaryDirectory() as temporary:
        first, second = Path(temporary, "first"), Path(temporary, "second")
        with closing(Journal(first)) as journal:
            append(journal, common)
        shutil.copytree(first, second)
        for folder, rows in ((first, one), (second, other)):
            with closing(Journal(folder)) as journal:
                append(journal, rows)
        ends, other_ends = hashes(common + one), hashes(common + other)
        applied = min(applied, max(ends))
        known_end = last_end(ends, applied)
        same = applied <= max(other_ends) and last_end(other_ends, applied) == known_end
        same = same and ends[known_end] == other_ends[known_end]
        with closing(JournalReader(first)) as reader, closing(JournalReader(second)) as there:
            position = StreamPosition(reader.stream, applied, "", ends[known_end] if applied else "")
            begun = Applied(applied, reader.read(0, applied).events if applied else b"")
            resets = catch_up(Follower(position, limit), there, begun)
            assert begun.last == there.head()
            if applied == known_end or not same:  # inside a row that is open the two may differ, and no hash says so
                assert begun.events == there.read(0, 1_000).events
            assert len(resets) == (0 if same else 1)
            assert all(resets)


def catch_up(follower: Follower, reader: JournalReader, applied: Applied) -> Sequence[str]:
    """Ask and answer as the replay server does; the reasons of the resets."""
    reasons = []
    while (request := follower.request) is not None:
        head = reader.head()
        forked = request.after > head or request.hash not in (None, reader.hash_at(request.after))
        batch = reader.read(request.after, 0 if forked else request.limit)
        header = Header(1, batch.stream, batch.first, batch.last, 5, head, 1, forked, batch.commits)
        delivery = follower.replayed(header, batch)
        if isinstance(delivery, Reset):
            reasons.append(delivery.reason)
        if delivery is not None:
            applied.take(delivery)
    return reasons


@given(ROWS.filter(bool), ROWS, ROWS.filter(bool), st.booleans())
@settings(max_examples=some_of(40))
def test_live_a_row_of_another_fork_is_never_applied(common: Rows, one: Rows, other: Rows, quick: bool) -> None:
    """Also where it has the very sequence that comes next, and those before it were lost: a quick sender's, who sends
    the same again but for one.
    """
    if quick and one:
        (corrected, *rest), *later = one
        other = [[not corrected, *rest], *later, *other]
    with TemporaryDirectory() as temporary:
        first, second = Path(temporary, "first"), Path(temporary, "second")
        with closing(Journal(first)) as journal:
            append(journal, common)
        shutil.copytree(first, second)
        for folder, rows in ((first, one), (second, other)):
            with closing(Journal(folder)) as journal:
                append(journal, rows)
        with closing(JournalReader(first)) as reader, closing(JournalReader(second)) as there:
            follower, applied = Follower(StreamPosition(reader.stream)), Applied()
            catch_up(follower, reader, applied)
            ends, other_ends = hashes(common + one), hashes(common + other)
            head = max(ends)
            for start, end in zip(list(other_ends), list(other_ends)[1:], strict=False):
                if quick and start < head:
                    continue
                batch = there.read(start, end - start)
                header = Header(1, batch.stream, batch.first, batch.last, 5, commits=batch.commits)
                arrival = follower.live(header, batch)
                if start == head and other_ends[start] == ends[head]:
                    assert isinstance(arrival, Arrival)
                    applied.take(arrival)
                    break
                assert arrival is None
                if start >= head:
                    assert follower.request is not None
                    break
            catch_up(follower, there, applied)
            heartbeat(follower, there)
            catch_up(follower, there, applied)
            assert applied.events == there.read(0, 1_000).events


def heartbeat(follower: Follower, reader: JournalReader) -> None:
    head = reader.head()
    follower.live(Header(1, reader.stream, head + 1, head, 5, commits=reader.read(0, 1_000).commits[-1:]), None)


def test_commit_times_never_go_back_and_a_time_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0]
    monkeypatch.setattr(time, "time_ns", lambda: clock[0])
    for clock[0] in (1_000, 2_000, 500, 1_500, 2_500, 2_500, 3_000):  # it steps back, between starts too
        with closing(Journal(tmp_path)) as journal:
            last = journal.head()
            journal.append([submission(f"{last}-a", f"{last}-b")])
    with closing(JournalReader(tmp_path)) as reader:
        times = [(commit.last, commit.committed_at_ns) for commit in reader.read(0, 100).commits]
        assert times == [(2, 1_000), (4, 2_000), (6, 2_000), (8, 2_000), (10, 2_500), (12, 2_500), (14, 3_000)]
        for wanted, sequence in ((0, 0), (999, 0), (1_000, 2), (1_999, 2), (2_000, 8), (2_499, 8), (2_500, 12)):
            assert reader.at(wanted) == sequence
        assert reader.at(2**62) == 14


@pytest.mark.parametrize("size", [1, FEW_BYTES - 1, FEW_BYTES, 3 * FEW_BYTES])
def test_the_hash_of_a_row_of_any_length_is_that_of_the_definition(size: int) -> None:
    before, events = bytes(range(16)), b"x" * size
    assert extend(before, events) == xxhash.xxh3_128_digest(before + events)
