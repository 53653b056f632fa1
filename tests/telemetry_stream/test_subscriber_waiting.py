"""The subscriber, while there is nothing for it or nobody to take it: it costs nothing, and can be left."""

import asyncio
import itertools
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import zmq

from telemetry_stream.events import Delivery
from telemetry_stream.transports.zeromq import subscriber as subscriber_module
from telemetry_stream.transports.zeromq.subscriber import Subscriber
from tests.support.polling import PATIENCE_SECONDS, eventually
from tests.telemetry_stream.place import Place
from tests.telemetry_stream.streams import (
    MAX_IDLE_TURNS,
    TRADES,
    Applied,
    becomes,
    following,
    loop_turns,
    numbered,
    run,
    submission,
)

pytestmark = pytest.mark.usefixtures("quick")


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
                delivery = await first_delivery(subscriber, PATIENCE_SECONDS)
                assert delivery is not None
                applied.take(delivery)
            assert applied.events == place.events()
            assert len(applied.resets) == 1
        subscriber.close()

    run(test())


@pytest.mark.parametrize("published", [False, True], ids=["no publisher", "publisher"])
def test_an_idle_subscriber_lets_the_event_loop_sleep(
    place: Place, published: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_module, "SILENCE_SECONDS", 3.0)
    monkeypatch.setattr(subscriber_module, "ANSWER_SECONDS", 2.0)

    async def test() -> None:
        subscriber = Subscriber(TRADES, place.live_address, place.replay_address)
        if not published:
            async with following(subscriber):
                assert await loop_turns(0.5, monkeypatch) < MAX_IDLE_TURNS
            return
        with closing(place.open()) as writer:
            async with following(subscriber):
                await becomes(lambda: subscriber.caught_up)
                writer.heartbeat()
                assert await loop_turns(0.5, monkeypatch) < MAX_IDLE_TURNS

    run(test())


def test_news_that_wait_for_a_busy_reader_make_no_busy_loop(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
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
            more = itertools.count()
            await becomes(
                lambda: subscriber._live.poll(0),
                meanwhile=lambda: writer.append([numbered([next(more)])]),  # what it is not connected for is not heard
            )
            assert await loop_turns(0.3, monkeypatch) < MAX_IDLE_TURNS
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
                await becomes(partial(getattr, subscriber, "caught_up"))
            else:
                await asyncio.sleep(0.005 * (round_ % 3))
            subscriber.close()
            subscriber.close()
            await asyncio.wait_for(iteration, PATIENCE_SECONDS)

    async def test() -> None:
        if published:
            with closing(place.open()):
                await rounds()
        else:
            await rounds()

    run(test())
    before = open_descriptors()
    run(test())
    eventually(lambda: open_descriptors() <= before)  # libzmq closes sockets in a thread of its own


def open_descriptors() -> int:
    """Files and sockets that this process has open, where the system tells."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0
