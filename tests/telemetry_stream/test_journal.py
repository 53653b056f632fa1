"""The journal on disk: one writer, foreign files left alone, pages like a plain list, nothing lost to kill -9."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_stream.errors import ForeignJournal, JournalInUse
from telemetry_stream.events import Event, Receipt, RequestKey, Submission
from telemetry_stream.log import PAGE_BYTES
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.pending_commit import BATCH_LIMIT
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from telemetry_stream.stores.sqlite.tables import LAYOUT, checksum
from telemetry_stream.testing.memory import MemoryStream
from tests.support.examples import some_of
from tests.telemetry_stream.streams import all_events, numbered, submission


def test_what_is_appended_comes_back_as_batches_to_publish(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        outcomes, batches = journal.append([numbered(range(BATCH_LIMIT)), numbered(range(3)), submission("last")])
        assert outcomes[1] == Receipt(1, 3, 0, 3)
        assert [(batch.first, batch.last) for batch in batches] == [
            (1, BATCH_LIMIT),
            (BATCH_LIMIT + 1, BATCH_LIMIT + 1),
        ]
        assert all(batch.stream == journal.stream for batch in batches)
        assert all(abs(batch.published_at_ns - time.time_ns()) < 60e9 for batch in batches)
        assert journal.append([numbered(range(3))])[1] == []
        with closing(JournalReader(tmp_path)) as reader:
            assert b",".join(batch.events for batch in batches) == all_events(reader)


def test_a_second_writer_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        for _ in range(2):
            with pytest.raises(JournalInUse, match=r"DATA_DIR"):
                Journal(tmp_path)
        assert journal.append([submission("a")])[0] == [Receipt(1, 1, 1, 0)]
    with closing(Journal(tmp_path)) as journal:
        assert journal.head() == 1


def test_a_second_writing_process_is_refused(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)):
        program = (
            "import sys, pathlib, telemetry_stream.stores.sqlite.journal as j; j.Journal(pathlib.Path(sys.argv[1]))"
        )
        second = subprocess.run(
            [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, timeout=30, check=False
        )
    assert second.returncode == 1
    assert "JournalInUse" in second.stderr


def foreign_database(file: Path) -> None:
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute("CREATE TABLE customer (name)")


def database_of_another_application(file: Path) -> None:
    with closing(apsw.Connection(str(file))) as connection:
        connection.pragma("application_id", 7)


def journal_of_a_later_version(file: Path) -> None:
    Journal(file.parent).close()
    with closing(apsw.Connection(str(file))) as connection:
        connection.pragma("user_version", LAYOUT + 1)
        connection.pragma("journal_mode", "delete")


def text_file(file: Path) -> None:
    file.write_text("Dear journal, " * 100)


@pytest.mark.parametrize(
    "make", [foreign_database, database_of_another_application, journal_of_a_later_version, text_file]
)
def test_a_foreign_file_is_refused_and_left_as_it_was(tmp_path: Path, make: Callable[[Path], None]) -> None:
    file = tmp_path / JOURNAL_FILE
    make(file)
    before = file.read_bytes()
    for _ in range(2):  # a refusal holds no lock
        with pytest.raises(ForeignJournal, match=JOURNAL_FILE):
            Journal(tmp_path)
    assert file.read_bytes() == before


def test_a_log_without_its_journal_is_kept_and_reported(tmp_path: Path) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    now.mkdir()
    with closing(Journal(before)) as journal:
        journal.append([submission("a", "b")])
        for name in (JOURNAL_FILE, f"{JOURNAL_FILE}-wal"):
            shutil.copy(before / name, tmp_path)
    log = now / f"{JOURNAL_FILE}-wal"
    shutil.copy(tmp_path / log.name, log)
    with pytest.raises(ForeignJournal, match="without its journal"):
        Journal(now)
    assert log.read_bytes() == (tmp_path / log.name).read_bytes()
    shutil.copy(tmp_path / JOURNAL_FILE, now)
    with closing(Journal(now)) as journal:
        assert journal.head() == 2


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_FILE).touch()
    with closing(Journal(tmp_path)) as journal:
        assert journal.append([submission("a")])[0] == [Receipt(1, 1, 1, 0)]


def test_the_folder_is_made(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "deep" / "down")) as journal:
        assert journal.head() == 0


def test_a_journal_can_be_read_after_its_writer_has_gone(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([submission("a")])
    with closing(JournalReader(tmp_path)) as reader:
        assert (reader.stream, reader.head()) == (journal.stream, 1)


def test_every_commit_is_synced(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        connection = journal._connection
        assert connection.pragma("journal_mode") == "wal"
        assert connection.pragma("synchronous") == 2


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> tuple[JournalReader, list[bytes]]:
    """A journal of batches of many sizes, and its events in a list."""
    folder = tmp_path_factory.mktemp("uneven")
    sizes = [1, 1, 5, 2, 13, 1, 8, 3, 1, 20]
    with closing(Journal(folder)) as journal:
        for size in sizes:
            journal.append([numbered(range(journal.head(), journal.head() + size))])
    reader = JournalReader(folder)
    return reader, [reader.read(after, 1).events for after in range(sum(sizes))]


def test_the_events_of_single_pages_are_numbered_through(uneven: tuple[JournalReader, list[bytes]]) -> None:
    _, events = uneven
    assert [json.loads(event)["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [json.loads(event)["id"] for event in events] == [f"event-{name}" for name in range(len(events))]


@given(after=st.integers(0, 70), limit=st.integers(1, 70))
def test_a_page_is_a_slice(uneven: tuple[JournalReader, list[bytes]], after: int, limit: int) -> None:
    reader, events = uneven
    wanted = events[after : after + limit]
    page = reader.read(after, limit)
    assert (page.first, page.last) == (after + 1, after + len(wanted))
    assert page.events == b",".join(wanted)
    assert bool(page.published_at_ns) == bool(wanted)


def test_a_page_of_large_events_ends_early_and_the_next_goes_on(tmp_path: Path) -> None:
    large = b'{"x":"%b"}' % (b"x" * (PAGE_BYTES // 4))
    with closing(Journal(tmp_path)) as journal, closing(JournalReader(tmp_path)) as reader:
        for name in range(10):
            journal.append([Submission([Event(str(name), large)])])
        ends = [0]
        while (page := reader.read(ends[-1], 1_000)).count:
            assert len(page.events) < PAGE_BYTES + 2 * len(large)
            ends.append(page.last)
        assert ends[-1] == 10
        assert len(ends) >= 3


def payload_that_hardly_shrinks() -> bytes:
    return b'{"x":"%b"}' % secrets.token_urlsafe(100_000).encode()


@pytest.mark.long
def test_the_write_ahead_log_stays_bounded_while_readers_read(tmp_path: Path) -> None:
    readers = []
    largest = 0
    with closing(Journal(tmp_path)) as journal:
        for round_ in range(40):
            journal.append([Submission([Event(f"{round_}-{n}", payload_that_hardly_shrinks()) for n in range(20)])])
            journal.checkpoint_if_due()
            readers.append(JournalReader(tmp_path))
            for reader in readers[-5:]:
                assert reader.read(journal.head() - 10, 5).count == 5
            largest = max(largest, (tmp_path / f"{JOURNAL_FILE}-wal").stat().st_size)
        written = (tmp_path / JOURNAL_FILE).stat().st_size
        for reader in readers:
            reader.close()
    assert written > 75_000_000
    assert largest < 25_000_000


KEYS = st.sampled_from("abcdefgh")
EVENTS = st.builds(
    lambda key, says: Event(key, b'{"id":"%b","says":%d}' % (key.encode(), says)),
    KEYS,
    st.sampled_from([1, 1, 1, 1, 2]),
)
REQUEST_KEYS = st.builds(RequestKey, st.sampled_from(["r1", "r2", "r3"]), st.sampled_from([b"1", b"1", b"2"]))
SUBMISSIONS = st.builds(Submission, st.lists(EVENTS, min_size=1, max_size=4), st.none() | st.none() | REQUEST_KEYS)
GROUPS = st.lists(SUBMISSIONS, max_size=4)


@settings(max_examples=some_of(80))
@given(groups=st.lists(GROUPS | st.just("reopen"), max_size=8))
def test_the_journal_answers_as_the_stream_in_memory_does(groups: list[list[Submission] | str]) -> None:
    memory = MemoryStream()
    with TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        for group in groups:
            if isinstance(group, str):
                journal.close()
                journal = Journal(Path(folder))
                continue
            outcomes, batches = journal.append(group)
            before = memory.head()
            assert outcomes == memory.append(group)
            assert b",".join(batch.events for batch in batches) == memory.read(before, 1_000).events
        assert journal.head() == memory.head()
        with closing(JournalReader(Path(folder))) as reader:
            assert reader.head() == memory.head()
            assert all_events(reader) == all_events(memory)
        journal.close()


WRITER = """
import sys
from pathlib import Path
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import Journal
from tests.telemetry_stream.streams import numbered

