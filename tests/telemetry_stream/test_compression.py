"""Stored batches: shorter where it is worth it, whole or refused, and readable whichever layout wrote them."""

import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_stream.errors import DamagedHistory
from telemetry_stream.stores.sqlite import compression as packing
from telemetry_stream.stores.sqlite.compression import MAX_BYTES, MIN_BYTES, Packer, unpack
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from tests.telemetry_stream.streams import event, numbered, submission

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

EVENTS = b",".join(event(f"event-{n}").payload for n in range(1_000))


@given(st.binary(max_size=300), st.integers(0, 40))
def test_what_was_packed_comes_back(odd: bytes, times: int) -> None:
    events = b"{" + odd * times
    packer = Packer()
    assert [unpack(packer.pack(events)) for _ in range(2)] == [events] * 2


def test_many_events_shrink_to_a_frame_that_any_reader_of_the_format_knows() -> None:
    stored = Packer().pack(EVENTS)
    assert len(stored) < len(EVENTS) / 5
    assert zstd.decompress(stored) == EVENTS
    assert zstd.get_frame_info(stored).decompressed_size == len(EVENTS)


def test_few_events_and_more_than_are_read_back_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    few = EVENTS[: MIN_BYTES - 1]
    assert Packer().pack(few) == few
    monkeypatch.setattr(packing, "MAX_BYTES", len(EVENTS) - 1)
    assert unpack(Packer().pack(EVENTS)) == EVENTS


def test_a_frame_that_was_altered_gives_what_was_packed_or_nothing() -> None:
    stored = Packer().pack(EVENTS[:5_000])
    noticed = 0
    for place in range(len(stored)):
        for bit in range(8):
            altered = bytearray(stored)
            altered[place] ^= 1 << bit
            try:
                assert unpack(bytes(altered)) == EVENTS[:5_000]  # a bit of the head that says nothing
            except apsw.CorruptError:
                noticed += 1
    assert noticed > 8 * len(stored) * 0.95


def test_a_frame_that_ends_early_or_late_is_refused() -> None:
    stored = Packer().pack(EVENTS[:5_000])
    for place in range(len(stored)):
        with pytest.raises(apsw.CorruptError, match="damaged"):
            unpack(stored[:place])
    with pytest.raises(apsw.CorruptError, match="damaged"):
        unpack(stored + stored)


def test_a_frame_that_would_fill_memory_is_refused() -> None:
    with pytest.raises(apsw.CorruptError, match="damaged"):
        unpack(zstd.compress(bytes(MAX_BYTES + 1)))


def test_the_journal_holds_few_events_as_they_are_and_many_packed(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([submission("first")])
        [batch] = journal.append([numbered(range(500))])[1]
        with closing(JournalReader(tmp_path)) as reader:
            assert reader.read(1, 500).events == batch.events
            assert reader.read(300, 2).events in batch.events
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as connection:
        few, many = [stored for (stored,) in connection.execute("SELECT events FROM batch ORDER BY first")]
    assert few.startswith(b'{"seq":1,')
    assert unpack(many) == batch.events != many


def test_a_damaged_batch_is_an_error_to_who_reads_it_and_found_by_the_check(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(500))])
        journal.append([submission("last")])
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as connection:
        connection.execute("UPDATE batch SET events = CAST(substr(events, 1, 900) AS BLOB) WHERE first = 1")
    with closing(JournalReader(tmp_path)) as reader:
        assert b'"last"' in reader.read(500, 10).events
        with pytest.raises(DamagedHistory, match="sequences 1 to 500 can't be read: a stored batch is damaged"):
            reader.read(0, 10)
    assert check_journal(tmp_path / JOURNAL_FILE).problems == ["the batch of sequences 1 to 500 does not hold them"]
