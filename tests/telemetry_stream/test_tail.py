"""The last rows come from memory, with the same bytes and commits as from the journal."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as some

from telemetry_stream.durable_log import DurableLog
from telemetry_stream.events import Batch
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.tail import ROW_BYTES, Tail
from telemetry_stream.wire import number
from tests.telemetry_stream.place import Place
from tests.telemetry_stream.streams import numbered

ROWS = 20


@pytest.fixture
def writer(place: Place) -> Iterator[DurableLog]:
    """Rows of 1 to 20 events."""
    with closing(place.open()) as writer:
        for row in range(ROWS):
            writer.append([numbered(range(1_000 * row, 1_000 * row + row + 1))])
        yield writer


def test_every_page_is_that_of_the_journal(place: Place, writer: DurableLog) -> None:
    with closing(JournalReader(place.folder)) as journal:
        for after in range(writer.head()):
            for limit, page_bytes in ((1, 10**6), (7, 10**6), (1_000, 10**6), (1_000, 1), (1_000, 300)):
                page = writer.tail.read(after, limit, page_bytes)
                assert page == journal.read(after, limit, page_bytes), (after, limit, page_bytes)
    assert writer.tail.read(writer.head(), 10) is None


def test_what_was_just_committed_is_read_without_the_journal(
    writer: DurableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    read = JournalReader.read

    def counted(self: JournalReader, after: int, limit: int, page_bytes: int = 0) -> Batch:
        reads.append(after)
        return read(self, after, limit, page_bytes)

    monkeypatch.setattr(JournalReader, "read", counted)
    with closing(writer.open_reader()) as reader:
        assert reader.read(0, 10_000).last == writer.head()
        assert reads == []
        assert reader.read(writer.head(), 10).count == 0
        assert reads == [writer.head()], "nothing is kept of what is not there"


@given(some.lists(some.integers(1, 50), min_size=1, max_size=60), some.integers(1, 20_000))
def test_it_is_bounded_and_holds_the_latest(sizes: list[int], max_bytes: int) -> None:
    tail, first = Tail(max_bytes), 1
    for size in sizes:
        last = first + size - 1
        tail.add([Batch("s", first, last, b",".join([number(b'{"x":1}', seq) for seq in range(first, last + 1)]))])
        assert tail.bytes <= max_bytes
        first = last + 1
    head = first - 1
    kept = [after for after in range(head) if tail.read(after, 1) is not None]
    assert kept == list(range(head - len(kept), head)), "no hole, up to the head"
    if max_bytes > ROW_BYTES + 50 * 20:
        assert kept