journal = Journal(Path(sys.argv[1]))
name = journal.head()
while True:
    count = name % 7 + 1
    [receipt] = journal.append([numbered(range(name, name + count))])[0]
    print(receipt.first, receipt.last, flush=True)
    name += count
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    acknowledged = 0
    for commits in (1, 3, 25, 60):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        ) as writer:
            assert writer.stdout is not None
            for _ in range(commits):
                first, last = map(int, writer.stdout.readline().split())
                assert first >= acknowledged + 1
                acknowledged = last
            writer.send_signal(signal.SIGKILL)
            for line in writer.stdout:  # what it could still say before it died
                acknowledged = int(line.split()[1])
        with closing(Journal(tmp_path)) as journal, closing(JournalReader(tmp_path)) as reader:
            assert acknowledged <= journal.head() <= acknowledged + 7
            events = json.loads(b"[%b]" % all_events(reader))
            assert [event["seq"] for event in events] == list(range(1, journal.head() + 1))
            assert [event["id"] for event in events] == [f"event-{name}" for name in range(journal.head())]
            assert journal._connection.pragma("integrity_check") == "ok"
            known = journal.append([numbered(range(journal.head()))])[0]
            assert known == [Receipt(1, journal.head(), 0, journal.head())]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ((5, None), "the batch of sequences 2 to 2 was committed before the one before it"),
        ((None, 1), "1 events have a key that an event before them has"),
    ],
)
def test_a_check_finds_times_that_go_back_and_keys_that_come_twice(
    tmp_path: Path, columns: tuple[int | None, int | None], problem: str
) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([submission("one")])
        journal.append([submission("two")])
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as connection:
        rows = dict(enumerate(connection.execute("SELECT committed_at_ns, keys FROM batch ORDER BY first"), 1))
        time_ns, keys = columns[0] or rows[2][0], rows[columns[1] or 2][1]
        connection.execute(
            "UPDATE batch SET committed_at_ns = ?, keys = ?, checksum = ? WHERE first = 2",
            (time_ns, keys, checksum(time_ns, keys)),
        )
    assert check_journal(tmp_path / JOURNAL_FILE).problems == [problem]
