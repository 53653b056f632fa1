"""The sidecar as a process, against a real journal and real sockets."""

import asyncio
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from metrics_sidecar import __version__
from metrics_sidecar.environment import read_settings
from metrics_sidecar.follow import Saver, Tracker
from metrics_sidecar.run import parts_of
from metrics_sidecar.snapshot import FILE_NAME, SnapshotFile
from service_kit.access.token_throttle import MAX_WRONG
from service_kit.lifecycle.ending import Ending
from service_kit.lifecycle.serve import Address, Serving, serve
from service_kit.lifecycle.signals import EndSignals
from service_kit.settings import Environment
from telemetry_stream.events import Delivery, Event, Submission
from telemetry_stream.testing.memory import MemoryStream, MemorySubscriber
from tests.metrics_sidecar.builders import Trade, event, trade
from tests.support.apps import Apps, answers
from tests.support.http import HTTP, open_client
from tests.support.oracle import expected_samples, keep_books, shows
from tests.support.polling import eventually
from tests.support.ports import free_port
from tests.support.programs import run_command
from tests.telemetry_stream.streams import open_stream
from trading_model.accounting.state import TradingState

SEED = 20_260_304
SIDECAR = "metrics-sidecar"


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    """A sidecar that saves often; whatever was started is ended."""
    made = Apps(tmp_path, SIDECAR_SNAPSHOT_SECONDS="0.1")
    yield made
    for process in made.processes.values():
        process.kill()
        process.wait()


class Writer:
    """Stands for the web app: journals trades and publishes them, and keeps count of what it took."""

    def __init__(self, apps: Apps) -> None:
        self.trades: list[Trade] = []
        self._chance = random.Random(SEED)
        self._stream = open_stream(
            apps.folder / "journal",
            apps.environment["WEBAPP_ZMQ_ADDR"],
            apps.environment["WEBAPP_REPLAY_ADDR"],
            lambda error: pytest.fail(repr(error)),
        )

    def put(self, count: int) -> None:
        events = []
        for _ in range(count):
            side, symbol = self._chance.choice(("buy", "sell")), self._chance.choice(("XRP/ETH", "BTCUSDT"))
            price, qty = f"{self._chance.randint(1, 9_999)}e-3", f"{self._chance.randint(1, 90)}"
            self.trades.append(trade(side, qty, price, symbol=symbol, fee="0.003", fee_currency="ETH"))
            sequence = len(self.trades)
            events.append(Event(f"{sequence}", b"{" + event(sequence, self.trades[-1]).split(b",", 1)[1]))
        self._stream.append([Submission(events)])

    def close(self) -> None:
        self._stream.close()


@contextmanager
def writing(apps: Apps) -> Iterator[Writer]:
    writer = Writer(apps)
    try:
        yield writer
    finally:
        writer.close()


def assert_figures_are_those_of(apps: Apps, writer: Writer) -> None:
    apps.wait_until_applied(len(writer.trades))
    shown = apps.samples()
    for name, exact in expected_samples(keep_books(writer.trades)).items():
        assert shows(shown[name], exact), f"{name} shows {shown[name]}, it is {float(exact)!r}"


def test_it_answers_503_until_the_stream_is_there_then_with_its_figures(apps: Apps) -> None:
    apps.start(SIDECAR)
    eventually(lambda: answers(f"{apps.sidecar_url}/healthz"))
    refusal = HTTP.get(f"{apps.sidecar_url}/metrics")
    assert (refusal.status_code, refusal.json()["code"]) == (503, "not_caught_up")
    with writing(apps) as writer:
        writer.put(200)
        assert_figures_are_those_of(apps, writer)
        writer.put(3)
        assert_figures_are_those_of(apps, writer)


def test_sigterm_saves_a_snapshot_and_ends_with_0_beside_an_idle_client(apps: Apps) -> None:
    apps.environment["SIDECAR_SNAPSHOT_SECONDS"] = "3600"
    apps.start(SIDECAR)
    with writing(apps) as writer:
        writer.put(50)
        apps.wait_until_applied(50)
        with open_client() as idle:
            idle.get(f"{apps.sidecar_url}/metrics")
            assert apps.stop() == {SIDECAR: 0}
    snapshot = SnapshotFile(apps.folder / "data").load()
    assert snapshot is not None
    assert snapshot.position.sequence == 50


def test_ctrl_c_ends_it_with_0(apps: Apps) -> None:
    apps.start(SIDECAR)
    eventually(lambda: answers(f"{apps.sidecar_url}/healthz"))
    apps.processes[SIDECAR].send_signal(signal.SIGINT)
    assert apps.processes[SIDECAR].wait(timeout=60) == 0


