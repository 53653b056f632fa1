"""What a reader does with each message, one transition at a time."""

from collections.abc import Sequence

import pytest

from telemetry_stream.chain import extend
from telemetry_stream.errors import MalformedFrame
from telemetry_stream.events import Arrival, Batch, Commit, Delivery, Reset, StreamPosition
from telemetry_stream.follower import Follower
from telemetry_stream.wire import Header, ReplayRequest, fingerprint

PAGE = 100


def journaled(sequence: int, says: str = "this") -> bytes:
    return b'{"seq":%d,"says":"%s"}' % (sequence, says.encode())


def check(sequence: int, says: str = "this") -> str:
    return fingerprint(journaled(sequence, says))


def a_batch(first: int, last: int, stream: str = "one", says: str = "this") -> tuple[Header, Batch]:
    events = b",".join(journaled(sequence, says) for sequence in range(first, last + 1))
    return Header(1, stream, first, last, 5), Batch(stream, first, last, events, 5)


def a_heartbeat(head: int, stream: str = "one") -> tuple[Header, None]:
    return Header(1, stream, head + 1, head, 5), None


def an_answer(first: int, last: int, head: int, stream: str = "one", says: str = "this") -> tuple[Header, Batch]:
    return Header(1, stream, first, last, 5, head), a_batch(first, last, stream, says)[1]


def caught_up_at(sequence: int) -> Follower:
    """A follower of stream one that has everything up to `sequence`."""
    follower = Follower(StreamPosition("one", sequence, check(sequence) if sequence else ""), PAGE)
    first = max(sequence, 1)
    assert follower.replayed(*an_answer(first, sequence, sequence)) is None
    assert follower.caught_up
    return follower


def a_row(first: int, last: int, before: bytes, says: str = "this") -> tuple[Header, Batch]:
    """A live batch of one stored row, with the hash that follows from the one `before` it."""
    events = b",".join(journaled(sequence, says) for sequence in range(first, last + 1))
    commits = (Commit(last, 5, extend(before, events).hex()),)
    return Header(1, "one", first, last, 5, commits=commits), Batch("one", first, last, events, 5, commits)


def hash_of(row: tuple[Header, Batch]) -> bytes:
    return bytes.fromhex(row[0].commits[-1].hash)


def caught_up_after(row: tuple[Header, Batch]) -> Follower:
    """A follower of a stream with hashes that has everything up to the end of this row."""
    sequence = row[0].last
    follower = Follower(StreamPosition("one", sequence, check(sequence), hash_of(row).hex()), PAGE)
    header = Header(1, "one", sequence + 1, sequence, 5, head=sequence, oldest=1)
    assert follower.replayed(header, Batch("one", sequence + 1, sequence, b"")) is None
    assert follower.caught_up
    return follower


def sequences(delivery: Delivery | None) -> Sequence[int]:
    """The sequences of an arrival that are new."""
    assert isinstance(delivery, Arrival)
    return range(delivery.batch.first + delivery.skip, delivery.batch.last + 1)


@pytest.mark.parametrize(
    ("position", "request_"),
    [
        (StreamPosition(), ReplayRequest(1, 0, PAGE)),
        (StreamPosition("one"), ReplayRequest(1, 0, PAGE, "one")),
        (StreamPosition("one", 1, "c"), ReplayRequest(1, 0, PAGE + 1, "one")),
        (StreamPosition("one", 7, "c"), ReplayRequest(1, 6, PAGE + 1, "one")),
    ],
)
def test_it_begins_by_asking_what_it_lacks_and_for_the_last_event_it_has(
    position: StreamPosition, request_: ReplayRequest
) -> None:
    follower = Follower(position, PAGE)
    assert follower.request == request_
    assert follower.position == position
    assert follower.head is None
    assert not follower.caught_up


def test_without_a_position_the_first_answer_names_the_stream_and_the_next_begins_it() -> None:
    follower = Follower(StreamPosition(), PAGE)
    assert follower.replayed(*an_answer(1, 2, 2)) == Reset("one")
    assert follower.position == StreamPosition("one")
    assert follower.request == ReplayRequest(1, 0, PAGE, "one")
    assert not follower.caught_up
    delivery = follower.replayed(*an_answer(1, 2, 2))
    assert delivery == Arrival(a_batch(1, 2)[1], 0, replayed=True)
    assert follower.position == StreamPosition("one", 2, check(2))
    assert follower.caught_up


def test_an_empty_stream_is_caught_up_with_at_once() -> None:
    follower = Follower(StreamPosition("one"), PAGE)
    assert follower.replayed(*an_answer(1, 0, 0)) is None
    assert follower.request is None
    assert follower.caught_up
    assert follower.head == 0


