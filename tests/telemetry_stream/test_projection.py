"""A fold and its position, saved together: each event counts once, wherever it stops."""

import asyncio
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemetry_stream.errors import UnusableState
from telemetry_stream.events import Batch, Reset, StreamPosition
from telemetry_stream.projection import PositionTable, Projection, StateFile
from telemetry_stream.testing.memory import MemoryStream, MemorySubscriber
from telemetry_stream.wire import split
from tests.telemetry_stream.streams import becomes, run, submission

VERSION = 3
TOPICS = ("trades", "quotes")


class Killed(Exception):
    """The process ends here."""


class Counts:
    """A fold in a database: how often each event was counted, with the position in the same transaction."""

    def __init__(self, file: Path, chance: random.Random) -> None:
        self.connection = sqlite3.connect(file, isolation_level=None)
        self.connection.execute("CREATE TABLE IF NOT EXISTS seen (topic TEXT, event BLOB, times INTEGER)")
        self.table = PositionTable(self.connection, VERSION)
        self.projection: Projection | None = None
        self._chance = chance
        self._is_dead = False

    def apply(self, topic: str, batch: Batch, skip: int, *, replayed: bool) -> None:
        assert replayed in (True, False)
        if self._is_dead:
            raise Killed
        self.connection.execute("BEGIN")
        for event in split(batch)[skip:]:
            self.connection.execute("INSERT INTO seen VALUES (?, ?, 1)", (topic, event))
        self._maybe_die()
        assert self.projection is not None
        self.table.save(self.connection, {topic: self.projection.positions[topic]})
        self._maybe_die()
        self.connection.execute("COMMIT")
        self._maybe_die()

    def start_over(self, topic: str, reset: Reset) -> None:
        assert reset.stream
        self.connection.execute("DELETE FROM seen WHERE topic = ?", (topic,))

    def _maybe_die(self) -> None:
        self._is_dead = self._is_dead or self._chance.random() < 0.2
        if self._is_dead:
            raise Killed


async def follow_until_killed_or_done(streams: dict[str, MemoryStream], counts: Counts) -> bool:
    known = counts.table.load(counts.connection)
    readers = {topic: MemorySubscriber(stream, known.get(topic), 7) for topic, stream in streams.items()}
    projection = counts.projection = Projection(counts, readers)
    tasks = [asyncio.ensure_future(projection.follow(topic)) for topic in streams]
    try:
        await becomes(
            lambda: any(task.done() for task in tasks) or all(reader.caught_up for reader in readers.values())
        )
        return not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, (Killed, asyncio.CancelledError))


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_step_each_event_of_each_topic_is_counted_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    streams = {topic: MemoryStream() for topic in TOPICS}
    for topic, stream in streams.items():
        stream.append([submission(*(f"{topic}-{number}" for number in range(100)))])

    async def test() -> None:
        while True:
            counts = Counts(tmp_path / "state.sqlite3", chance)
            with closing(counts.connection):
                if await follow_until_killed_or_done(streams, counts):
                    rows = counts.connection.execute("SELECT topic, event FROM seen").fetchall()
                    for topic, stream in streams.items():
                        seen = [event for of, event in rows if of == topic]
                        assert sorted(seen) == sorted(split(stream.read(0, 1_000)))
                    return

    run(test())


def test_positions_of_another_version_of_the_fold_are_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state")) as connection:
        table = PositionTable(connection, VERSION)
        assert table.load(connection) == {}
        table.save(connection, {"trades": StreamPosition("s", 5)})
        table.save(connection, {"trades": StreamPosition("s", 7)})
        assert table.load(connection) == {"trades": StreamPosition("s", 7)}
        with pytest.raises(UnusableState, match="version 3, not 4"):
            PositionTable(connection, VERSION + 1).load(connection)


@pytest.fixture
def file(tmp_path: Path) -> StateFile[bytes]:
    return StateFile(tmp_path / "folder" / "state.json", b"a-state", VERSION, bytes)


def test_a_file_gives_back_what_was_saved_last(file: StateFile[bytes]) -> None:
    assert file.load() is None
    file.save([b"one", b"two"])
    file.save([b"three\n", b"four"])
    assert file.load() == b"three\nfour"
    assert file.bytes == file.path.stat().st_size
    assert file.refused == 0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "does not begin"),
        (b"a-state 3 0\nbody", "torn or was changed"),
        (b"another 3 0\nbody", "does not begin"),
        (b"a-state 2 0\nbody", "version 2, not 3"),
    ],
)
def test_another_content_is_refused_and_counted(file: StateFile[bytes], content: bytes, why: str) -> None:
    file.path.write_bytes(content)
    with pytest.raises(UnusableState, match=why):
        file.load()
    assert file.refused == 1


def test_every_flipped_bit_and_every_cut_is_found(file: StateFile[bytes]) -> None:
    file.save([b'{"a":1}'])
    whole = file.path.read_bytes()
    for place in range(len(whole)):
        file.path.write_bytes(whole[:place])
        with pytest.raises(UnusableState):
            file.load()
        file.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UnusableState):
            file.load()