def test_killed_again_and_again_it_comes_back_with_the_same_figures_and_no_total_ever_goes_back(apps: Apps) -> None:
    chance = random.Random(SEED)
    highest: dict[str, float] = {}

    def scrape() -> None:
        for name, text in apps.samples().items():
            if "_total" in name and "trading_" in name and "symbol=" in name:
                assert float(text) >= highest.get(name, 0), name
                highest[name] = float(text)

    with writing(apps) as writer:
        for _ in range(5):
            apps.start(SIDECAR)
            writer.put(400)
            eventually(lambda: answers(f"{apps.sidecar_url}/metrics"))
            scrape()
            deadline = time.monotonic() + chance.uniform(0, 0.3)
            while time.monotonic() < deadline:
                writer.put(chance.randint(1, 30))
            scrape()
            apps.kill(SIDECAR)
        apps.start(SIDECAR)
        assert_figures_are_those_of(apps, writer)
        scrape()


@pytest.mark.parametrize("spoil", ["cut off", "changed", "gone", "of another stream"])
def test_figures_are_the_same_after_any_fault_of_the_snapshot(apps: Apps, spoil: str) -> None:
    path = apps.folder / "data" / FILE_NAME
    apps.start(SIDECAR)
    with writing(apps) as writer:
        writer.put(100)
        apps.wait_until_applied(100)
        apps.stop()
        content = path.read_bytes()
        if spoil == "cut off":
            path.write_bytes(content[: len(content) // 2])
        elif spoil == "changed":
            path.write_bytes(content.replace(b'"buy_trades":', b'"buy_tradex":', 1))
        elif spoil == "gone":
            path.unlink()
        else:
            (apps.folder / "journal").rename(apps.folder / "old")
    with writing(apps) as writer_again:
        if spoil == "of another stream":
            writer_again.put(7)
        else:
            writer_again.trades = writer.trades
        apps.start(SIDECAR)
        assert_figures_are_those_of(apps, writer_again)


def run_to_its_end(apps: Apps, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command(SIDECAR, *arguments, environment=apps.environment, folder=apps.folder)


def test_a_caller_can_not_evade_the_throttle_by_forwarded_addresses(apps: Apps) -> None:
    apps.start(SIDECAR, SIDECAR_API_TOKENS="the-token-that-is-right")
    eventually(lambda: answers(f"{apps.sidecar_url}/healthz"), what="the sidecar's answer")
    with open_client() as client:
        statuses = [
            client.get(
                f"{apps.sidecar_url}/metrics",
                headers={"Authorization": f"Bearer guess-{number}", "X-Forwarded-For": f"192.0.2.{number}"},
            ).status_code
            for number in range(MAX_WRONG + 1)
        ]
    assert statuses == [401] * MAX_WRONG + [429]


def test_a_port_in_use_ends_it_with_1_and_names_the_setting(apps: Apps) -> None:
    with socket.create_server(("127.0.0.1", apps.sidecar_port)):
        ended = run_to_its_end(apps)
    assert ended.returncode == 1
    assert "SIDECAR_HTTP_PORT" in ended.stderr
    assert "in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_data_folder_that_cant_be_made_ends_it_with_1_and_names_the_setting(apps: Apps) -> None:
    (apps.folder / "file").touch()
    apps.environment["DATA_DIR"] = str(apps.folder / "file")
    ended = run_to_its_end(apps)
    assert ended.returncode == 1
    assert "DATA_DIR" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_bad_setting_ends_it_with_2_and_one_line(apps: Apps) -> None:
    apps.environment["SIDECAR_HTTP_HOST"] = "0.0.0.0"
    ended = run_to_its_end(apps)
    assert ended.returncode == 2
    assert re.fullmatch(r"metrics-sidecar: SIDECAR_HTTP_HOST=.*SIDECAR_API_TOKENS.*\n", ended.stderr)


def test_version_and_help_are_printed(apps: Apps) -> None:
    assert run_to_its_end(apps, "--version").stdout == f"{__version__}\n"
    assert "/metrics" in run_to_its_end(apps, "--help").stdout
    assert run_to_its_end(apps, "--what").returncode == 2


class BrokenSubscriber(MemorySubscriber):
    """A subscriber that fails."""

    async def deliveries(self) -> AsyncIterator[Delivery]:
        await asyncio.sleep(0)
        raise LookupError("broken")
        yield


def test_if_following_fails_the_whole_process_ends_with_1(tmp_path: Path) -> None:
    tracker = Tracker(BrokenSubscriber(MemoryStream()), TradingState(10))
    settings = read_settings(Environment({}, tmp_path))

    def start(ending: Ending) -> Serving:
        return parts_of(settings, tracker, Saver(tracker, SnapshotFile(tmp_path)), ending, max_connections=10)

    signals = EndSignals()
    try:
        assert asyncio.run(serve(Address("127.0.0.1", free_port(), "SIDECAR"), start, signals)) == 1
    finally:
        signals.give_back()
