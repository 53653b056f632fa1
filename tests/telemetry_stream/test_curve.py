"""CURVE keys: their files, and who is let in by them."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import zmq
from structlog.testing import capture_logs
from zmq.utils import z85

from metrics_sidecar.advice import advice
from telemetry_stream.errors import UnusableKey
from telemetry_stream.keys import is_key, read_secret_key
from telemetry_stream.transports.zeromq import subscriber as subscriber_module
from telemetry_stream.transports.zeromq.connection_guard import ConnectionGuard
from telemetry_stream.transports.zeromq.curve import ClientKeys, ServerKeys, make_key_file
from telemetry_stream.transports.zeromq.subscriber import Subscriber
from telemetry_stream.wire import ReplayRequest, encode_request
from tests.support.polling import PATIENCE_MS, eventually
from tests.support.ports import free_address
from tests.telemetry_stream.streams import TRADES, becomes, carrier_of, following, numbered, open_stream, run

SERVER_PUBLIC, SERVER_SECRET = zmq.curve_keypair()
KNOWN_PUBLIC, KNOWN_SECRET = zmq.curve_keypair()
SECOND_PUBLIC, SECOND_SECRET = zmq.curve_keypair()
STRANGER_PUBLIC, STRANGER_SECRET = zmq.curve_keypair()
SERVER = ServerKeys(SERVER_SECRET, frozenset((KNOWN_PUBLIC, SECOND_PUBLIC)))
KNOWN = ClientKeys(SERVER_PUBLIC, KNOWN_SECRET)


def test_a_key_file_is_for_its_owner_only_and_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "one.key"
    public = make_key_file(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert zmq.curve_public(read_secret_key(file)) == public
    with pytest.raises(FileExistsError):
        make_key_file(file)
    assert zmq.curve_public(read_secret_key(file)) == public


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing answers are noticed sooner than in earnest."""
    monkeypatch.setattr(subscriber_module, "ANSWER_SECONDS", 0.2)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620, 0o601])
