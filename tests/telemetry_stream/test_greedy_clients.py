"""Clients that send or ask too much: what they take is bounded, and the others are served as ever."""

import socket
import statistics
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
import zmq

from telemetry_stream.events import Event, Submission
from telemetry_stream.log import PAGE_BYTES
from telemetry_stream.stores.sqlite.pending_commit import BATCH_LIMIT
from telemetry_stream.transports.zeromq import connection_limits as connections
from telemetry_stream.transports.zeromq import replay_server, subscriber
from telemetry_stream.transports.zeromq.subscriber import Subscriber
from telemetry_stream.wire import ReplayRequest, decode_frames, encode_request, number
from tests.support.polling import PATIENCE_MS, eventually
from tests.support.ports import free_address
from tests.telemetry_stream import zmtp
from tests.telemetry_stream.streams import TRADES, becomes, carrier_of, following, numbered, open_stream, run
from trading_app.intake.decode import read_trade
from trading_app.intake.event import TradeIds


class Served:
    """An embedded stream with ten events, and where it is."""

    def __init__(self, folder: Path) -> None:
        self.live, self.replay = free_address(), free_address()
        self.writer = open_stream(folder, self.live, self.replay, lambda error: pytest.fail(repr(error)))
        self.writer.append([numbered(range(10))])

    def refused(self, reason: str) -> int:
        return self.writer.refused_connections[reason]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path / "stream")
    with closing(made.writer):
        yield made


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield context
    context.destroy(linger=0)


def is_answered(context: zmq.Context[zmq.Socket[bytes]], served: Served) -> bool:
    """Whether a good client gets event 10."""
    with context.socket(zmq.DEALER) as client:
        client.connect(served.replay)
        client.send(encode_request(ReplayRequest(1, 9, 1)))
        assert client.poll(PATIENCE_MS)
        return decode_frames(TRADES, client.recv_multipart())[0].last == 10


