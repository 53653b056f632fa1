"""docs/examples/subscribe.py, run as a stranger would: it prints every trade once, in order, whatever gets lost."""

import ast
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import zmq

from telemetry_stream.durable_log import DurableLog
from telemetry_stream.events import Event, Submission
from telemetry_stream.transports.zeromq.curve import ServerKeys, make_key_file
from tests.support.polling import PATIENCE_SECONDS, eventually
from tests.support.ports import free_address
from tests.telemetry_stream.proxy import Proxy
from tests.telemetry_stream.streams import open_stream

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "subscribe.py"
TRADE = b'{"trade_id":"%d","symbol":"XRP-USD","price":"%b","qty":"0.10","side":"buy","ts":"2025-11-21T10:40:00.000Z"}'


def trades(*prices: str) -> Submission:
    return Submission([Event(price, TRADE % (len(price), price.encode())) for price in prices])


def line_of(sequence: int, price: str) -> str:
    return f"{sequence} buy 0.10 XRP-USD at {price}"


class Lines:
    """What a process prints, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._arrived: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process = process
        self.reading = threading.Thread(target=self._read)
        self.reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._arrived.put(line.rstrip("\n"))

    def next(self, count: int, writer: DurableLog) -> list[str]:
        """The next lines, while heartbeats are sent as the app does."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        lines: list[str] = []
        while len(lines) < count:
            try:
                lines.append(self._arrived.get(timeout=0.05))
            except queue.Empty:
                writer.heartbeat()
                assert time.monotonic() < deadline, f"only {lines} came"
        return lines

    def nothing_more(self) -> bool:
        return self._arrived.empty()


@contextmanager
def subscriber(*arguments: str) -> Iterator[Lines]:
    """The example, as a process that sees nothing of this project's folders."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with subprocess.Popen(
        [sys.executable, EXAMPLE, *arguments], stdout=subprocess.PIPE, text=True, env=environment, cwd=EXAMPLE.parent
    ) as process:
        lines = Lines(process)
        try:
            yield lines
            assert process.poll() is None, "it goes on for ever"
        finally:
            process.terminate()
            lines.reading.join()


def test_it_needs_pyzmq_xxhash_and_the_standard_library_only() -> None:
    imported = set()
    for node in ast.walk(ast.parse(EXAMPLE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module or ".")
    assert imported <= {"xxhash", "zmq", *sys.stdlib_module_names}


def test_it_prints_live_trades_and_heals_gaps(tmp_path: Path) -> None:
    live_address, replay_address = free_address(), free_address()
    writer = open_stream(tmp_path / "stream", live_address, replay_address, on_failure=print)
    with closing(writer), closing(Proxy(live_address)) as proxy:
        writer.append([trades("1.10", "1.20")])
        with subscriber(proxy.address, replay_address) as lines:
            assert lines.next(3, writer) == [
                f"stream {writer.stream} from its beginning",
                line_of(1, "1.10"),
                line_of(2, "1.20"),
            ]

            def it_listens() -> bool:
                writer.heartbeat()
                return bool(proxy.done)

            eventually(it_listens)
            writer.append([trades("1.30")])
            assert lines.next(1, writer) == [line_of(3, "1.30")]

            proxy.silent.set()
            dropped = proxy.done.get("drop", 0)
            writer.append([trades("1.40", "1.50")])
            eventually(lambda: proxy.done.get("drop", 0) > dropped)
            proxy.silent.clear()
            writer.append([trades("1.60")])  # this one shows the gap
            assert lines.next(3, writer) == [line_of(4, "1.40"), line_of(5, "1.50"), line_of(6, "1.60")]

            proxy.silent.set()
            dropped = proxy.done.get("drop", 0)
            writer.append([trades("1.70")])
            eventually(lambda: proxy.done.get("drop", 0) > dropped)
            proxy.silent.clear()
            writer.heartbeat()  # the lost last message: only a heartbeat shows it
            assert lines.next(1, writer) == [line_of(7, "1.70")]

            writer.append([trades("1.70", "1.80")])
            assert lines.next(1, writer) == [line_of(8, "1.80")]
            assert lines.nothing_more()


def test_it_passes_over_asides_and_stops_at_what_may_change_figures(tmp_path: Path) -> None:
    live_address, replay_address = free_address(), free_address()
    writer = open_stream(tmp_path / "stream", live_address, replay_address, print)
    aside = Event("ack", b'{"kind":"ack","aside":true,"target":1,"ack":{"text":"fat finger"}}')
    with closing(writer):
        writer.append([trades("1.10"), Submission([aside]), trades("1.20")])
        writer.append([Submission([Event("gift", b'{"kind":"gift","target":1}')]), trades("1.30")])
        ended = subprocess.run(
            [sys.executable, EXAMPLE, live_address, replay_address],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    shown = ended.stdout.splitlines()
    assert shown == [f"stream {writer.stream} from its beginning", line_of(1, "1.10"), line_of(3, "1.20")]
    assert ended.stderr == "event 4 is of the unknown kind 'gift': update this program\n"
    assert ended.returncode == 1


def test_it_speaks_curve_where_it_is_given_keys(tmp_path: Path) -> None:
    addresses = free_address(), free_address()
    server_public, server_secret = zmq.curve_keypair()
    own = tmp_path / "own.key"
    keys = ServerKeys(server_secret, frozenset([make_key_file(own)]))
    with (
        closing(open_stream(tmp_path / "stream", *addresses, print, keys)) as writer,
        subscriber(*addresses, server_public.decode(), str(own)) as lines,
    ):
        writer.append([trades("1.10")])
        assert lines.next(2, writer) == [f"stream {writer.stream} from its beginning", line_of(1, "1.10")]
        writer.append([trades("1.20")])
        assert lines.next(1, writer) == [line_of(2, "1.20")]


def test_it_follows_a_restarted_app_and_starts_over_with_another_journal(tmp_path: Path) -> None:
    addresses = free_address(), free_address()
    folder, copy = tmp_path / "stream", tmp_path / "copy"

    def opened() -> DurableLog:
        return open_stream(folder, *addresses, print)

    with subscriber(*addresses) as lines:
        with closing(opened()) as writer:
            stream = writer.stream
            writer.append([trades("1.10")])
            assert lines.next(2, writer) == [f"stream {stream} from its beginning", line_of(1, "1.10")]
        shutil.copytree(folder, copy)
        with closing(opened()) as writer:
            writer.append([trades("1.20")])
            writer.append([trades("1.30")])
            assert lines.next(2, writer) == [line_of(2, "1.20"), line_of(3, "1.30")]
        shutil.rmtree(folder)
        copy.rename(folder)
        with closing(opened()) as writer:
            writer.append([trades("9.20")])
            writer.append([trades("1.30")])  # the last one is the same, and only the hash tells
            assert lines.next(4, writer) == [
                f"stream {stream} from its beginning",
                line_of(1, "1.10"),
                line_of(2, "9.20"),
                line_of(3, "1.30"),
            ]
        shutil.rmtree(folder)
        with closing(opened()) as writer:
            writer.append([trades("5.10")])
            assert lines.next(2, writer) == [f"stream {writer.stream} from its beginning", line_of(1, "5.10")]
            assert lines.nothing_more()
