"""The subscriber between real sockets: whatever the network does, every event once and in order."""

import asyncio
import itertools
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest
import zmq

from telemetry_stream.embedded import EmbeddedStream
from telemetry_stream.sqlite import journal
from telemetry_stream.sqlite.reader import JournalReader
from telemetry_stream.types import Arrival, Batch, Delivery, Event, StreamPosition, Submission
from telemetry_stream.wire import decode_request, encode_batch, encode_heartbeat
from telemetry_stream.zeromq import subscriber as subscriber_module
from telemetry_stream.zeromq.gatekeeper import Gatekeeper
from telemetry_stream.zeromq.replay_server import ReplayServer
from telemetry_stream.zeromq.subscriber import Subscriber
from tests.telemetry_stream.proxy import Proxy
from tests.telemetry_stream.streams import (
    Applied,
    all_events,
    becomes,
    cpu_seconds,
    following,
    free_address,
    numbered,
    run,
    submission,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence and missing answers are noticed sooner than in earnest."""
    monkeypatch.setattr(subscriber_module, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(subscriber_module, "ANSWER_SECONDS", 0.2)


class Place:
    """Where an embedded stream is: its folder and its two addresses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.live_address = free_address()
        self.replay_address = free_address()
        self.failures: list[BaseException] = []

    def open(self) -> EmbeddedStream:
        return EmbeddedStream(self.folder, self.live_address, self.replay_address, self.failures.append)

    def subscriber(
        self, position: StreamPosition | None = None, live_address: str | None = None, page_limit: int = 1_000
    ) -> Subscriber:
        return Subscriber(
            live_address or self.live_address, self.replay_address, position, page_limit, itertools.repeat(0.01)
        )

    def events(self) -> bytes:
        with closing(JournalReader(self.folder)) as reader:
            return all_events(reader)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "stream")
    yield place
    assert not place.failures


@contextmanager
def proxied(place: Place, seed: int = 0) -> Iterator[Proxy]:
    """A proxy before the live socket."""
    proxy = Proxy(place.live_address, seed)
    with closing(proxy):
        yield proxy


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
                await becomes(lambda: applied.last == 50, seconds=2)
                writer.append([numbered(range(50, 60))])
                await becomes(lambda: applied.last == 60, seconds=2)
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


def test_with_the_replay_socket_down_it_waits_and_then_goes_on(place: Place) -> None:
    async def test() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        with closing(place.open()) as writer:
            late_address = free_address()
            subscriber = Subscriber(place.live_address, late_address, None, 1_000, itertools.repeat(0.01))
            async with following(subscriber) as applied:
                writer.append([numbered(range(50))])
                await asyncio.sleep(0.1)  # some of its tries fail
                assert applied.last == 0, "without a replay nobody knows what came before"
                gatekeeper = Gatekeeper(context, place.failures.append)
                server = ReplayServer(context, late_address, gatekeeper, writer.open_reader, place.failures.append)
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
from telemetry_stream.embedded import EmbeddedStream
from tests.telemetry_stream.streams import numbered

stream = EmbeddedStream(Path(sys.argv[1]), sys.argv[2], sys.argv[3], print)
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


def test_ten_thousand_missing_events_are_caught_up_with_quickly(place: Place) -> None:
    async def test() -> None:
        with closing(place.open()) as writer, proxied(place) as proxy:
            subscriber = place.subscriber(live_address=proxy.address)
            async with following(subscriber) as applied:
                await becomes(lambda: subscriber.caught_up)
                proxy.silent.set()
                for start in range(0, 10_000, 500):
                    writer.append([numbered(range(start, start + 500))])
                await becomes(lambda: applied.last == 10_000, seconds=2, meanwhile=writer.heartbeat)
                assert applied.events == place.events()

    run(test())


@pytest.mark.parametrize("restarted", [False, True], ids=["publisher stays", "publisher restarts"])
def test_a_reader_that_does_not_keep_up_asks_for_what_was_dropped(
    place: Place, restarted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "BATCH_LIMIT", 1)  # a message for each event: more than all queues hold
    large = Submission([Event(str(name), b'{"x":"%b"}' % (b"x" * 3_000)) for name in range(6_000)])

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

    run(test())


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
                server.send_multipart([client, *encode_batch(page, 0, head=30)])
                assert await first == Arrival(page, 0, replayed=True)
                assert decode_request((await asked())[1]).after == 9

    run(test())