def test_a_key_file_that_others_may_touch_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "one.key"
    make_key_file(file)
    file.chmod(mode)
    with pytest.raises(UnusableKey, match=f"open to others \\(mode {mode:o}\\): chmod 600 {file}"):
        read_secret_key(file)


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 39, b"x" * 41, b"#" * 40, b"\xff" * 40, b"x" * 100_000])
def test_a_file_without_a_key_is_refused_and_nothing_of_it_shown(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "one.key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(UnusableKey, match="does not hold a key") as refused:
        read_secret_key(file)
    assert "xxx" not in str(refused.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableKey, match="can't be read"):
        read_secret_key(tmp_path / "missing")
    with pytest.raises(UnusableKey, match=r"is not a file|can't be read"):
        read_secret_key(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UnusableKey, match="is not a file"):
        read_secret_key(tmp_path / "pipe")


@pytest.mark.parametrize("written", ["", "x" * 39, "x" * 41, "#" * 40, "~" * 40, "é" * 40, " " * 40])
def test_what_is_no_key_is_seen(written: str) -> None:
    assert not is_key(written)


def test_secrets_are_not_shown() -> None:
    shown = repr(SERVER) + repr(KNOWN)
    assert SERVER_SECRET.decode() not in shown
    assert KNOWN_SECRET.decode() not in shown


class Place:
    """An embedded stream with ten events."""

    def __init__(self, folder: Path, keys: ServerKeys | None) -> None:
        self.live, self.replay = free_address(), free_address()
        self.writer = open_stream(folder, self.live, self.replay, lambda error: pytest.fail(repr(error)), keys)
        self.writer.append([numbered(range(10))])

    def counted(self) -> dict[str, int]:
        """The refusals there were, without handshakes that were given up: who dials again leaves some of those."""
        return {
            reason: count
            for reason, count in self.writer.refused_connections.items()
            if count and reason != "unfinished_handshake"
        }


@contextmanager
def place(folder: Path, keys: ServerKeys | None = SERVER) -> Iterator[Place]:
    made = Place(folder / "stream", keys)
    with closing(made.writer):
        yield made


@pytest.mark.parametrize("secret", [KNOWN_SECRET, SECOND_SECRET], ids=["one key", "another key"])
def test_whose_key_is_known_follows_the_stream(tmp_path: Path, secret: bytes) -> None:
    async def test() -> None:
        with place(tmp_path) as there:
            subscriber = Subscriber(TRADES, there.live, there.replay, keys=ClientKeys(SERVER_PUBLIC, secret))
            async with following(subscriber) as applied:
                await becomes(lambda: applied.last == 10)
                there.writer.append([numbered(range(10, 20))])
                await becomes(lambda: applied.last == 20)
                assert subscriber.obstacle is None
            assert there.counted() == {}

    run(test())


def _advice(subscriber: Subscriber) -> str:
    return advice(subscriber.obstacle) if subscriber.obstacle else ""


@pytest.mark.parametrize(
    ("keys", "served", "advice", "reason"),
    [
        (ClientKeys(SERVER_PUBLIC, STRANGER_SECRET), SERVER, "WEBAPP_ZMQ_CLIENT_KEYS", "unknown_key"),
        (
            ClientKeys(STRANGER_PUBLIC, KNOWN_SECRET),
            SERVER,
            "SIDECAR_ZMQ_SERVER_KEY its public key",
            "wrong_server_key",
        ),
        (None, SERVER, "speaks CURVE only", "other_mechanism"),
        (KNOWN, None, "does not use CURVE", "other_mechanism"),
    ],
    ids=["unknown key", "another server's key", "no key", "no keys there"],
)
def test_a_subscriber_without_the_right_keys_gets_the_reason_and_no_event(
    tmp_path: Path, keys: ClientKeys | None, served: ServerKeys | None, advice: str, reason: str
) -> None:
    async def test() -> None:
        with place(tmp_path, served) as there:
            subscriber = Subscriber(TRADES, there.live, there.replay, keys=keys)
            async with following(subscriber) as applied:
                await becomes(lambda: advice in _advice(subscriber))
                if keys is not None and reason == "unknown_key":
                    assert keys.public.decode() in _advice(subscriber)
                await becomes(lambda: reason in there.counted())
                assert there.counted().keys() == {reason}
                assert subscriber.head is None
                assert not applied.resets
                await becomes(lambda: sum(subscriber.counters.redials.values()))
                await becomes(lambda: subscriber.counters.replay_requests["unanswered"])
                assert subscriber.counters.replay_requests["answered"] == 0
            assert there.writer.replay_counters.answers == 0

    run(test())


def test_a_refused_subscriber_is_served_once_the_app_was_restarted_with_its_key(tmp_path: Path) -> None:
    async def test() -> None:
        live, replay = free_address(), free_address()
        keys = ClientKeys(SERVER_PUBLIC, STRANGER_SECRET)
        subscriber = Subscriber(TRADES, live, replay, keys=keys)
        async with following(subscriber) as applied:
            with closing(open_stream(tmp_path / "stream", live, replay, print, SERVER)) as writer:
                writer.append([numbered(range(10))])
                await becomes(lambda: subscriber.obstacle)
            more = ServerKeys(SERVER_SECRET, SERVER.clients | {STRANGER_PUBLIC})
            with closing(open_stream(tmp_path / "stream", live, replay, print, more)):
                await becomes(lambda: applied.last == 10 and subscriber.obstacle is None)

    run(test())


def test_a_refusal_by_a_publisher_that_starts_later_is_logged_too(tmp_path: Path) -> None:
    async def test() -> None:
        live, replay = free_address(), free_address()
        subscriber = Subscriber(TRADES, live, replay)
        async with following(subscriber):
            await becomes(lambda: lines)
            with closing(open_stream(tmp_path / "stream", live, replay, print, SERVER)):
                await becomes(lambda: subscriber.obstacle and subscriber.obstacle.reason == "other_mechanism")
                unanswered = subscriber.counters.replay_requests["unanswered"]
                await becomes(lambda: subscriber.counters.replay_requests["unanswered"] > unanswered + 2)

    with capture_logs() as lines:
        run(test())
    reasons = [str(line["reason"]) for line in lines if "check" in line]
    assert reasons[0].startswith("no answer from")
    assert "other_mechanism" in reasons
    assert len(set(reasons)) == len(reasons), "one line for each reason, however often it is tried"


def test_a_handler_that_is_gone_lets_in_nobody(tmp_path: Path) -> None:
    with place(tmp_path) as there:
        carrier_of(there.writer)._guard.close()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        client = context.socket(zmq.DEALER)
        refused = client.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        KNOWN.configure(client)
        client.connect(there.replay)
        client.send(encode_request(ReplayRequest(1, 0, 10)))
        assert refused.poll(PATIENCE_MS)
        assert not client.poll(50)
        context.destroy(linger=0)


def test_a_guard_that_fails_is_reported_and_nothing_hangs() -> None:
    failures: list[BaseException] = []
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    gatekeeper = ConnectionGuard(context, failures.append, SERVER)
    router = context.socket(zmq.ROUTER)
    gatekeeper.guard(router)
    router.bind(free_address())
    gatekeeper.start()
    with context.socket(zmq.REQ) as asking:
        asking.connect("inproc://zeromq.zap.01")
        asking.send(b"no question that libzmq asks")
        eventually(lambda: failures)
    gatekeeper.close()
    router.close()
    context.term()


def test_each_refusal_is_counted_and_log_lines_are_limited(
    tmp_path: Path,
) -> None:
    with capture_logs() as lines, place(tmp_path) as there:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        strangers = [context.socket(zmq.DEALER) for _ in range(30)]
        for stranger in strangers:
            ClientKeys(SERVER_PUBLIC, STRANGER_SECRET).configure(stranger)
            stranger.connect(there.replay)
        eventually(lambda: there.counted().get("unknown_key", 0) >= 30)
        context.destroy(linger=0)
    [line] = lines
    assert (line["reason"], line["key"], line["address"]) == ("unknown_key", STRANGER_PUBLIC.decode(), "127.0.0.1")
    assert SERVER_SECRET.decode() not in str(line)


@pytest.mark.parametrize("keys", [None, SERVER], ids=["without CURVE", "with CURVE"])
def test_a_handshake_that_makes_no_sense_is_counted(tmp_path: Path, keys: ServerKeys | None) -> None:
    mechanism = b"CURVE" if keys else b"NULL"
    greeting = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00" + mechanism.ljust(20, b"\0") + b"\0" * 32
    with place(tmp_path, keys) as there:
        for address in (there.live, there.replay):
            host, port = address.removeprefix("tcp://").split(":")
            with socket.create_connection((host, int(port))) as raw:
                raw.sendall(greeting + b"\x04\x0a\x05HELLO1234")
                while raw.recv(1_000):
                    pass
        eventually(lambda: there.counted() == {"malformed_handshake": 2})


def test_the_question_whom_to_let_in_is_answered_as_the_protocol_says() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    gatekeeper = ConnectionGuard(context, lambda error: pytest.fail(repr(error)), SERVER)
    gatekeeper.start()
    asking = context.socket(zmq.REQ)
    asking.connect("inproc://zeromq.zap.01")
    for public, status in ((KNOWN_PUBLIC, b"200"), (STRANGER_PUBLIC, b"400")):
        asking.send_multipart([b"1.0", b"7", b"stream", b"127.0.0.1", b"", b"CURVE", z85.decode(public)])
        assert asking.recv_multipart()[:3] == [b"1.0", b"7", status]
    asking.close()
    gatekeeper.close()
    gatekeeper.close()
    context.term()


def test_a_request_that_can_go_nowhere_holds_nothing_up() -> None:
    """A socket that was refused has no connection left, and is asked to send all the same."""

    async def test() -> None:
        subscriber = Subscriber(TRADES, free_address(), free_address())
        with subscriber._context.socket(zmq.DEALER) as nowhere:
            subscriber._send(nowhere, ReplayRequest(1, 0, 10))
        subscriber.close()

    run(test())