def memory() -> int:
    """What this process holds, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


MAX_GROWTH_BYTES = 2**28

needs_linux = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="bytes of a connection are counted on Linux only"
)


@needs_linux
@pytest.mark.parametrize("content", [b"x" * 4_000, b""], ids=["large frames", "empty frames"])
@pytest.mark.parametrize("kind", [b"DEALER", b"SUB"])
def test_a_message_of_endless_frames_is_cut_off_before_it_fills_the_memory(
    served: Served, context: zmq.Context[zmq.Socket[bytes]], kind: bytes, content: bytes
) -> None:
    before = memory()
    frames = zmtp.frame(content, zmtp.MORE) * (2**18 // (2 + len(content)))
    with zmtp.dial(served.replay if kind == b"DEALER" else served.live, kind) as greedy:
        sent = 0
        with pytest.raises(OSError, match=r"reset|Broken pipe"):  # noqa: PT012 -- until it is cut off
            while sent < 400 * connections.MAX_BYTES:
                greedy.sendall(frames)
                sent += len(frames)
    eventually(lambda: served.refused("too_many_bytes") == 1)
    assert is_answered(context, served)
    assert memory() - before < MAX_GROWTH_BYTES


def test_connections_past_the_limit_are_cut_and_those_before_it_served(
    served: Served, context: zmq.Context[zmq.Socket[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 5)
    with ExitStack() as connected:
        held = [connected.enter_context(zmtp.dial(served.replay, b"DEALER")) for _ in range(5)]
        eventually(lambda: len(carrier_of(served.writer)._guard._connections) == 5)
        host, port = served.live.removeprefix("tcp://").split(":")
        with suppress(ConnectionError), socket.create_connection((host, int(port)), timeout=60) as more:
            # libzmq greets at once: a client that leaves then is gone before it is seen, and nobody to be cut.
            while more.recv(1_000):
                pass
        eventually(lambda: served.refused("too_many_connections") == 1)
        held[0].sendall(zmtp.frame(b"", zmtp.MORE) + zmtp.frame(encode_request(ReplayRequest(1, 9, 1))))
        assert b'{"seq":10,' in held[0].recv(10_000)
    eventually(lambda: len(carrier_of(served.writer)._guard._connections) == 0)
    assert is_answered(context, served)


def test_a_request_of_many_frames_is_counted_and_not_answered(
    served: Served, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    request = encode_request(ReplayRequest(1, 9, 1))
    with context.socket(zmq.DEALER) as client:
        client.connect(served.replay)
        client.send_multipart([b"x"] * replay_server.REQUEST_FRAMES + [request])
        client.send_multipart([b"x"] * 50_000 + [request])
        client.send_multipart([b"x"] * (replay_server.REQUEST_FRAMES - 2) + [request])
        assert client.poll(PATIENCE_MS)
        assert client.recv_multipart()[-1].startswith(b'[{"seq":10,')
        assert not client.poll(0)
    assert served.writer.replay_counters.refusals == {"too_many_frames": 2}


def test_a_greedy_client_takes_no_more_than_its_turns(served: Served, context: zmq.Context[zmq.Socket[bytes]]) -> None:
    large = Submission([Event(f"large-{name}", b'{"x":"%b"}' % (b"x" * 1_000)) for name in range(8_000)])
    served.writer.append([large])
    ending = threading.Event()

    def flood() -> None:
        greedy = [context.socket(zmq.DEALER) for _ in range(2)]
        for client in greedy:
            client.connect(served.replay)
        while not ending.is_set():
            for client in greedy:
                while client.poll(0, zmq.POLLOUT) and not ending.is_set():
                    client.send(encode_request(ReplayRequest(1, 0, 10_000)))
                while client.poll(1):
                    client.recv_multipart()
        for client in greedy:
            client.close(linger=0)

    flooding = threading.Thread(target=flood)
    flooding.start()
    good = context.socket(zmq.DEALER)
    try:
        eventually(lambda: served.writer.replay_counters.answers > 20)
        good.connect(served.replay)
        answers = []
        for after in range(0, 200, 10):
            asked = served.writer.replay_counters.answers
            good.send(encode_request(ReplayRequest(1, after, 10)))
            assert good.poll(PATIENCE_MS)
            answers.append(served.writer.replay_counters.answers - asked)
            assert decode_frames(TRADES, good.recv_multipart())[0].last == after + 10
            served.writer.append([numbered([10**6 + after])])  # publishing has a thread and a socket of its own
        # The median, since the system may let a request or this thread wait meanwhile.
        assert statistics.median(answers) < 6, "about one answer of each other client for one"
    finally:
        good.close(linger=0)
        ending.set()
        flooding.join()


def test_a_frame_larger_than_any_page_costs_the_subscriber_the_connection_and_nothing_else(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "ANSWER_SECONDS", 0.2)

    async def test() -> None:
        follower = Subscriber(TRADES, served.live, served.replay)
        async with following(follower) as applied:
            await becomes(lambda: applied.last == 10 and follower.caught_up)
            catchups = follower.counters.catchups
            publisher = carrier_of(served.writer)._publisher._socket
            publisher.send_multipart([b"trades", b"{}", b"x" * (subscriber.MESSAGE_BYTES + 1)])
            await becomes(lambda: follower.counters.catchups > catchups)  # connected again, after the cut
            served.writer.append([numbered(range(10, 20))])
            await becomes(lambda: applied.last == 20)

    run(test())


def test_the_largest_page_of_the_largest_trades_is_taken() -> None:
    name, identifier, digits = "\U0001d4d0" * 64, "\U0001d4d0" * 128, "9" * 38
    names = dict.fromkeys(("account", "strategy", "venue"), name) | dict.fromkeys(("order_id", "trade_id"), identifier)
    numbers = {"price": digits, "qty": f"0.{digits}", "fee": f"-0.{digits}"}
    others = {"symbol": "X" * 32, "side": "sell", "fee_currency": "X" * 16, "ts": "2025-11-21T10:40:00.123456789Z"}
    fields = names | numbers | others
    body = "{" + ",".join(f'"{key}":"{value}"' for key, value in fields.items()) + "}"
    largest = len(number(read_trade(body.encode(), 1_763_721_600_200_000_000, TradeIds()).payload, 2**63 - 1)) + 1
    assert PAGE_BYTES + BATCH_LIMIT * largest < subscriber.MESSAGE_BYTES
