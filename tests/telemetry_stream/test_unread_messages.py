"""Subscribers that do not read: what ZeroMQ keeps for them is bounded in bytes, and everybody else misses nothing."""

import itertools
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import zmq

from telemetry_stream.durable_log import DurableLog
from telemetry_stream.events import Event, Submission
from telemetry_stream.transports.zeromq import publisher, replay_server
from telemetry_stream.transports.zeromq.queue_budget import QueueBudget
from telemetry_stream.wire import ReplayRequest, encode_request
from tests.support.polling import PATIENCE_MS, eventually
from tests.telemetry_stream import zmtp
from tests.telemetry_stream.place import Place
from tests.telemetry_stream.streams import becomes, following, run
from tests.telemetry_stream.test_greedy_clients import memory

LARGE = 1_000_000
MIB = 2**20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="who reads least is seen on Linux only")


def large(number: int) -> Submission:
    """A message of a megabyte."""
    return Submission([Event(f"large-{number}", b'{"x":"%b"}' % (b"x" * LARGE))])


@pytest.fixture
def writer(place: Place) -> Iterator[DurableLog]:
    with closing(place.open()) as writer:
        yield writer


def test_a_subscriber_that_stands_still_is_cut_and_the_others_get_every_event_once(
    place: Place, writer: DurableLog
) -> None:
    live = writer.queues["live"]

    async def test() -> None:
        subscriber = place.subscriber()
        async with following(subscriber) as applied:
            await becomes(lambda: subscriber.caught_up)
            before = memory()
            with zmtp.dial(place.live_address, b"SUB") as deaf:
                deaf.sendall(zmtp.frame(b"\x01"))  # it wants everything
                most = 0
                for number in range(300):
                    writer.append([large(number)])
                    most = max(most, live.bytes)
                    applied.forget()
                    await becomes(lambda: applied.last >= writer.head() - 50)
                assert most < publisher.QUEUE_BYTES + 2 * LARGE
                await becomes(
                    lambda: writer.refused_connections["unread"] == 1, meanwhile=lambda: writer.append([large(300)])
                )
                assert memory() - before < publisher.QUEUE_BYTES + 100 * MIB, "300 MB were published"
            writer.heartbeat()
            await becomes(lambda: applied.last == writer.head(), meanwhile=writer.heartbeat)
            assert live.bytes < publisher.QUEUE_BYTES

    run(test(), 120)


@pytest.mark.long
def test_clients_that_do_not_read_their_answers_leave_room_for_those_who_do(place: Place, writer: DurableLog) -> None:
    for number in range(20):
        writer.append([large(number)])
    replay = writer.queues["replay"]
    before = memory()
    request = zmtp.frame(encode_request(ReplayRequest(1, 0, 10_000)))
    with ExitStack() as opened:
        for _ in range(100):
            deaf = opened.enter_context(zmtp.dial(place.replay_address, b"DEALER"))
            deaf.sendall(request * 20)
        eventually(lambda: writer.refused_connections["unread"] > 0, what="one that reads least is cut")
        assert memory() - before < replay_server.QUEUE_BYTES + 100 * MIB, "20 answers of a megabyte to 100 clients"
        assert replay.bytes < replay_server.QUEUE_BYTES + 2 * LARGE
        with zmq.Context() as context, context.socket(zmq.DEALER) as good:
            good.connect(place.replay_address)
            good.send(encode_request(ReplayRequest(1, 19, 10)))
            assert good.poll(PATIENCE_MS), "answered all the same"
    eventually(lambda: replay.bytes == 0, what="nothing is kept for those who have gone")


def test_an_unread_answer_is_not_counted_once_its_client_has_left(place: Place, writer: DurableLog) -> None:
    """Nobody else asks for anything then, so the server has to look by itself."""
    for number in range(20):
        writer.append([large(number)])
    replay = writer.queues["replay"]
    request = zmtp.frame(encode_request(ReplayRequest(1, 0, 10_000)))
    with zmtp.dial(place.replay_address, b"DEALER") as deaf:
        for asked in itertools.count(1):  # the system's buffers take the first answers
            deaf.sendall(request)
            eventually(lambda asked=asked: replay.bytes or writer.replay_counters.answers == asked)  # type: ignore[misc]  # a default of a lambda
            if replay.bytes:
                break
    eventually(lambda: replay.bytes == 0)


def test_what_is_counted_is_what_zeromq_holds(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/pipe"
    with zmq.Context() as context, context.socket(zmq.PUSH) as sender, context.socket(zmq.PULL) as receiver:
        budget = QueueBudget(sender, 3 * LARGE)
        sender.connect(address)  # nobody is there yet
        for _ in range(3):
            assert not budget.look()
            budget.add(sender.send(bytes(LARGE), copy=False, track=True), LARGE)
        budget.add(sender.send(b"short", copy=False, track=True), 5)
        assert budget.look()
        assert budget.use.bytes == 3 * LARGE
        receiver.bind(address)
        for _ in range(4):
            assert receiver.poll(PATIENCE_MS)
            receiver.recv()
        eventually(lambda: not budget.look(), what="released")
        eventually(lambda: budget.look() or budget.use.bytes == 0, what="all released")
