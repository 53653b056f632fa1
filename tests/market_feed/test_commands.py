"""The commands of market-feed, as a user runs them."""

import asyncio
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from market_feed import __version__
from market_feed.environment import FOLDER
from market_feed.simulator.exchange import Exchange
from market_feed.simulator.tape import Tick, as_matches, read_recording
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.wire import split
from tests.market_feed import recordings
from tests.market_feed.recordings import only
from tests.market_feed.running import facts, journaled
from tests.support.apps import BIN
from tests.support.fake_exchange import fake_exchange
from tests.support.ports import free_address, free_port
from tests.support.programs import run_command

TICKS = recordings.cut()


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return run_command("market-feed", *arguments, environment={**os.environ, "TZ": "Asia/Kathmandu", **settings})


@pytest.fixture
def schedule(tmp_path: Path) -> Path:
    file = tmp_path / "schedule.yml"
    times = "[{start_time: '22:00', end_time: '02:00'}]"
    file.write_text(f"version: 1\nwindows:\n  - {{name: night, symbols: [BTC-USDT], times: {times}}}\n")
    return file


def test_the_next_openings_are_printed_in_utc_and_here(schedule: Path) -> None:
    done = run("schedule", "--next", "2", FEED_SCHEDULE_FILE=str(schedule), FEED_SYMBOLS="BTC-USDT,ETH-USDT")
    assert (done.returncode, done.stderr) == (0, "")
    symbol, *openings, other = done.stdout.splitlines()
    assert (symbol, other, len(openings)) == ("BTC-USDT", "ETH-USDT: never", 2)
    assert all("22:00:00 to " in line and "02:00:00 UTC (" in line and line.endswith("  night") for line in openings)
    assert all("03:45:00 +0545 here" in line for line in openings)


def test_a_sound_schedule_is_said_to_be_one() -> None:
    done = run("schedule", "check", FEED_SYMBOLS="BTC-USDT", FEED_SCHEDULE_FILE="")
    assert done.returncode == 0
    assert done.stdout.endswith("config/ingestion_schedule.yml: no windows: always open\n")


def test_a_schedule_that_never_opens_for_a_symbol_or_can_not_be_read_is_named(schedule: Path) -> None:
    done = run("schedule", "check", FEED_SCHEDULE_FILE=str(schedule), FEED_SYMBOLS="ETH-USDT")
    assert (done.returncode, "never opens for ETH-USDT" in done.stdout) == (1, True)
    schedule.write_text("version: 1\nwindows: [{name: a, times: [{start_time: 1020, end_time: '18:00'}]}]")
    done = run("schedule", "check", FEED_SCHEDULE_FILE=str(schedule))
    assert done.returncode == 1
    assert "$.windows[0].times[0].start_time" in done.stderr.replace("`", "")
    assert "in quotes" in done.stderr


def test_a_wrong_setting_ends_with_exit_code_2() -> None:
    done = run("schedule", FEED_SYMBOLS="BTC")
    assert (done.returncode, "FEED_SYMBOLS" in done.stderr) == (2, True)
    assert run("--version").stdout == f"{__version__}\n"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """The cut as `record` writes it."""
    file = tmp_path / "recording.ws.gz"
    with gzip.open(file, "wb") as lines:
        for tick in TICKS:
            frame = json.dumps({"stream": tick.stream, "data": tick.data}, separators=(",", ":"))
            lines.write(f"{tick.at_ns} {frame}\n".encode())
    return file


def events_in(folder: Path) -> list[dict[str, Any]]:
    with closing(JournalReader(folder)) as reader:
        return [json.loads(event) for event in split(reader.read(0, 1_000_000, 1 << 28))]


def test_a_recording_is_replayed_into_a_journal_of_its_own_once(tmp_path: Path, recording: Path) -> None:
    arguments = ("replay", str(recording), "--folder", str(tmp_path / "played"), "--speed", "max")
    addresses = {"FEED_ZMQ_ADDR": free_address(), "FEED_REPLAY_ADDR": free_address()}
    done = run(*arguments, FEED_SYMBOLS="BTC-USDT", **addresses)
    assert (done.returncode, done.stderr) == (0, "")
    events = events_in(tmp_path / "played")
    assert journaled(events) == facts(only(TICKS, "aggTrade"))
    assert "received_at_ns" in events[0]
    again = run(*arguments, FEED_SYMBOLS="BTC-USDT", **addresses)
    assert " 0 new events" in again.stdout
    single = run(*arguments, FEED_SYMBOLS="BTC-USDT", FEED_TRADES="single", **addresses)
    assert f" {len(only(TICKS, 'trade')):,} new events" in single.stdout


