"""The replay socket answers every client that keeps to the contract, whatever the others send."""

import json
import random
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import zmq

from telemetry_stream.errors import BackendMisconfigured
from telemetry_stream.events import Batch, Labelled, Provenance
from telemetry_stream.log import StreamReader
from telemetry_stream.stores.sqlite.pending_commit import BATCH_LIMIT
from telemetry_stream.transports.zeromq.connection_guard import ConnectionGuard
from telemetry_stream.transports.zeromq.replay_server import LIMIT, POSTPONED_REQUESTS, REQUEST_BYTES, ReplayServer
from telemetry_stream.wire import ReplayRequest, decode_frames, encode_request
from tests.support.polling import eventually
from tests.support.ports import free_address
from tests.telemetry_stream.streams import TRADES, numbered, open_stream

PATIENCE = 5_000


class Client:
    """A socket that asks the replay server."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], address: str, kind: int = zmq.DEALER, room: int = 1_000
    ) -> None:
        self.socket = context.socket(kind)
        self.socket.set(zmq.RCVHWM, room)
        self.socket.set(zmq.LINGER, 0)
        self.socket.set(zmq.RCVTIMEO, PATIENCE)
        self.socket.connect(address)

    def ask(self, *frames: bytes) -> list[bytes]:
        self.socket.send_multipart(frames)
        return self.socket.recv_multipart()

    def sequences(self, after: int, limit: int, stream: str | None = None) -> tuple[list[int], int | None]:
        """The sequences in an answer, and the head it names."""
        frames = self.ask(encode_request(ReplayRequest(1, after, limit, stream)))
        header, _ = decode_frames(TRADES, frames)
        sequences = [event["seq"] for event in json.loads(frames[2])]
        assert sequences == list(range(header.first, header.last + 1))
        assert header.first == after + 1
        return sequences, header.head


class Served:
    """An embedded stream, and clients of its replay socket."""

    def __init__(self, folder: Path, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.address = free_address()
        self.failures: list[BaseException] = []
        self.context = context
        self.writer = open_stream(folder, free_address(), self.address, self.failures.append)

    @contextmanager
    def client(self, kind: int = zmq.DEALER, room: int = 1_000) -> Iterator[Client]:
        client = Client(self.context, self.address, kind, room)
        yield client
        client.socket.close()


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield context
    context.destroy(linger=0)


@pytest.fixture
def served(tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]) -> Iterator[Served]:
    served = Served(tmp_path, context)
    served.writer.append([numbered(range(10))])
    with closing(served.writer):
        yield served
    assert not served.failures


def test_an_answer_holds_what_follows(served: Served) -> None:
    with served.client() as client:
        assert client.sequences(0, 4) == ([1, 2, 3, 4], 10)
        assert client.sequences(7, 100) == ([8, 9, 10], 10)
        assert client.sequences(9, 1, served.writer.stream) == ([10], 10)
        assert served.writer.replay_counters.answers == 3
        assert served.writer.replay_counters.events == 8


@pytest.mark.parametrize("after", [10, 11, 10_000])
def test_an_answer_without_events_names_the_head_and_who_has_more_is_forked(served: Served, after: int) -> None:
    with served.client() as client:
        header, batch = decode_frames(TRADES, client.ask(encode_request(ReplayRequest(1, after, 100))))
        assert batch is not None
        assert batch.count == 0
        assert (header.head, header.forked) == (10, after > 10)


def test_an_answer_about_another_stream_has_no_events_and_names_the_right_one(served: Served) -> None:
    with served.client() as client:
        header, batch = decode_frames(TRADES, client.ask(encode_request(ReplayRequest(1, 3, 100, "another"))))
        assert (header.stream, header.first, header.last, header.head) == (served.writer.stream, 4, 3, 10)
        assert batch is not None
        assert batch.count == 0


def test_a_request_with_another_hash_than_the_journals_is_forked(served: Served) -> None:
    with served.client() as client, closing(served.writer.open_reader()) as reader:
        own, other = reader.hash_at(10), "0f" * 16
        for after, known, is_forked in ((10, own, False), (10, other, True), (3, other, True), (0, "00" * 16, False)):
            request = ReplayRequest(1, after, 100, served.writer.stream, hash=known)
            header, batch = decode_frames(TRADES, client.ask(encode_request(request)))
            assert batch is not None
            assert (header.forked, batch.count) == (is_forked, 0 if is_forked else 10 - after)


def test_a_request_may_name_the_topic(served: Served) -> None:
    with served.client() as client:
        header, _ = decode_frames(TRADES, client.ask(encode_request(ReplayRequest(1, 3, 100, topic="trades"))))
        assert (header.first, header.last) == (4, 10)


def test_an_empty_stream_answers_too(tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]) -> None:
    served = Served(tmp_path, context)
    with closing(served.writer), served.client() as client:
        assert client.sequences(0, 100) == ([], 0)


def test_no_answer_is_larger_than_the_limit(served: Served) -> None:
    served.writer.append([numbered(range(10, LIMIT + 20))])
    with served.client() as client:
        sequences, head = client.sequences(0, 2**63)
        assert sequences == list(range(1, 10 + LIMIT - BATCH_LIMIT + 1))  # the last row that ends within the limit
        assert head == LIMIT + 20


def test_a_reader_without_hashes_gets_on_past_a_row_as_long_as_its_limit(served: Served) -> None:
    """It asks for the last event it knows, too, which may be all that a row ends with within the limit."""
    served.writer.append([numbered(range(10, 110))])
    with served.client() as client:
        applied, asked = 10, 0
        while applied < 110:
            sequences, _ = client.sequences(applied - 1, 50)
            assert sequences[0] == applied
            assert len(sequences) > 1, "it would ask the same for ever"
            applied, asked = sequences[-1], asked + 1
        assert asked == 3


def test_a_req_socket_is_answered_too(served: Served) -> None:
    with served.client(zmq.REQ) as client:
        assert client.sequences(8, 5) == ([9, 10], 10)
        assert client.sequences(0, 1) == ([1], 10)


def test_requests_sent_together_are_answered_in_order(served: Served) -> None:
    with served.client() as client:
        for after in range(5):
            client.socket.send(encode_request(ReplayRequest(1, after, 1)))
        assert [decode_frames(TRADES, client.socket.recv_multipart())[0].first for _ in range(5)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("code", "frames"),
    [
        ("malformed_request", [b""]),
        ("malformed_request", [b"", b""]),
        ("malformed_request", [b"\xff" * 100]),
        ("malformed_request", [b'{"v":1,"after":-1,"limit":1}']),
        ("malformed_request", [b'{"v":1,"after":0,"limit":0}']),
        ("malformed_request", [b'{"v":1,"after":0,"limit":1}', b"and more"]),
        ("malformed_request", [b"[" * REQUEST_BYTES]),
        ("malformed_request", [b'{"v":1,"after":1' + b"0" * 4_000 + b',"limit":-1}']),
        ("unsupported_version", [b'{"v":2,"after":0,"limit":1}']),
        ("unsupported_version", [b'{"v":2}']),
        ("unknown_topic", [b'{"v":1,"after":0,"limit":1,"topic":"quotes"}']),
    ],
)
@pytest.mark.parametrize("kind", [zmq.DEALER, zmq.REQ])
def test_a_request_that_can_not_be_understood_gets_an_error_and_is_counted(
    served: Served, kind: int, code: str, frames: list[bytes]
) -> None:
    with served.client(kind) as client:
        answer = client.ask(*frames)
        assert answer[-2] == b"trades.error"
        error = json.loads(answer[-1])
        assert (error["v"], error["code"]) == (1, code)
        assert error["detail"]
        assert served.writer.replay_counters.refusals == {code: 1}
    with served.client() as client:
        assert client.sequences(9, 5) == ([10], 10)


@pytest.mark.parametrize("after", [2**62, 2**63 - 1, 2**63, 2**64, 10**400])
def test_a_position_beyond_all_bounds_has_an_empty_answer(served: Served, after: int) -> None:
    with served.client() as client:
        header, batch = decode_frames(TRADES, client.ask(b'{"v":1,"after":%d,"limit":%d}' % (after, after)))
        assert batch is not None
        assert batch.count == 0
        assert (header.head, header.first) == (10, 2**62 + 1)


def test_a_request_that_is_too_long_costs_the_connection_and_nothing_else(served: Served) -> None:
    with served.client() as hostile, served.client() as good:
        hostile.socket.set(zmq.RCVTIMEO, 100)
        with pytest.raises(zmq.Again):
            hostile.ask(b"x" * (REQUEST_BYTES + 1))
        assert good.sequences(9, 5) == ([10], 10)
        hostile.socket.set(zmq.RCVTIMEO, PATIENCE)
        assert hostile.sequences(9, 5) == ([10], 10), "it may come back"


def test_random_frames_of_many_clients_leave_a_good_one_alone(served: Served) -> None:
    chance = random.Random(7)
    kinds = [zmq.DEALER, zmq.REQ, zmq.SUB, zmq.PAIR, zmq.PUSH]
    with served.client() as good:
        for round_ in range(60):
            with served.client(chance.choice(kinds)) as hostile:
                for _ in range(chance.randrange(4)):
                    frames = [chance.randbytes(chance.randrange(40)) for _ in range(chance.randrange(1, 5))]
                    try:
                        hostile.socket.send_multipart(frames, zmq.NOBLOCK)
                    except zmq.ZMQError:
                        break  # this kind of socket can't send, or not now
                if round_ % 10 == 0:
                    assert good.sequences(5, 2) == ([6, 7], 10)
        assert good.sequences(5, 2) == ([6, 7], 10)


def test_raw_bytes_in_place_of_zeromq_leave_a_good_client_alone(served: Served) -> None:
    host, port = served.address.removeprefix("tcp://").split(":")
    for greeting in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" + b"\0" * 8 + b"\x7f", random.Random(1).randbytes(10_000)):
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(greeting)
    with served.client() as good:
        assert good.sequences(5, 2) == ([6, 7], 10)


def test_a_client_that_does_not_read_fills_no_memory(served: Served) -> None:
    served.writer.append([numbered(range(10, 5_000))])
    with served.client(room=1) as greedy, served.client() as good:
        for _ in range(200):
            greedy.socket.send(encode_request(ReplayRequest(1, 0, 5_000)))
        counters = served.writer.replay_counters
        eventually(lambda: counters.answers + counters.refusals.get("unread", 0) > 200 - POSTPONED_REQUESTS - 1)
        assert good.sequences(4_998, 2) == ([4_999, 5_000], 5_000)
        kept = 0
        while greedy.socket.poll(100):
            greedy.socket.recv_multipart()
            kept += 1
        assert 1 <= kept < 150, "what it did not read was not kept for it"


def test_a_journal_that_fails_to_open_ends_the_server(
    context: zmq.Context[zmq.Socket[bytes]],
) -> None:
    failures: list[BaseException] = []

    def open_reader() -> StreamReader:
        raise OSError("no such journal")

    gatekeeper = ConnectionGuard(context, failures.append)
    server = ReplayServer(context, free_address(), gatekeeper, TRADES, open_reader, failures.append)
    eventually(lambda: failures)
    gatekeeper.close()
    server.close()
    server.close()
    assert [str(failure) for failure in failures] == ["no such journal"]


def test_a_read_that_fails_ends_the_server(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    class Reader:
        stream = "one"
        closed = False

        def head(self) -> int:
            raise OSError("the disk is on fire")

        def last_committed_at_ns(self) -> int:
            raise AssertionError("nobody asks")

        def read(self, after: int, limit: int, page_bytes: int = 0) -> Batch:
            raise AssertionError(f"nothing to read {after} {limit} {page_bytes}")

        def oldest(self) -> int:
            raise AssertionError("nothing is kept")

        def hash_at(self, sequence: int) -> str | None:
            raise AssertionError(f"nothing to hash {sequence}")

        def at(self, time_ns: int) -> int:
            raise AssertionError(f"nothing was at {time_ns}")

        def provenance(self, sequence: int) -> Provenance:
            raise AssertionError(f"nobody asks for {sequence}")

        def labelled(self, **wanted: object) -> list[Labelled]:
            raise AssertionError(f"nothing has a label {wanted}")

        def close(self) -> None:
            self.closed = True

    reader = Reader()
    failures: list[BaseException] = []
    address = free_address()
    gatekeeper = ConnectionGuard(context, failures.append)
    server = ReplayServer(context, address, gatekeeper, TRADES, lambda: reader, failures.append)
    gatekeeper.start()
    client = Client(context, address)
    client.socket.send(encode_request(ReplayRequest(1, 0, 1)))
    eventually(lambda: failures)
    client.socket.close()
    gatekeeper.close()
    server.close()
    assert reader.closed


def test_a_taken_address_is_named_and_nothing_stays_open(tmp_path: Path) -> None:
    addresses = free_address(), free_address()
    with closing(open_stream(tmp_path / "one", *addresses, print)):
        for taken in range(2):
            wanted = addresses[0] if taken == 0 else free_address(), addresses[1] if taken == 1 else free_address()
            with pytest.raises(BackendMisconfigured, match=addresses[taken]):
                open_stream(tmp_path / "two", *wanted, print)
        open_stream(tmp_path / "two", free_address(), free_address(), print).close()
    open_stream(tmp_path / "one", *addresses, print).close()
