"""The subscriber between real sockets: whatever the network does, every event once and in order."""

import asyncio
import itertools
import os
import random
import signal
import subprocess
import sys
from contextlib import ExitStack, closing

import pytest
import zmq

from telemetry_stream.events import Arrival, Batch, Event, StreamPosition, Submission
from telemetry_stream.stores.sqlite import pending_commit
from telemetry_stream.transports.zeromq.connection_guard import ConnectionGuard
from telemetry_stream.transports.zeromq.replay_server import ReplayServer
from telemetry_stream.transports.zeromq.subscriber import Subscriber
from telemetry_stream.wire import decode_request, encode_batch
from tests.support.ports import free_address
from tests.telemetry_stream.place import Place, proxied
from tests.telemetry_stream.streams import (
    TRADES,
    Applied,
    becomes,
    following,
    numbered,
    run,
    submission,
)

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("seed", range(4))
def test_messages_dropped_delayed_repeated_and_reordered_make_no_difference(place: Place, seed: int) -> None:
    async def test() -> None:
        chance = random.Random(seed)
        with closing(place.open()) as writer, proxied(place, seed) as proxy:
            proxy.mischief.set()
            subscriber = place.subscriber(live_address=proxy.address, page_limit=chance.choice([7, 1_000]))
            async with following(subscriber) as applied:
                await becomes(lambda: subscriber.caught_up)
                for start in range(0, 1_500, 10):
                    writer.append([numbered(range(start, start + chance.randint(1, 10)))])
                    if chance.random() < 0.2:
                        writer.heartbeat()
                    if chance.random() < 0.3:  # the reader is behind at times, and at times it is not
                        await becomes(lambda: applied.last == writer.head(), meanwhile=writer.heartbeat)
                proxy.mischief.clear()
                await becomes(lambda: applied.last == writer.head(), meanwhile=writer.heartbeat)
                assert applied.events == place.events()
                assert len(applied.resets) == 1
                assert {"drop", "delay", "repeat"} <= proxy.done.keys()
                assert subscriber.counters.gaps > 5
                assert subscriber.counters.duplicates > 5
                assert subscriber.counters.rejected == {}

    run(test())


def test_a_lost_last_message_is_healed_by_a_heartbeat_as_one_gap(place: Place) -> None:
    async def test() -> None:
        with closing(place.open()) as writer, proxied(place) as proxy:
            subscriber = place.subscriber(live_address=proxy.address)
            async with following(subscriber) as applied:
                writer.append([submission("a")])
                await becomes(lambda: proxy.done and subscriber.caught_up, meanwhile=writer.heartbeat)
                gaps = subscriber.counters.gaps
                proxy.silent.set()
                writer.append([submission("b")])
                await becomes(lambda: proxy.done.get("drop", 0) > 0)
                proxy.silent.clear()
                await becomes(lambda: applied.last == 2, meanwhile=writer.heartbeat)
                assert applied.events == place.events()
                assert subscriber.counters.gaps <= gaps + 1

    run(test())


def test_with_the_live_way_dead_silence_leads_to_a_catch_up(place: Place) -> None:
    async def test() -> None:
        with closing(place.open()) as writer, proxied(place) as proxy:
            proxy.silent.set()
            subscriber = place.subscriber(live_address=proxy.address)
            async with following(subscriber) as applied:
                await becomes(lambda: subscriber.caught_up)
                writer.append([numbered(range(50))])
                await becomes(lambda: applied.last == 50)
                writer.append([numbered(range(50, 60))])
                await becomes(lambda: applied.last == 60)
                assert applied.events == place.events()
                assert subscriber.counters.gaps == 0

    run(test())


def test_it_waits_for_a_publisher_that_is_not_there_yet(place: Place) -> None:
    async def test() -> None:
        subscriber = place.subscriber()
        async with following(subscriber) as applied:
            await asyncio.sleep(0.1)  # some of its tries fail
            assert not subscriber.caught_up
            assert subscriber.head is None
            with closing(place.open()) as writer:
                writer.append([numbered(range(5))])
                await becomes(lambda: applied.last == 5)
                assert subscriber.caught_up

    run(test())


