"""The subscriber, where what comes is not what a publisher sends."""

import random
from contextlib import closing

import pytest
import zmq

from telemetry_stream.wire import encode_heartbeat
from tests.telemetry_stream.place import Place, impostor
from tests.telemetry_stream.streams import (
    MAX_IDLE_TURNS,
    TRADES,
    becomes,
    carrier_of,
    following,
    loop_turns,
    numbered,
    run,
)

pytestmark = pytest.mark.usefixtures("quick")


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
                publisher = carrier_of(writer)._publisher._socket
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


def test_messages_of_other_topics_are_passed_over(place: Place) -> None:
    async def test() -> None:
        with closing(place.open()) as writer:
            subscriber = place.subscriber()
            async with following(subscriber) as applied:
                writer.append([numbered(range(5))])
                await becomes(lambda: applied.last == 5, meanwhile=writer.heartbeat)
                for topic in (b"trades-raw", b"trades.audit", b"tradesman.heartbeat"):
                    carrier_of(writer)._publisher._socket.send_multipart([topic, b'{"v":9}', b"anything"])
                writer.append([numbered(range(5, 9))])
                await becomes(lambda: applied.last == 9, meanwhile=writer.heartbeat)
                assert subscriber.counters.rejected == {}
                assert applied.events == place.events()

    run(test())


def test_a_head_nobody_can_reach_makes_no_busy_loop(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        with closing(place.open()) as writer:
            writer.append([numbered(range(5))])
            subscriber = place.subscriber()
            beyond_reach = encode_heartbeat(TRADES, writer.stream, 10**15, 5)
            async with following(subscriber) as applied:
                await becomes(lambda: applied.last == 5 and subscriber.caught_up, meanwhile=writer.heartbeat)
                await becomes(
                    lambda: subscriber.counters.gaps,
                    meanwhile=lambda: carrier_of(writer)._publisher._socket.send_multipart(beyond_reach),
                )
                await becomes(lambda: subscriber.caught_up)
                assert subscriber.head == 5
                answered = writer.replay_counters.answers
                assert await loop_turns(0.1, monkeypatch) < MAX_IDLE_TURNS
                assert writer.replay_counters.answers <= answered + 2

    run(test())


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
