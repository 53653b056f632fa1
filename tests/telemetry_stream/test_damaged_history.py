"""A row that can't be read back costs those who need it an answer; everybody else is served, and intake goes on."""

import json
from collections.abc import Iterator
from contextlib import closing

import apsw
import pytest
import zmq
from structlog.testing import capture_logs

from metrics_sidecar.advice import advice
from telemetry_stream.durable_log import DurableLog
from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import PerEvent, Receipt, RequestKey, Submission
from telemetry_stream.refusals import Obstacle
from telemetry_stream.stores.sqlite.key_index import DIGEST_BYTES
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from telemetry_stream.wire import ReplayRequest, encode_request
from tests.support.polling import PATIENCE_MS
from tests.telemetry_stream.place import Place
from tests.telemetry_stream.streams import becomes, event, following, numbered, run

ROW = 500


def flip_a_bit(place: Place, first: int) -> bytes:
    """Change one bit of the stored row that begins there; what it was."""
    with closing(apsw.Connection(str(place.folder / JOURNAL_FILE))) as connection:
        stored: bytes = connection.execute("SELECT events FROM batch WHERE first = ?", (first,)).get
        changed = bytearray(stored)
        changed[len(changed) // 2] ^= 1
        connection.execute("UPDATE batch SET events = ? WHERE first = ?", (bytes(changed), first))
        return stored


def put_back(place: Place, first: int, stored: bytes) -> None:
    with closing(apsw.Connection(str(place.folder / JOURNAL_FILE))) as connection:
        connection.execute("UPDATE batch SET events = ? WHERE first = ?", (stored, first))


@pytest.fixture
def writer(place: Place) -> Iterator[DurableLog]:
    """Three rows of 500 events, of which none is in memory any more."""
    with closing(place.open()) as writer:
        for number in range(3):
            writer.append(
                [Submission(numbered(range(ROW * number, ROW * (number + 1))).events, RequestKey(f"r{number}", b""))]
            )
    with closing(place.open()) as writer:
        yield writer


def ask(place: Place, after: int) -> list[bytes]:
    with zmq.Context() as context, context.socket(zmq.DEALER) as client:
        client.connect(place.replay_address)
        client.send(encode_request(ReplayRequest(1, after, 1_000)))
        assert client.poll(PATIENCE_MS)
        return client.recv_multipart()


def test_rows_before_and_after_the_damage_are_read_and_the_error_names_its_sequences(
    place: Place, writer: DurableLog
) -> None:
    assert writer.head() == 3 * ROW
    flip_a_bit(place, ROW + 1)
    with closing(JournalReader(place.folder)) as reader:
        assert reader.read(0, 10_000).last == ROW, "a page ends before the damage"
        with pytest.raises(DamagedHistory) as damaged:
            reader.read(ROW + 20, 10)
        assert (damaged.value.first, damaged.value.last) == (ROW + 1, 2 * ROW)
        assert reader.read(2 * ROW, 10_000).last == 3 * ROW


def test_a_replay_that_needs_the_row_gets_an_error_that_names_it_and_all_others_go_on(
    place: Place, writer: DurableLog
) -> None:
    flip_a_bit(place, ROW + 1)
    for _ in range(3):
        topic, body = ask(place, ROW)
        error = json.loads(body)
        assert (topic, error["v"], error["code"]) == (b"trades.error", 1, "damaged_history")
        assert (error["first"], error["last"]) == (ROW + 1, 2 * ROW)
        assert f"sequences {ROW + 1} to {2 * ROW}" in error["detail"]
    assert writer.replay_counters.damaged == 3
    assert json.loads(ask(place, 0)[1])["last"] == ROW
    assert json.loads(ask(place, 2 * ROW)[1])["last"] == 3 * ROW
    assert isinstance(writer.append([numbered([10**6])])[0], Receipt)


def test_a_subscriber_that_needs_the_row_says_which_and_goes_on_once_it_is_sound(
    place: Place, writer: DurableLog
) -> None:
    assert writer.head() == 3 * ROW
    stored = flip_a_bit(place, ROW + 1)

    async def test() -> None:
        subscriber = place.subscriber()
        async with following(subscriber) as applied:
            await becomes(lambda: subscriber.counters.rejected.get("damaged_history", 0) > 1)
            assert subscriber.counters.replay_requests["damaged"] > 1
            assert applied.last == ROW
            assert not subscriber.caught_up
            assert f"sequences {ROW + 1} to {2 * ROW} can't be read" in advice(subscriber.obstacle or Obstacle("none"))
            assert "trading-app doctor" in advice(subscriber.obstacle or Obstacle("none"))
            put_back(place, ROW + 1, stored)
            await becomes(lambda: subscriber.caught_up and applied.last == 3 * ROW)
            assert subscriber.obstacle is None

    run(test())


def test_a_submission_that_needs_the_row_fails_alone(place: Place, writer: DurableLog) -> None:
    flip_a_bit(place, ROW + 1)
    known, new = event(f"event-{ROW + 5}"), event("new")
    outcomes = writer.append(
        [
            Submission([new, known]),
            Submission([event("event-5")]),
            Submission([event("apart"), known], independent=True),
            Submission([event("r1")], RequestKey("r1", b"")),
            Submission([event("r0")], RequestKey("r0", b"")),
        ]
    )
    damaged, duplicate, apart, repeated, sound = outcomes
    assert isinstance(damaged, DamagedHistory)
    assert (damaged.first, damaged.last) == (ROW + 1, 2 * ROW)
    assert duplicate == Receipt(6, 6, 0, 1)
    assert isinstance(apart, PerEvent)
    assert isinstance(apart.outcomes[0], Receipt)
    assert isinstance(apart.outcomes[1], DamagedHistory)
    assert isinstance(repeated, DamagedHistory)
    assert isinstance(sound, Receipt)
    assert sound.repeated
    assert writer.head() == 3 * ROW + 1, "only what stands apart was written"


def flip_a_bit_of_the_digests(place: Place, first: int, at: int) -> None:
    """Change one bit of the key digest of the event with index `at` of the stored row that begins there."""
    with closing(apsw.Connection(str(place.folder / JOURNAL_FILE))) as connection:
        changed = bytearray(connection.execute("SELECT keys FROM batch WHERE first = ?", (first,)).get)
        changed[at * DIGEST_BYTES] ^= 1
        connection.execute("UPDATE batch SET keys = ? WHERE first = ?", (bytes(changed), first))


def test_an_event_whose_key_digest_is_damaged_is_not_taken_again(place: Place, writer: DurableLog) -> None:
    flip_a_bit_of_the_digests(place, ROW + 1, 4)
    outcomes = writer.append([Submission([event(f"event-{ROW + 4}")]), Submission([event("event-5")])])
    assert isinstance(outcomes[0], DamagedHistory), "the trade would count twice"
    assert outcomes[1] == Receipt(6, 6, 0, 1)
    assert writer.head() == 3 * ROW


def test_digests_that_were_altered_are_named_when_the_index_is_made(place: Place, writer: DurableLog) -> None:
    writer.close()
    flip_a_bit_of_the_digests(place, ROW + 1, 4)
    with capture_logs() as logs, closing(place.open()) as opened:
        assert opened.head() == 3 * ROW
    [found] = [entry for entry in logs if entry["log_level"] == "error"]
    assert (found["first"], found["last"]) == (ROW + 1, 2 * ROW)


def test_a_named_request_that_comes_twice_and_needs_the_row_fails_alone(place: Place, writer: DurableLog) -> None:
    """A digit is changed, so that the row can be decompressed but is not what was committed."""
    writer.append([Submission([event("small")])])
    with closing(apsw.Connection(str(place.folder / JOURNAL_FILE))) as connection:
        digest = bytes(16)
        connection.execute("UPDATE batch SET hash = ? WHERE first = ?", (digest, 3 * ROW + 1))
    asked = Submission([event("small")], RequestKey("twice", b""))
    first, second, other = writer.append([asked, asked, Submission([event("new")])])
    assert isinstance(first, DamagedHistory)
    assert isinstance(second, DamagedHistory)
    assert isinstance(other, Receipt)


def test_an_event_is_not_compared_with_one_that_was_altered(place: Place, writer: DurableLog) -> None:
    """The event that was sent would be another one under its key, and one that was never sent would be known."""
    writer.append([Submission([event("small")])])
    with closing(apsw.Connection(str(place.folder / JOURNAL_FILE))) as connection:
        stored: bytes = connection.execute("SELECT events FROM batch WHERE first = ?", (3 * ROW + 1,)).get
        changed = stored.replace(b"this", b"that")
        connection.execute("UPDATE batch SET events = ? WHERE first = ?", (changed, 3 * ROW + 1))
    [outcome] = writer.append([Submission([event("small")])])
    assert isinstance(outcome, DamagedHistory)
