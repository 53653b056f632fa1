"""Callers that take what others need: memory by endless or unread bytes, and connections."""

import json
import random
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import zmq

from telemetry_stream.wire import VERSION, ReplayRequest, encode_request
from tests.support.apps import Apps, answers, running_apps
from tests.support.askers import askers
from tests.support.audit import audit
from tests.support.load import Bots, post_batch
from tests.support.memory import MIB, max_resident_bytes
from tests.support.polling import eventually
from tests.torture.figures import Figures
from tests.trading_app.raw_http import connected, get, post, send_until_cut

BOTS = 2
WEB, SIDECAR = "trading-app", "metrics-sidecar"
SILENT, UNREAD, DEAF = 300, 40, 10
MAX_GUARDED_BYTES = 32 * MIB
MAX_UNREAD_BYTES = 64 * MIB + 96 * MIB + 32 * MIB + 64 * MIB
"""The budgets of answers, of replay answers and of live messages, and what the app itself takes meanwhile."""

TOKEN = "a-token-of-the-torture-and-long-enough"
CROWD, SHARE = 400, 50
WIDE = {"symbol": "A", "price": "1.5", "qty": "2", "side": "buy", "venue": "v" * 64, "order_id": "o" * 128}
BATCH, BATCHES = 1_000, 20


def sidecar_guards(folder: Path, seed: int, rounds: int) -> Figures:
    """Endless heads, silent connections and unread answers at the sidecar, while trades come and scrapes go on."""
    chance = random.Random(seed)
    attacks: dict[str, Callable[[Apps], None]] = {
        "endless head": _send_an_endless_head,
        "silent connections": _open_silent_connections,
        "unread answers": _leave_answers_unread,
    }
    done = dict.fromkeys(attacks, 0)
    with running_apps(folder) as apps, Bots(apps.web_port, BOTS, seed, rate=200) as bots:
        bots.wait_for_more(BOTS)
        before = max_resident_bytes(apps.processes[SIDECAR].pid)
        for number in range(rounds):
            what = list(attacks)[number] if number < len(attacks) else chance.choice(list(attacks))
            attacks[what](apps)
            done[what] += 1
            eventually(lambda: answers(f"{apps.sidecar_url}/metrics"), what=f"a scrape after {what}")
            bots.wait_for_more(BOTS)
            assert apps.processes[SIDECAR].poll() is None, f"ended after {what}"
        grown = max_resident_bytes(apps.processes[SIDECAR].pid) - before
        assert grown < MAX_GUARDED_BYTES, f"{grown / MIB:.0f} MiB"
        bots.end()
        passed = audit(apps, bots)
    return Figures(
        f"{rounds} attacks on the sidecar's port: {_in_words(done)}",
        f"scraped after each, {grown / MIB:.0f} MiB more memory at the most; {passed}",
    )


def shares(folder: Path, _seed: int, rounds: int) -> Figures:
    """A crowd without a credential holds connections and opens them again; a sender with one is always served."""
    with (
        running_apps(folder, WEBAPP_API_TOKENS=TOKEN, WEBAPP_MAX_CONNECTIONS=str(4 * SHARE)) as apps,
        askers(apps.web_port, CROWD) as crowd,
    ):
        for number in range(rounds):
            with connected(apps.web_port) as sender:
                trade = {"trade_id": f"share-{number}", "symbol": "A", "price": "1.5", "qty": "2", "side": "buy"}
                sender.send(post("/trade", json.dumps(trade).encode(), f"Authorization: Bearer {TOKEN}"))
                status = sender.answer().status
                assert status == 201, f"sender {number} got {status}"
            crowd.ask(10)
        passed = audit(apps, others=rounds)
    return Figures(
        f"{rounds} senders with a token, one after the other, beside {CROWD} connections without one",
        f"each got 201; {passed}",
    )