def test_a_replay_has_candles_once_and_says_that_no_trade_was_wanted(tmp_path: Path) -> None:
    kline = {"t": 1_794_999_960_000_000, "i": "1m", "o": "1", "c": "2", "h": "3", "l": "1", "v": "9", "n": 4, "x": True}
    frames = [
        {"e": "kline", "E": 1_795_000_020_000_000, "s": "BTCUSDT", "k": kline},
        {"e": "trade", "s": "BTCUSDT", "t": 1},
    ]
    lines = [f"1795000020000000000 {json.dumps({'stream': 'x', 'data': one})}\n" for one in frames]
    file = tmp_path / "recording.gz"
    file.write_bytes(gzip.compress("".join(lines * 2).encode()))
    addresses = {"FEED_ZMQ_ADDR": free_address(), "FEED_REPLAY_ADDR": free_address()}
    arguments = ("replay", str(file), "--folder", str(tmp_path / "played"), "--speed", "max")
    done = run(*arguments, FEED_SYMBOLS="BTC-USDT", **addresses)
    assert (done.returncode, "no trade in it is of FEED_SYMBOLS (BTC-USDT)" in done.stderr) == (0, True)
    assert [(one["kind"], one["high"]) for one in events_in(tmp_path / "played")] == [("candle", "3")]
    assert " 0 new events" in run(*arguments, FEED_SYMBOLS="BTC-USDT", **addresses).stdout


def test_a_file_that_is_no_recording_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.gz"
    file.write_bytes(b"nothing")
    addresses = {"FEED_ZMQ_ADDR": free_address(), "FEED_REPLAY_ADDR": free_address()}
    done = run("replay", str(file), "--folder", str(tmp_path / "played"), FEED_SYMBOLS="BTC-USDT", **addresses)
    assert (done.returncode, "can't replay" in done.stderr) == (1, True)


@pytest.mark.long
@pytest.mark.parametrize("venue", ["binance", "coinbase"])
def test_check_says_what_it_saw_and_what_is_wrong(venue: str) -> None:
    ticks = [*TICKS, *as_matches(TICKS, "BTC-USDT")]
    with fake_exchange() as exchange:
        playing = exchange.play(ticks[:500] + list(as_matches(TICKS[:500], "BTC-USDT")))
        playing.result(60)
        later = [ticks[500:], list(as_matches(TICKS, "BTC-USDT"))[250:]][venue == "coinbase"]
        playing = exchange.begin(when_subscribed(exchange.exchange, later))
        done = run("check", FEED_VENUES=venue, FEED_SYMBOLS="BTC-USDT", **exchange.settings)
        playing.result(60)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "sound"), done.stdout
        for word in ("the venue's clock is", "subscribed to 2 streams", "the page before it has every id"):
            assert word in done.stdout
        exchange.exchange.faults.rest_status = 451
        exchange.exchange.faults.unknown_streams = {"btcusdt@aggTrade", "BTC-USDT@matches"}
        done = run("check", FEED_VENUES=venue, FEED_SYMBOLS="BTC-USDT", **exchange.settings)
        assert (done.returncode, "problem" in done.stdout.splitlines()[-1]) == (1, True)
        assert "does not send" in done.stdout


async def when_subscribed(exchange: Exchange, ticks: Sequence[Tick], *, ends: bool = False) -> None:
    """Play once somebody listens; then end the connection if `ends`."""
    while not any(one.streams for one in exchange.subscribers):
        await asyncio.sleep(0.01)
    await exchange.play(ticks)
    if ends:
        exchange.cut("1001")


def test_what_a_venue_sends_is_recorded_as_it_came(tmp_path: Path) -> None:
    file = tmp_path / "new.ws.gz"
    with fake_exchange() as exchange:
        playing = exchange.begin(when_subscribed(exchange.exchange, TICKS, ends=True))
        arguments = ("record", str(file), "--seconds", "3600")
        done = run(*arguments, FEED_SYMBOLS="BTC-USDT", FEED_TIME_UNIT="millisecond", **exchange.settings)
        playing.result(60)
        assert (done.returncode, done.stderr) == (0, "")
        assert only(list(read_recording(file)), "aggTrade") == only(TICKS, "aggTrade")
        again = run(*arguments, FEED_SYMBOLS="BTC-USDT", **exchange.settings)
        assert (again.returncode, "exists already" in again.stderr) == (1, True)


def test_a_simulated_exchange_can_be_followed(tmp_path: Path) -> None:
    port = free_port()
    command = [str(BIN / "market-feed"), "simulate", "--port", str(port), "--rate", "500"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as simulated:
        try:
            assert simulated.stdout is not None
            lines = [simulated.stdout.readline() for _ in range(5)]
            settings = dict(line.strip().split("=", 1) for line in lines[1:])
            done = run("check", FEED_VENUES="binance,coinbase", FEED_SYMBOLS="BTC-USDT", **settings)
            assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "sound"), done.stdout
        finally:
            simulated.terminate()


def test_export_without_pyarrow_says_what_to_install(tmp_path: Path) -> None:
    program = "import sys; sys.modules['pyarrow'] = None; from market_feed.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "export", "--parquet", str(tmp_path / "x.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "pyarrow" in done.stderr) == (1, True)


def test_trades_are_exported_with_every_digit(tmp_path: Path, recording: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    addresses = {"FEED_ZMQ_ADDR": free_address(), "FEED_REPLAY_ADDR": free_address()}
    folder = tmp_path / "data" / FOLDER
    arguments = ("--folder", str(folder), "--speed", "max")
    run("replay", str(recording), *arguments, FEED_SYMBOLS="BTC-USDT", **addresses)
    file = tmp_path / "trades.parquet"
    done = run("export", "--parquet", str(file), DATA_DIR=str(tmp_path / "data"))
    assert (done.returncode, done.stderr) == (0, "")
    rows = parquet.read_table(file).to_pylist()
    assert journaled(rows) == facts(only(TICKS, "aggTrade"))