def test_a_position_that_joins_on_goes_on_without_a_reset() -> None:
    follower = Follower(StreamPosition("one", 3, check(3)), PAGE)
    assert sequences(follower.replayed(*an_answer(3, 5, 5))) == range(4, 6)
    assert follower.caught_up


def test_a_position_without_a_check_is_taken_at_its_word() -> None:
    follower = Follower(StreamPosition("one", 3), PAGE)
    assert sequences(follower.replayed(*an_answer(3, 5, 5))) == range(4, 6)


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(7, 6, 9, stream="another"),
        an_answer(7, 6, 6),
        an_answer(7, 6, 0),
        an_answer(7, 9, 9, says="that"),
    ],
    ids=["another stream", "shorter by one", "empty", "last event differs"],
)
def test_a_position_that_does_not_join_on_starts_over(answer: tuple[Header, Batch]) -> None:
    follower = Follower(StreamPosition("one", 7, check(7)), PAGE)
    reset = follower.replayed(*answer)
    assert isinstance(reset, Reset)
    assert reset.stream == answer[0].stream
    assert reset.reason
    assert follower.position == StreamPosition(answer[0].stream)
    assert follower.request == ReplayRequest(1, 0, PAGE, answer[0].stream)
    assert follower.head is None
    assert not follower.caught_up


def test_a_catch_up_goes_on_page_by_page_and_each_page_begins_with_what_it_has() -> None:
    follower = Follower(StreamPosition("one"), page_limit=2)
    assert sequences(follower.replayed(*an_answer(1, 2, 5))) == range(1, 3)
    assert follower.request == ReplayRequest(1, 1, 3, "one")
    assert sequences(follower.replayed(*an_answer(2, 4, 6))) == range(3, 5)
    assert sequences(follower.replayed(*an_answer(4, 6, 6))) == range(5, 7)
    assert follower.request is None
    assert follower.counters.catchups == 1


def test_one_that_wants_what_is_recent_leaves_out_the_rest_and_joins_on() -> None:
    follower = Follower(StreamPosition(), page_limit=4, recent=3)
    assert follower.replayed(*an_answer(1, 4, 9)) == Reset("one")
    assert follower.replayed(*an_answer(1, 4, 9)) is None
    assert follower.request == ReplayRequest(1, 5, 5, "one")
    assert not follower.caught_up
    assert sequences(follower.replayed(*an_answer(6, 9, 9))) == range(7, 10)
    assert follower.caught_up
    assert sequences(follower.live(*a_batch(10, 11))) == range(10, 12)
    follower.start_catch_up()
    assert sequences(follower.replayed(*an_answer(11, 14, 14))) == range(12, 15), "three events are recent"
    follower.start_catch_up()
    assert follower.replayed(*an_answer(14, 17, 20)) is None, "six are not"
    assert sequences(follower.replayed(*an_answer(17, 20, 20))) == range(18, 21)


def test_what_retention_has_removed_is_not_asked_for_by_one_that_wants_what_is_recent() -> None:
    follower = Follower(StreamPosition("one"), page_limit=4, recent=5)
    header, batch = an_answer(6, 9, 10)
    oldest = Header(1, "one", header.first, header.last, 5, 10, 6)
    assert sequences(follower.replayed(oldest, batch)) == range(6, 10)


def test_a_journal_exchanged_between_two_pages_is_noticed() -> None:
    follower = Follower(StreamPosition("one"), page_limit=2)
    follower.replayed(*an_answer(1, 2, 5))
    assert isinstance(follower.replayed(*an_answer(2, 4, 5, says="that")), Reset)


def test_the_head_of_a_journal_that_went_back_is_believed() -> None:
    follower = caught_up_at(3)
    assert follower.live(*a_heartbeat(9)) is None
    assert follower.head == 9
    assert sequences(follower.replayed(*an_answer(3, 5, 5))) == range(4, 6)
    assert follower.head == 5
    assert follower.caught_up


def test_the_next_live_batch_is_delivered_as_it_came() -> None:
    follower = caught_up_at(3)
    header, batch = a_batch(4, 6)
    assert follower.live(header, batch) == Arrival(batch, 0, replayed=False)
    assert follower.position == StreamPosition("one", 6, check(6))
    assert follower.head == 6
    assert follower.caught_up
    assert follower.counters.duplicates == 0


def test_the_first_event_of_all_is_taken_live() -> None:
    follower = caught_up_at(0)
    assert sequences(follower.live(*a_batch(1, 1))) == range(1, 2)


@pytest.mark.parametrize(("first", "last", "duplicates"), [(1, 1, 1), (1, 3, 3), (3, 3, 1)])
def test_a_batch_that_is_there_already_is_counted_and_dropped(first: int, last: int, duplicates: int) -> None:
    follower = caught_up_at(3)
    assert follower.live(*a_batch(first, last)) is None
    assert follower.counters.duplicates == duplicates
    assert follower.counters.gaps == 0
    assert follower.position.sequence == 3
    assert follower.request is None