def test_no_zeromq_heartbeats_on_the_live_socket(place: Place) -> None:
    """With them libzmq 4.3 aborts the process of a reader that does not keep up for longer than their timeout."""

    async def test() -> None:
        with closing(place.subscriber()) as subscriber:
            assert subscriber._live.get(zmq.HEARTBEAT_IVL) == 0

    run(test())


def test_an_iteration_given_up_while_it_waits_can_be_begun_again(place: Place) -> None:
    async def first_delivery(subscriber: Subscriber, seconds: float) -> Delivery | None:
        async def first() -> Delivery:
            async for delivery in subscriber.deliveries():
                return delivery
            raise AssertionError("the iteration does not end")

        try:
            return await asyncio.wait_for(first(), seconds)
        except TimeoutError:
            return None

    async def test() -> None:
        subscriber = place.subscriber()
        applied = Applied()
        for _ in range(5):
            assert await first_delivery(subscriber, 0.01) is None
        with closing(place.open()) as writer:
            writer.append([numbered(range(20))])
            while applied.last < 20:
                delivery = await first_delivery(subscriber, 5)
                assert delivery is not None
                applied.take(delivery)
            assert applied.events == place.events()
            assert len(applied.resets) == 1
        subscriber.close()

    run(test())


@asynccontextmanager
async def impostor(place: Place) -> AsyncIterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes]]]:
    """A publisher and a replay socket in the test's own hands."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    publisher, router = context.socket(zmq.PUB), context.socket(zmq.ROUTER)
    publisher.bind(place.live_address)
    router.bind(place.replay_address)
    yield publisher, router
    context.destroy(linger=0)


@pytest.mark.parametrize(
    ("reason", "answer"),
    [
        ("malformed_frame", [b"?"]),
        ("replay_error", [b"trades.error", b"{}"]),
        ("malformed_header", [b"trades", b"{", b"[]"]),
        ("unsupported_version", [b"trades", b'{"v":7}', b"[]"]),
        ("malformed_reply", [b"trades", b'{"v":1,"stream":"s","first":9,"last":8,"sent_at_ns":1,"head":9}', b"[]"]),
        ("malformed_reply", [b"trades", b'{"v":1,"stream":"s","first":1,"last":0,"sent_at_ns":1}', b"[]"]),
    ],
)
def test_an_answer_that_makes_no_sense_is_counted_and_asked_again_after_a_pause(
    place: Place, reason: str, answer: list[bytes]
) -> None:
    async def test() -> None:
        async with impostor(place) as (_, router):
            subscriber = place.subscriber()
            requests = 0

            def serve() -> None:
                nonlocal requests
                if router.poll(0):
                    router.send_multipart([router.recv_multipart()[0], *answer])
                    requests += 1

            async with following(subscriber) as applied:
                await becomes(lambda: subscriber.counters.rejected.get(reason, 0) >= 3, meanwhile=serve)
                assert subscriber.counters.rejected.keys() == {reason}
                assert requests < 10
                assert not applied.resets
                assert not subscriber.caught_up

    run(test())


def test_random_live_messages_are_counted_and_the_stream_goes_on(place: Place) -> None:
    async def test() -> None:
        with closing(place.open()) as writer:
            subscriber = place.subscriber()
            async with following(subscriber) as applied:
                writer.append([numbered(range(5))])
                await becomes(lambda: applied.last == 5, meanwhile=writer.heartbeat)
                chance = random.Random(3)
                publisher = writer._publisher._socket
                rejected = subscriber.counters.rejected

                def send() -> None:
                    for _ in range(20):
                        frames = [chance.randbytes(chance.randrange(30)) for _ in range(chance.randrange(4))]
                        publisher.send_multipart([b"trades" + chance.choice([b"", b".heartbeat", b"man"]), *frames])
                    publisher.send_multipart([b"trades", b'{"v":2,"events":{}}'])

                reasons = {"malformed_frame", "malformed_header", "unsupported_version"}
                await becomes(lambda: rejected.keys() >= reasons and sum(rejected.values()) > 200, meanwhile=send)
                writer.append([numbered(range(5, 9))])
                await becomes(lambda: applied.last == 9, meanwhile=writer.heartbeat)
                assert rejected.keys() == reasons
                assert applied.events == place.events()

    run(test())


def test_a_head_nobody_can_reach_makes_no_busy_loop(place: Place) -> None:
    async def test() -> None:
        with closing(place.open()) as writer:
            writer.append([numbered(range(5))])
            subscriber = place.subscriber()
            beyond_reach = encode_heartbeat(writer.stream, 10**15, 5)
            async with following(subscriber) as applied:
                await becomes(lambda: applied.last == 5 and subscriber.caught_up, meanwhile=writer.heartbeat)
                await becomes(
                    lambda: subscriber.counters.gaps,
                    meanwhile=lambda: writer._publisher._socket.send_multipart(beyond_reach),
                )
                await becomes(lambda: subscriber.caught_up)
                assert subscriber.head == 5
                answered = writer.replay_counters.answers
                assert await cpu_seconds(0.1) < 0.05
                assert writer.replay_counters.answers <= answered + 2

    run(test())


@pytest.mark.parametrize("published", [False, True], ids=["no publisher", "publisher"])
def test_an_idle_subscriber_costs_next_to_nothing(
    place: Place, published: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_module, "SILENCE_SECONDS", 3.0)
    monkeypatch.setattr(subscriber_module, "ANSWER_SECONDS", 2.0)

    async def test() -> None:
        subscriber = Subscriber(place.live_address, place.replay_address)
        if not published:
            async with following(subscriber):
                assert await cpu_seconds(0.5) < 0.1
            return
        with closing(place.open()) as writer:
            async with following(subscriber):
                await becomes(lambda: subscriber.caught_up)
                writer.heartbeat()
                assert await cpu_seconds(0.5) < 0.1

    run(test())


def test_news_that_wait_for_a_busy_reader_make_no_busy_loop(place: Place) -> None:
    async def test() -> None:
        subscriber = place.subscriber()
        deliveries = subscriber.deliveries()
        with closing(place.open()) as writer:
            writer.append([submission("first")])
            await anext(deliveries)
            await anext(deliveries)
            waiting = asyncio.ensure_future(anext(deliveries))
            await becomes(lambda: subscriber.caught_up)
            writer.append([submission("second")])
            await waiting
        # The reader is at something else from here on, and the event loop has nothing to do.
        with closing(place.open()) as writer:
            publisher = writer._publisher._socket
            connections = publisher.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
            writer.append([numbered(range(100))])
            await becomes(lambda: connections.poll(0))
            assert await cpu_seconds(0.3) < 0.1
            publisher.disable_monitor()
            connections.close()
        subscriber.close()

    run(test())


@pytest.mark.parametrize("published", [False, True], ids=["no publisher", "publisher"])
def test_closing_while_it_waits_ends_the_iteration_and_releases_everything(place: Place, published: bool) -> None:
    async def count_deliveries(subscriber: Subscriber) -> int:
        return len([delivery async for delivery in subscriber.deliveries()])

    async def rounds() -> None:
        for round_ in range(12):
            subscriber = place.subscriber()
            iteration = asyncio.create_task(count_deliveries(subscriber))
            if published:
                await becomes(lambda subscriber=subscriber: subscriber.caught_up)  # type: ignore[misc]
            else:
                await asyncio.sleep(0.005 * (round_ % 3))
            subscriber.close()
            subscriber.close()
            await asyncio.wait_for(iteration, 2)

    async def test() -> None:
        if published:
            with closing(place.open()):
                await rounds()
        else:
            await rounds()

    run(test())
    before = open_descriptors()
    run(test())
    assert open_descriptors() <= before


def open_descriptors() -> int:
    """Files and sockets that this process has open, where the system tells."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_a_subscription_that_is_too_long_is_cut_off_and_nothing_else(place: Place) -> None:
    async def test() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        with closing(place.open()) as writer:
            hostile = context.socket(zmq.SUB)
            hostile.set(zmq.LINGER, 0)
            cut_off = hostile.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            hostile.connect(place.live_address)
            hostile.subscribe(b"x" * 100_000)
            subscriber = place.subscriber()
            async with following(subscriber) as applied:
                await becomes(lambda: cut_off.poll(0))
                writer.append([numbered(range(5))])
                await becomes(lambda: applied.last == 5)
        context.destroy(linger=0)

    run(test())