@pytest.mark.usefixtures("patient")
def test_one_that_wants_what_is_recent_begins_near_the_head(place: Place) -> None:
    async def test() -> None:
        with closing(place.open()) as writer:
            for start in range(0, 50, 10):
                writer.append([numbered(range(start, start + 10))])
            subscriber = Subscriber(TRADES, place.live_address, place.replay_address, recent=15)
            async with following(subscriber, Applied(may_begin_late=True)) as applied:
                await becomes(lambda: subscriber.caught_up)
                writer.append([numbered(range(50, 60))])
                await becomes(lambda: applied.last == 60)
                assert applied.events.startswith(b'{"seq":36,')
                assert place.events().endswith(applied.events)
                assert subscriber.counters.catchups == 1

    run(test())


def test_with_the_replay_socket_down_it_waits_and_then_goes_on(place: Place) -> None:
    async def test() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        with closing(place.open()) as writer:
            late_address = free_address()
            subscriber = Subscriber(TRADES, place.live_address, late_address, None, 1_000, itertools.repeat(0.01))
            async with following(subscriber) as applied:
                writer.append([numbered(range(50))])
                await asyncio.sleep(0.1)  # some of its tries fail
                assert applied.last == 0, "without a replay nobody knows what came before"
                gatekeeper = ConnectionGuard(context, place.failures.append)
                server = ReplayServer(
                    context, late_address, gatekeeper, TRADES, writer.open_reader, place.failures.append
                )
                gatekeeper.start()
                with closing(server), closing(gatekeeper):
                    await becomes(lambda: subscriber.caught_up)
                    writer.append([numbered(range(50, 60))])
                    await becomes(lambda: applied.last == 60)
                assert applied.events == place.events()
        context.term()

    run(test())


def test_a_restarted_publisher_is_followed_without_a_reset(place: Place) -> None:
    async def test() -> None:
        subscriber = place.subscriber()
        async with following(subscriber) as applied:
            for start in range(0, 50, 10):
                with closing(place.open()) as writer:
                    writer.append([numbered(range(start, start + 5))])
                    writer.append([numbered(range(start + 5, start + 10))])
                    await becomes(lambda: applied.last == writer.head() and subscriber.caught_up)
            assert applied.events == place.events()
            assert len(applied.resets) == 1

    run(test())


def test_a_new_journal_in_the_place_of_the_old_starts_the_reader_over(place: Place) -> None:
    async def test() -> None:
        subscriber = place.subscriber()
        async with following(subscriber) as applied:
            with closing(place.open()) as writer:
                writer.append([numbered(range(5))])
                await becomes(lambda: applied.last == 5)
                streams = [writer.stream]
            place.folder.rename(place.folder.with_name("moved"))
            with closing(place.open()) as writer:
                writer.append([numbered(range(100, 107))])
                streams.append(writer.stream)
                await becomes(lambda: applied.last == 7)
            assert applied.resets == streams
            assert applied.events == place.events()

    run(test())


WRITER = """
import sys
from pathlib import Path
from telemetry_stream.durable_log import DurableLog
from tests.telemetry_stream.streams import open_stream
from tests.telemetry_stream.streams import TRADES, Applied, numbered

stream = open_stream(Path(sys.argv[1]), sys.argv[2], sys.argv[3], print)
while True:
    head = stream.head()
    stream.append([numbered(range(head, head + head % 5 + 1))])
    print(stream.head(), flush=True)
"""


def test_a_writer_killed_and_restarted_again_and_again_is_followed_exactly(place: Place) -> None:
    async def killed_after(commits: int) -> None:
        writer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WRITER, place.folder, place.live_address, place.replay_address),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert writer.stdout is not None
        for _ in range(commits):
            assert await writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        await writer.communicate()

    async def test() -> None:
        subscriber = place.subscriber()
        async with following(subscriber) as applied:
            for commits in (5, 50, 200):
                await killed_after(commits)
            with closing(place.open()) as writer:
                await becomes(lambda: applied.last == writer.head(), meanwhile=writer.heartbeat)
                assert applied.last > 255
            assert applied.events == place.events()
            assert len(applied.resets) == 1

    run(test())