def unread(folder: Path, seed: int, rounds: int) -> Figures:
    """Answers, replay answers and live messages that nobody reads, while trades come."""
    chance = random.Random(seed)
    waste: dict[str, Callable[[Apps], int]] = {
        "lists of trades": _leave_trades_unread,
        "replay answers": _leave_replays_unread,
        "live messages": _stop_the_sidecar,
    }
    done, others = dict.fromkeys(waste, 0), BATCH * BATCHES
    with running_apps(folder) as apps, Bots(apps.web_port, BOTS, seed, rate=200) as bots:
        _post_wide_trades(apps)
        before = max_resident_bytes(apps.processes[WEB].pid)
        for number in range(rounds):
            what = list(waste)[number] if number < len(waste) else chance.choice(list(waste))
            others += waste[what](apps)
            done[what] += 1
            bots.wait_for_more(BOTS)
            assert apps.processes[WEB].poll() is None, f"ended after {what}"
        grown = max_resident_bytes(apps.processes[WEB].pid) - before
        assert grown < MAX_UNREAD_BYTES, f"{grown / MIB:.0f} MiB"
        bots.end()
        passed = audit(apps, bots, others=others)
    return Figures(
        f"{rounds} times bytes that nobody reads: {_in_words(done)}",
        f"{grown / MIB:.0f} MiB more memory at the most; {passed}",
    )


def _in_words(done: dict[str, int]) -> str:
    return ", ".join(f"{what} {count}" for what, count in done.items())


def _send_an_endless_head(apps: Apps) -> None:
    with connected(apps.sidecar_port) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nX-Long: ")
        send_until_cut(connection.socket, b"x" * 65_536, 64 * MIB)


def _open_silent_connections(apps: Apps) -> None:
    with ExitStack() as silent:
        for _ in range(SILENT):
            silent.enter_context(socket.create_connection(("127.0.0.1", apps.sidecar_port)))
        eventually(lambda: answers(f"{apps.sidecar_url}/metrics"), what="a scrape beside silent connections")


def _leave_answers_unread(apps: Apps) -> None:
    with _deaf_clients(apps.sidecar_port, UNREAD, get("/nothing") * 1_000):
        eventually(lambda: answers(f"{apps.sidecar_url}/metrics"), what="a scrape beside unread answers")


def _leave_trades_unread(apps: Apps) -> int:
    with _deaf_clients(apps.web_port, UNREAD, get("/trades?limit=10000")):
        eventually(lambda: float(apps.web_samples()["trading_app_outgoing_bytes"]) > 0, what="unread answers")
        post_batch(apps.web_port, [WIDE])
    return 1


def _leave_replays_unread(apps: Apps) -> int:
    with zmq.Context() as context, ExitStack() as opened:
        for _ in range(DEAF):
            dealer = opened.enter_context(context.socket(zmq.DEALER))
            dealer.set(zmq.LINGER, 0)
            dealer.set(zmq.RCVHWM, 1)
            dealer.set(zmq.RCVBUF, 4_096)
            dealer.connect(apps.environment["WEBAPP_REPLAY_ADDR"])
            for _ in range(100):
                dealer.send(encode_request(ReplayRequest(VERSION, 0, 5_000)))
        post_batch(apps.web_port, [WIDE])
        name = 'trading_app_stream_queue_bytes{queue="replay"}'
        eventually(lambda: float(apps.web_samples()[name]) > 0, what="unread replay answers")
    return 1


def _stop_the_sidecar(apps: Apps) -> int:
    sidecar = apps.processes[SIDECAR]
    sidecar.send_signal(signal.SIGSTOP)
    try:
        return _post_wide_trades(apps)
    finally:
        sidecar.send_signal(signal.SIGCONT)


def _post_wide_trades(apps: Apps) -> int:
    for _ in range(BATCHES):
        post_batch(apps.web_port, [WIDE] * BATCH)
    return BATCH * BATCHES


@contextmanager
def _deaf_clients(port: int, count: int, request: bytes) -> Iterator[None]:
    """Clients that send as much of the request, again and again, as is taken, and read nothing."""
    with ExitStack() as opened:
        for _ in range(count):
            client = opened.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.connect(("127.0.0.1", port))
            client.setblocking(False)
            try:
                for _ in range(100):
                    client.send(request)
            except (BlockingIOError, ConnectionError):
                pass  # it takes no more, or has closed the connection
        yield
