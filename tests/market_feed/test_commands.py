"""The commands of market-feed, as a user runs them."""

import os
import subprocess
from pathlib import Path

import pytest

from market_feed import __version__
from tests.support.apps import BIN


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TZ": "Asia/Kathmandu", **settings}
    command = [str(BIN / "market-feed"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


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
