"""What every back end of the stream promises (`telemetry_stream.log`)."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import (
    NO_ORIGIN,
    Compared,
    Conflict,
    Delivery,
    Event,
    Label,
    Labelled,
    Origin,
    PerEvent,
    Receipt,
    RequestKey,
    Reset,
    Result,
    StreamPosition,
    Submission,
)
from telemetry_stream.log import StreamReader, StreamWriter
from telemetry_stream.wire import fingerprint, number
from tests.support.examples import some_of
from tests.telemetry_stream.backends import BACKENDS, Backend
from tests.telemetry_stream.streams import (
    Applied,
    Conflicting,
    all_events,
    becomes,
    event,
    following,
    numbered,
    run,
    submission,
)


def given_by(origin: Origin, *keys: str) -> Submission:
    """A submission of that origin."""
    return Submission([event(key) for key in keys], origin=origin)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    return BACKENDS[request.param](tmp_path)


@pytest.fixture
def writer(backend: Backend) -> Iterator[StreamWriter]:
    with closing(backend.open()) as writer:
        yield writer


@pytest.fixture
def reader(writer: StreamWriter, backend: Backend) -> Iterator[StreamReader]:
    assert writer.head() == 0
    with closing(backend.reader()) as reader:
        yield reader


# Origins.


def test_the_origin_of_each_event_is_kept_apart_from_it(writer: StreamWriter, reader: StreamReader) -> None:
    one, other = Origin("token 1", "api"), Origin("token 2", "page")
    writer.append([submission("a")])
    writer.append([given_by(one, "b", "c"), given_by(other, "d"), given_by(other, "e")])
    writer.append([given_by(one, "a", "f"), given_by(other, "f"), submission("g")])
    found = [reader.provenance(sequence) for sequence in range(9)]
    origins = [each.origin if each else None for each in found]
    assert origins == [None, NO_ORIGIN, one, one, other, other, one, NO_ORIGIN, None]
    times = [each.committed_at_ns for each in found if each]
    assert times == sorted(times)
    assert times[1:5] == times[1:2] * 4, "one commit"
    assert b"token" not in all_events(reader)


def test_the_origin_of_events_that_are_refused_is_not_kept(writer: StreamWriter, reader: StreamReader) -> None:
    one, other = Origin("token 1", "api"), Origin("token 2", "api")
    writer.append([given_by(one, "a")])
    refused = Submission([event("b"), event("a", "that")], origin=other)
    writer.append([refused, given_by(other, "a"), given_by(one, "c")])
    found = reader.provenance(2)
    assert found is not None
    assert found.origin == one


# Appending.


def test_a_new_stream_is_empty_and_has_an_id(writer: StreamWriter, reader: StreamReader) -> None:
    assert writer.head() == reader.head() == 0
    assert writer.stream
    assert writer.stream == reader.stream
    assert reader.read(0, 10).count == 0


def test_sequences_run_from_1_through_all_submissions(writer: StreamWriter, reader: StreamReader) -> None:
    assert writer.append([submission("a"), submission("b", "c")]) == [Receipt(1, 1, 1, 0), Receipt(2, 3, 2, 0)]
    assert writer.append([submission("d")]) == [Receipt(4, 4, 1, 0)]
    assert writer.head() == reader.head() == 4
    assert all_events(reader) == (
        b'{"seq":1,"id":"a","says":"this"},{"seq":2,"id":"b","says":"this"},'
        b'{"seq":3,"id":"c","says":"this"},{"seq":4,"id":"d","says":"this"}'
    )


def test_appending_nothing_changes_nothing(writer: StreamWriter) -> None:
    assert writer.append([]) == []
    assert writer.head() == 0


def test_an_event_that_is_there_is_a_duplicate_with_its_first_sequence(
    writer: StreamWriter, reader: StreamReader
) -> None:
    writer.append([submission("a", "b")])
    assert writer.append([submission("b")]) == [Receipt(2, 2, 0, 1)]
    assert writer.append([submission("a", "c", "b")]) == [Receipt(1, 3, 1, 2)]
    assert writer.head() == reader.head() == 3


def test_an_event_twice_in_one_submission_is_written_once(writer: StreamWriter) -> None:
    assert writer.append([submission("a", "b", "a")]) == [Receipt(1, 2, 2, 1)]
    assert writer.head() == 2


def test_an_event_twice_in_one_commit_is_written_once(writer: StreamWriter) -> None:
    outcomes = writer.append([submission("a", "b"), submission("b", "c"), submission("a")])
    assert outcomes == [Receipt(1, 2, 2, 0), Receipt(2, 3, 1, 1), Receipt(1, 1, 0, 1)]
    assert writer.head() == 3


def test_a_submission_in_conflict_writes_nothing_and_names_each_place(
    writer: StreamWriter, reader: StreamReader
) -> None:
    writer.append([submission("a", "b")])
    outcomes = writer.append([Submission([event("c"), event("a", "that"), event("d"), event("b", "that")])])
    assert outcomes == [Conflicting({1: 1, 3: 2})]
    assert writer.head() == reader.head() == 2
    assert writer.append([submission("d", "c")]) == [Receipt(3, 4, 2, 0)]


def test_a_conflict_shows_what_is_stored_of_the_first_hundred(writer: StreamWriter) -> None:
    writer.append([numbered(range(150))])
    [result] = writer.append([Submission([event(f"event-{name}", "that") for name in range(150)])])
    assert isinstance(result, Conflict)
    assert [earlier.sequence for earlier in result.earlier] == list(range(1, 151))
    assert result.earlier[0].event == b'{"seq":1,"id":"event-0","says":"this"}'
    assert [bool(earlier.event) for earlier in result.earlier] == [True] * 100 + [False] * 50


def test_a_conflict_leaves_the_other_submissions_of_its_commit_alone(writer: StreamWriter) -> None:
    outcomes = writer.append([submission("a"), submission("b", "a", says="that"), submission("b")])
    assert outcomes == [Receipt(1, 1, 1, 0), Conflicting({1: 1}), Receipt(2, 2, 1, 0)]


def test_a_submission_may_contradict_itself(writer: StreamWriter) -> None:
    assert writer.append([Submission([event("a"), event("a", "that")])]) == [Conflicting({1: 0})]
    assert writer.head() == 0


def test_a_submission_has_at_least_one_event() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Submission([])


def test_conflicts_leave_no_hole(writer: StreamWriter, reader: StreamReader) -> None:
    for name in range(5):
        writer.append([submission(f"new-{name}"), submission("new-0", f"lost-{name}", says="that")])
    assert writer.head() == 5
    assert [reader.read(after, 1).first for after in range(5)] == [1, 2, 3, 4, 5]
    assert b"lost" not in all_events(reader)


def each_of(result: Result, count: int) -> list[Receipt | Conflict | DamagedHistory]:
    """What became of each of so many events that are apart."""
    if isinstance(result, PerEvent):
        return list(result.outcomes)
    assert isinstance(result, Receipt)
    assert (result.accepted, result.duplicates, result.last) == (count, 0, result.first + count - 1)
    return [Receipt(sequence, sequence, 1, 0) for sequence in range(result.first, result.last + 1)]


def test_events_apart_that_are_new_are_numbered_in_order(writer: StreamWriter, reader: StreamReader) -> None:
    together = Submission(submission("b", "c").events, independent=True)
    first, second, third = writer.append([submission("a"), together, submission("d")])
    assert (first, third) == (Receipt(1, 1, 1, 0), Receipt(4, 4, 1, 0))
    assert each_of(second, 2) == [Receipt(2, 2, 1, 0), Receipt(3, 3, 1, 0)]
    assert all_events(reader).count(b'"id"') == 4


def test_of_events_apart_each_is_taken_or_not_by_itself(writer: StreamWriter, reader: StreamReader) -> None:
    writer.append([submission("a")])
    events = [event("b"), event("a"), event("a", "that"), event("b"), event("c"), event("b", "that")]
    [result] = writer.append([Submission(events, independent=True)])
    assert each_of(result, 6) == [
        Receipt(2, 2, 1, 0),
        Receipt(1, 1, 0, 1),
        Conflicting({0: 1}),
        Receipt(2, 2, 0, 1),
        Receipt(3, 3, 1, 0),
        Conflicting({0: 2}),
    ]
    assert writer.head() == 3
    assert b"that" not in all_events(reader)


def test_events_apart_and_submissions_of_their_commit_know_of_each_other(writer: StreamWriter) -> None:
    independent = Submission([event("a"), event("b"), event("c", "that")], independent=True)
    before, together, after = writer.append([submission("a"), independent, submission("b", "c")])
    assert before == Receipt(1, 1, 1, 0)
    assert each_of(together, 3) == [Receipt(1, 1, 0, 1), Receipt(2, 2, 1, 0), Receipt(3, 3, 1, 0)]
    assert after == Conflicting({1: 3})
    assert writer.head() == 3


_events = st.builds(event, st.sampled_from("abcdef"), st.sampled_from(["this", "that"]))


@pytest.mark.parametrize("name", BACKENDS)
@given(groups=st.lists(st.lists(_events, min_size=1, max_size=6), max_size=5))
@settings(max_examples=some_of(30))
def test_events_apart_become_what_they_become_one_by_one(name: str, groups: list[list[Event]]) -> None:
    singly = BACKENDS["memory"](Path()).open()
    with TemporaryDirectory() as folder, closing(BACKENDS[name](Path(folder)).open()) as together:
        for group in groups:
            [result] = together.append([Submission(group, independent=True)])
            assert each_of(result, len(group)) == singly.append([Submission([one]) for one in group])


def test_a_request_key_gives_the_first_answer_again(writer: StreamWriter) -> None:
    asked = Submission(submission("a", "b").events, RequestKey("request", b"digest"))
    assert writer.append([asked]) == [Receipt(1, 2, 2, 0)]
    [again] = writer.append([asked])
    assert isinstance(again, Receipt)
    assert (again.first, again.last, again.accepted, again.duplicates, again.repeated) == (1, 2, 0, 2, True)
    assert again.first_event == b'{"seq":1,"id":"a","says":"this"}'
    assert writer.head() == 2


def test_a_request_key_repeated_in_one_commit_counts_once(writer: StreamWriter) -> None:
    asked = Submission(submission("a").events, RequestKey("request", b"digest"))
    first, second = writer.append([asked, asked])
    assert first == Receipt(1, 1, 1, 0)
    assert isinstance(second, Receipt)
    assert second.repeated
    assert writer.head() == 1


def test_a_request_key_for_something_else_is_a_conflict_of_the_whole(writer: StreamWriter) -> None:
    writer.append([Submission(submission("a").events, RequestKey("request", b"digest"))])
    other = Submission(submission("b").events, RequestKey("request", b"another"))
    assert writer.append([other]) == [Conflict(())]
    assert writer.head() == 1


def test_the_key_of_a_request_in_conflict_stays_free(writer: StreamWriter) -> None:
    writer.append([submission("a")])
    refused = Submission([event("a", "that")], RequestKey("request", b"digest"))
    assert writer.append([refused]) == [Conflicting({0: 1})]
    corrected = Submission([event("b")], RequestKey("request", b"another"))
    assert writer.append([corrected]) == [Receipt(2, 2, 1, 0)]


def test_events_that_are_only_compared_are_not_written(writer: StreamWriter, reader: StreamReader) -> None:
    writer.append([submission("a", "b")])
    asked = Submission([event("c"), event("b"), event("a", "that"), event("c")], only_compare=True)
    compared, receipt = writer.append([asked, submission("d")])
    assert compared == Compared({1: 2, 2: -1}, {2: number(event("a").payload, 1)})
    assert receipt == Receipt(3, 3, 1, 0)
    assert writer.append([Submission([event("e")], only_compare=True)]) == [Compared({}, {})]
    assert writer.head() == reader.head() == 3


def test_everything_holds_across_a_restart(backend: Backend) -> None:
    asked = Submission(submission("a", "b").events, RequestKey("request", b"digest"))
    with closing(backend.open()) as writer:
        stream = writer.stream
        writer.append([asked])
    with closing(backend.open()) as writer:
        assert (writer.stream, writer.head()) == (stream, 2)
        assert writer.append([submission("b"), submission("b", says="that")]) == [
            Receipt(2, 2, 0, 1),
            Conflicting({0: 2}),
        ]
        [again] = writer.append([asked])
        assert isinstance(again, Receipt)
        assert again.repeated
        assert writer.append([Submission([event("c")], RequestKey("request", b"another"))]) == [Conflict(())]
        assert writer.append([submission("c")]) == [Receipt(3, 3, 1, 0)]


def test_tidying_up_changes_nothing_that_is_seen(writer: StreamWriter, reader: StreamReader) -> None:
    writer.checkpoint_if_due()
    writer.append([numbered(range(1_000))])
    before = all_events(reader)
    for _ in range(2):
        writer.checkpoint_if_due()
    assert (writer.head(), all_events(reader)) == (1_000, before)
    assert writer.append([numbered(range(999, 1_001))]) == [Receipt(1_000, 1_001, 1, 1)]


def test_closing_twice_is_closing_once(backend: Backend) -> None:
    writer = backend.open()
    reader = backend.reader()
    for _ in range(2):
        reader.close()
        writer.close()


class Noted(Event):
    """An event with a label."""

    __slots__ = ("label",)

    def __init__(self, key: str, label: Label) -> None:
        super().__init__(key, event(key).payload)
        self.label = label


def test_labelled_events_are_found_by_kind_id_and_target(backend: Backend) -> None:
    void, note, last = Label("void", "v", 1), Label("note", "n", 1), Label("note", "v")
    with closing(backend.open()) as writer:
        writer.append([submission("a"), Submission([event("b"), Noted("c", void)]), Submission([Noted("d", note)])])
        writer.append([Submission([event("a"), Noted("d", note)]), submission(*map(str, range(60)))])
        outcome = writer.append([Submission([event("new"), event("a", says="other"), Noted("e", last)])])
        assert outcome == [Conflicting({1: 1})]
        writer.append([Submission([Noted("f", last)], RequestKey("key", b"digest"))])
    with closing(backend.open()), closing(backend.reader()) as reader:
        everything = [Labelled(3, void), Labelled(4, note), Labelled(65, last)]
        assert reader.labelled(limit=10) == everything
        assert reader.labelled(after=3, limit=1) == everything[1:2]
        assert reader.labelled(kind="note", limit=10) == everything[1:]
        assert reader.labelled(id="v", limit=10) == [everything[0], everything[2]]
        assert reader.labelled(target=1, limit=10) == everything[:2]
        assert reader.labelled(kind="note", target=1, after=3, limit=10) == everything[1:2]
        assert reader.labelled(kind="void", id="v", target=2, limit=10) == []


# Reading.


def test_a_page_holds_what_follows_and_no_more_than_asked(writer: StreamWriter, reader: StreamReader) -> None:
    for start in (0, 3, 4):
        writer.append([numbered(range(start, start + 3))])
    assert writer.head() == 7
    everything = all_events(reader)
    assert reader.read(0, 100).events == everything
    page = reader.read(2, 3)
    assert (page.stream, page.first, page.last, page.count) == (writer.stream, 3, 5, 3)
    assert page.events in everything
    assert page.events.startswith(b'{"seq":3,')


@pytest.mark.parametrize("after", [2, 3, 1_000_000])
def test_a_page_after_the_end_is_empty(writer: StreamWriter, reader: StreamReader, after: int) -> None:
    writer.append([submission("a", "b")])
    page = reader.read(after, 10)
    assert (page.first, page.last, page.count, page.events) == (after + 1, after, 0, b"")


def test_a_reader_sees_what_was_appended_after_it_was_opened(writer: StreamWriter, reader: StreamReader) -> None:
    assert reader.head() == 0
    writer.append([submission("a")])
    assert reader.head() == 1
    assert reader.read(0, 10).count == 1


# Following.


async def follow_to_the_end(
    backend: Backend, reader: StreamReader, position: StreamPosition | None = None, applied: Applied | None = None
) -> tuple[Applied, StreamPosition]:
    """Follow until caught up; what was applied is what the stream has."""
    subscriber = backend.subscriber(position)
    async with following(subscriber, applied) as applied:
        await becomes(lambda: subscriber.caught_up and applied.last == reader.head())
        assert applied.events == all_events(reader)
        assert subscriber.head == reader.head()
        return applied, subscriber.position


def test_a_subscriber_from_nothing_gets_everything(
    backend: Backend, writer: StreamWriter, reader: StreamReader
) -> None:
    writer.append([numbered(range(10)), numbered(range(10, 2_500))])
    applied, position = run(follow_to_the_end(backend, reader))
    assert applied.resets == [writer.stream]
    check = fingerprint(reader.read(2_499, 1).events)
    assert position == StreamPosition(writer.stream, 2_500, check, reader.hash_at(2_500) or "")


def test_a_subscriber_of_an_empty_stream_is_caught_up_and_gets_the_first_event(
    backend: Backend, writer: StreamWriter, reader: StreamReader
) -> None:
    async def test() -> None:
        subscriber = backend.subscriber()
        assert not subscriber.caught_up
        assert subscriber.head is None
        async with following(subscriber) as applied:
            await becomes(lambda: subscriber.caught_up)
            assert subscriber.position == StreamPosition(writer.stream)
            writer.append([submission("a")])
            writer.heartbeat()
            await becomes(lambda: applied.events == all_events(reader))

    run(test())


def test_a_subscriber_gets_what_is_appended_while_it_follows(
    backend: Backend, writer: StreamWriter, reader: StreamReader
) -> None:
    async def test() -> None:
        subscriber = backend.subscriber()
        async with following(subscriber) as applied:
            for start in range(0, 100, 7):
                writer.append([numbered(range(start, start + 10)), submission("event-0")])
                await becomes(lambda: applied.last == writer.head(), meanwhile=writer.heartbeat)
            assert applied.events == all_events(reader)
            assert subscriber.caught_up
            assert subscriber.head == writer.head()

    run(test())


@pytest.mark.parametrize("known", [0, 1, 3, 5])
def test_a_subscriber_from_a_position_gets_the_rest_without_a_reset(
    backend: Backend, writer: StreamWriter, reader: StreamReader, known: int
) -> None:
    writer.append([numbered(range(2)), numbered(range(2, 5))])
    before = reader.read(0, known).events if known else b""
    check = fingerprint(reader.read(known - 1, 1).events) if known else ""
    position = StreamPosition(writer.stream, known, check)
    applied, _ = run(follow_to_the_end(backend, reader, position, Applied(known, before)))
    assert applied.resets == []


def test_a_position_without_a_check_is_taken_at_its_word(
    backend: Backend, writer: StreamWriter, reader: StreamReader
) -> None:
    writer.append([numbered(range(5))])
    position = StreamPosition(writer.stream, 2)
    applied, _ = run(follow_to_the_end(backend, reader, position, Applied(2, reader.read(0, 2).events)))
    assert applied.resets == []


@pytest.mark.parametrize("known", [0, 1, 3, 900])
def test_a_subscriber_of_another_stream_starts_over(
    backend: Backend, writer: StreamWriter, reader: StreamReader, known: int
) -> None:
    writer.append([numbered(range(3))])
    position = StreamPosition("c0ffee00-0000-4000-8000-000000000000", known, "check")
    applied, _ = run(follow_to_the_end(backend, reader, position, Applied(known, b"what it knew")))
    assert applied.resets == [writer.stream]


@pytest.mark.parametrize("new_events", [0, 2, 3, 10], ids=lambda count: f"{count} new events")
def test_a_subscriber_of_a_stream_restored_from_an_older_copy_starts_over(backend: Backend, new_events: int) -> None:
    with closing(backend.open()) as writer:
        writer.append([numbered(range(4))])
    restore = backend.keep_copy()
    with closing(backend.open()) as writer, closing(backend.reader()) as reader:
        writer.append([numbered(range(4, 7))])
        known, position = run(follow_to_the_end(backend, reader))
        assert (position.stream, position.sequence) == (writer.stream, 7)
    restore()
    with closing(backend.open()) as writer, closing(backend.reader()) as reader:
        assert (writer.stream, writer.head()) == (position.stream, 4)
        if new_events:
            writer.append([submission(*(f"other-{name}" for name in range(new_events)))])
        applied, _ = run(follow_to_the_end(backend, reader, position, Applied(7, known.events)))
        assert applied.resets == [writer.stream]


def test_a_subscriber_from_before_the_copy_goes_on_without_a_reset(backend: Backend) -> None:
    with closing(backend.open()) as writer, closing(backend.reader()) as reader:
        writer.append([numbered(range(4))])
        known, position = run(follow_to_the_end(backend, reader))
    restore = backend.keep_copy()
    with closing(backend.open()) as writer:
        writer.append([numbered(range(4, 7))])
    restore()
    with closing(backend.open()) as writer, closing(backend.reader()) as reader:
        writer.append([submission("other")])
        applied, _ = run(follow_to_the_end(backend, reader, position, Applied(4, known.events)))
        assert applied.resets == []


def test_a_new_stream_in_the_same_place_has_another_id(backend: Backend) -> None:
    with closing(backend.open()) as writer:
        first = writer.stream
    backend.forget()
    with closing(backend.open()) as writer:
        assert writer.stream != first
        assert writer.append([submission("a")]) == [Receipt(1, 1, 1, 0)]


def test_a_lost_last_message_is_noticed_by_the_heartbeat(
    backend: Backend, writer: StreamWriter, reader: StreamReader
) -> None:
    async def test() -> None:
        subscriber = backend.subscriber()
        async with following(subscriber) as applied:
            writer.append([submission("a")])
            await becomes(lambda: applied.last == 1 and subscriber.caught_up, meanwhile=writer.heartbeat)
            with backend.messages_lost():
                writer.append([submission("b", "c")])
            assert applied.last == 1
            await becomes(lambda: applied.last == 3, meanwhile=writer.heartbeat)
            assert applied.events == all_events(reader)

    run(test())


def test_several_subscribers_each_get_everything(backend: Backend, writer: StreamWriter, reader: StreamReader) -> None:
    async def test() -> None:
        first = backend.subscriber()
        async with following(first) as applied_first:
            writer.append([numbered(range(5))])
            async with following(backend.subscriber(page_limit=2)) as applied_late:
                writer.append([numbered(range(5, 10))])
                await becomes(lambda: applied_first.last == applied_late.last == 10, meanwhile=writer.heartbeat)
            writer.append([submission("last")])
            await becomes(lambda: applied_first.last == 11, meanwhile=writer.heartbeat)
            assert applied_first.events == all_events(reader)
            assert applied_late.events == reader.read(0, 10).events

    run(test())


def test_closing_a_subscriber_ends_its_iteration(backend: Backend, writer: StreamWriter) -> None:
    async def test() -> list[Delivery]:
        subscriber = backend.subscriber()

        async def deliveries() -> list[Delivery]:
            return [delivery async for delivery in subscriber.deliveries()]

        iteration = asyncio.create_task(deliveries())
        await becomes(lambda: subscriber.caught_up)
        subscriber.close()
        subscriber.close()
        return await iteration

    assert run(test()) == [Reset(writer.stream)]