def test_a_reader_restarted_from_its_position_gets_each_event_once(place: Place) -> None:
    async def test() -> None:
        applied = Applied()
        position = StreamPosition()
        with closing(place.open()) as writer:
            for start in range(0, 100, 10):
                writer.append([numbered(range(start, start + 10))])
                subscriber = place.subscriber(position)
                async with following(subscriber, applied):
                    await becomes(lambda: applied.last == writer.head())
                    position = subscriber.position
        assert applied.events == place.events()
        assert len(applied.resets) == 1

    run(test())


@pytest.mark.usefixtures("patient")
def test_ten_thousand_missing_events_are_fetched_by_the_page(place: Place) -> None:
    async def test() -> None:
        with closing(place.open()) as writer, proxied(place) as proxy:
            subscriber = place.subscriber(live_address=proxy.address)
            async with following(subscriber) as applied:
                await becomes(lambda: subscriber.caught_up)
                proxy.silent.set()
                for start in range(0, 10_000, 500):
                    writer.append([numbered(range(start, start + 500))])
                answered = writer.replay_counters.answers
                await becomes(lambda: proxy.done.get("drop", 0) >= 20)
                proxy.silent.clear()  # the next heartbeat names the last of them
                await becomes(lambda: applied.last == 10_000, meanwhile=writer.heartbeat)
                assert writer.replay_counters.answers - answered <= 12, "a page has a thousand events"
                assert applied.events == place.events()

    run(test())


@pytest.mark.parametrize("restarted", [False, True], ids=["publisher stays", "publisher restarts"])
def test_a_reader_that_does_not_keep_up_asks_for_what_was_dropped(
    place: Place, restarted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_commit, "BATCH_LIMIT", 1)  # a message for each event: more than all queues hold
    large = Submission([Event(str(name), b'{"x":"%b"}' % (b"x" * 4_000)) for name in range(4_500)])

    async def test() -> None:
        with ExitStack() as stack:
            writer = stack.enter_context(closing(place.open()))
            subscriber = place.subscriber()
            async with following(subscriber) as applied:
                await becomes(lambda: subscriber.caught_up)
                await becomes(lambda: applied.last == 1, meanwhile=lambda: writer.append([submission("first")]))
                writer.append([large])  # the reader gets no turn meanwhile
                if restarted:
                    writer.close()
                    writer = stack.enter_context(closing(place.open()))
                await becomes(lambda: applied.last == writer.head(), meanwhile=writer.heartbeat)
                assert applied.events == place.events()
                assert subscriber.counters.catchups >= 2
                assert subscriber.counters.replay_requests["answered"] >= 2

    run(test())


@pytest.mark.usefixtures("patient")
def test_the_next_page_is_asked_for_before_the_one_at_hand_is_applied(place: Place) -> None:
    page = Batch("a", 1, 10, b",".join(b'{"seq":%d,"x":1}' % sequence for sequence in range(1, 11)))

    async def test() -> None:
        with zmq.Context() as context, context.socket(zmq.ROUTER) as server:
            server.bind(place.replay_address)

            async def asked() -> list[bytes]:
                await becomes(lambda: server.poll(0))
                return server.recv_multipart()

            with closing(place.subscriber(StreamPosition("a"))) as subscriber:
                deliveries = subscriber.deliveries()
                first = asyncio.ensure_future(anext(deliveries))
                client, _ = await asked()
                server.send_multipart([client, *encode_batch(TRADES, page, 0, head=30)])
                assert await first == Arrival(page, 0, replayed=True)
                assert decode_request((await asked())[1]).after == 9

    run(test())


@pytest.mark.usefixtures("patient")
def test_a_request_given_up_is_made_again_through_another_socket(place: Place) -> None:
    """A late answer must not be taken for that to a later request."""

    async def test() -> None:
        with zmq.Context() as context, context.socket(zmq.ROUTER) as server:
            server.bind(place.replay_address)

            async def asked() -> bytes:
                await becomes(lambda: server.poll(0))
                client: bytes = server.recv_multipart()[0]
                return client

            with closing(place.subscriber(StreamPosition("a"))) as subscriber:
                given_up = asyncio.ensure_future(anext(subscriber.deliveries()))
                client = await asked()
                given_up.cancel()
                await asyncio.wait([given_up])
                again = asyncio.ensure_future(anext(subscriber.deliveries()))
                assert await asked() != client
                again.cancel()
                await asyncio.wait([again])

    run(test())