def test_a_batch_that_overlaps_is_delivered_with_the_number_to_skip() -> None:
    follower = caught_up_at(3)
    header, batch = a_batch(2, 5)
    assert follower.live(header, batch) == Arrival(batch, 2, replayed=False)
    assert follower.counters.duplicates == 2
    assert follower.position == StreamPosition("one", 5, check(5))


@pytest.mark.parametrize("message", [a_batch(5, 6), a_heartbeat(4), a_heartbeat(400)])
def test_a_jump_is_a_gap_and_starts_a_catch_up(message: tuple[Header, Batch | None]) -> None:
    follower = caught_up_at(3)
    assert follower.live(*message) is None
    assert follower.head == message[0].last
    assert not follower.caught_up
    assert (follower.counters.gaps, follower.counters.catchups) == (1, 2)
    assert follower.request == ReplayRequest(1, 2, PAGE + 1, "one")


def test_a_heartbeat_at_the_applied_sequence_changes_nothing() -> None:
    follower = caught_up_at(3)
    assert follower.live(*a_heartbeat(3)) is None
    assert follower.caught_up
    assert follower.request is None


def test_a_heartbeat_from_before_a_replay_changes_nothing() -> None:
    follower = caught_up_at(3)
    assert follower.live(*a_heartbeat(1)) is None
    assert follower.head == 3
    assert follower.caught_up


@pytest.mark.parametrize("message", [a_batch(4, 5, stream="another"), a_heartbeat(3, stream="another")])
def test_only_the_replay_socket_says_that_a_stream_is_new(message: tuple[Header, Batch | None]) -> None:
    follower = caught_up_at(3)
    assert follower.live(*message) is None
    assert follower.position.stream == "one"
    assert follower.head == 3
    assert follower.request == ReplayRequest(1, 2, PAGE + 1, "one")


def test_a_live_message_during_a_catch_up_is_left_to_the_replay() -> None:
    follower = Follower(StreamPosition("one", 3, check(3)), PAGE)
    assert follower.live(*a_batch(4, 5)) is None
    assert follower.position.sequence == 3
    assert sequences(follower.replayed(*an_answer(3, 5, 5))) == range(4, 6)


def test_a_catch_up_that_is_under_way_is_counted_once() -> None:
    follower = caught_up_at(3)
    follower.start_catch_up()
    follower.start_catch_up()
    assert follower.counters.catchups == 2


@pytest.mark.parametrize(
    "answer",
    [
        a_batch(3, 5),
        a_heartbeat(5),
        an_answer(1, 5, 5),
        an_answer(4, 5, 5),
        an_answer(9, 9, 9),
        an_answer(3, 3, 4),
        an_answer(3, 3, 10**18),
    ],
    ids=["no head", "heartbeat", "begins before", "begins after", "far off", "nothing new", "head out of reach"],
)
def test_an_answer_to_something_else_is_refused_and_asked_again(answer: tuple[Header, Batch | None]) -> None:
    follower = Follower(StreamPosition("one", 3, check(3)), PAGE)
    with pytest.raises(MalformedFrame) as refused:
        follower.replayed(*answer)
    assert refused.value.reason == "malformed_reply"
    assert follower.request == ReplayRequest(1, 2, PAGE + 1, "one")
    assert follower.position == StreamPosition("one", 3, check(3))


def test_an_answer_whose_body_lacks_events_is_refused() -> None:
    follower = Follower(StreamPosition("one", 3, check(3)), PAGE)
    header, _ = an_answer(3, 5, 5)
    hollow = Batch("one", 3, 5, journaled(3) + b"," + journaled(5))
    with pytest.raises(MalformedFrame) as refused:
        follower.replayed(header, hollow)
    assert refused.value.reason == "malformed_body"
    assert follower.position == StreamPosition("one", 3, check(3))


def test_a_row_again_is_a_duplicate_and_another_row_in_its_place_another_history() -> None:
    before = bytes(range(16))
    follower = caught_up_after(a_row(4, 6, before))
    assert follower.live(*a_row(4, 6, before)) is None
    assert follower.caught_up
    assert follower.live(*a_row(4, 6, before, says="that")) is None
    assert follower.request == ReplayRequest(1, 6, PAGE, "one", hash=hash_of(a_row(4, 6, before)).hex())


def test_a_journal_that_ends_before_what_is_applied_is_an_older_copy_whether_it_says_so_or_not() -> None:
    follower = caught_up_after(a_row(4, 6, bytes(16)))
    follower.start_catch_up()
    header = Header(1, "one", 7, 6, 5, head=5, oldest=1)
    reset = follower.replayed(header, Batch("one", 7, 6, b""))
    assert isinstance(reset, Reset)
    assert "older copy" in reset.reason
