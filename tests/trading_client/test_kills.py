"""A trade whose `record` returned is in the app exactly once, whoever is killed and when."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.apps import Apps
from tests.support.examples import some_of
from tests.support.polling import PATIENCE_SECONDS
from tests.trading_client.reading import ids_of
from trading_client import TradingClient

ROOT = Path(__file__).parents[2]


class Bot:
    """A bot in a process of its own. `recorded` has the ids that it was given."""

    def __init__(self, url: str, spool: Path, account: str, *more: str) -> None:
        command = [sys.executable, "-m", "tests.trading_client.bot", url, str(spool), account, *more]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.recorded: list[str] = []

    def record_more(self, count: int) -> None:
        """Wait until this number of further trades is recorded."""
        assert self._process.stdout
        for _ in range(count):
            line = self._process.stdout.readline()
            assert line.endswith(b"\n"), "the bot ended"
            self.recorded.append(line.decode().strip())

    def kill(self) -> None:
        """Kill it wherever it is, and take note of what it recorded until then."""
        self._process.kill()
        self.end()

    def end(self) -> int:
        """Wait for its end, and take note of what it recorded until then; its exit code."""
        assert self._process.stdout
        with self._process.stdout as rest:
            # An id without its line break was recorded, too, but its beginning alone is not an id.
            self.recorded += [line.decode().strip() for line in rest if line.endswith(b"\n")]
        return self._process.wait(PATIENCE_SECONDS)


def send_what_is_left(url: str, spool: Path) -> None:
    with TradingClient(url, spool=spool) as client:
        assert client.flush(PATIENCE_SECONDS), client.status()


def assert_once(app: Apps, account: str, recorded: list[str], kills: int) -> None:
    """Each recorded trade is there once. Of each kill, one more may be: written, but `record` had not returned."""
    stored = ids_of(app, account)
    assert len(stored) == len(set(stored))
    assert set(recorded) <= set(stored)
    assert len(stored) <= len(recorded) + kills


def test_a_killed_bot_loses_no_recorded_trade(app: Apps, tmp_path: Path) -> None:
    chance, recorded, kills = random.Random(1), list[str](), some_of(10)
    for _ in range(kills):
        bot = Bot(app.web_url, tmp_path, "bot")
        bot.record_more(chance.choice((1, 2, 50, 500, 2_000)))
        bot.kill()
        recorded += bot.recorded
    send_what_is_left(app.web_url, tmp_path)
    assert_once(app, "bot", recorded, kills)
    assert list(tmp_path.iterdir()) == []


def test_a_bot_killed_while_no_app_runs_loses_nothing(app: Apps, tmp_path: Path) -> None:
    bot = Bot("http://127.0.0.1:9", tmp_path, "alone")
    bot.record_more(100)
    bot.kill()
    send_what_is_left(app.web_url, tmp_path)
    assert_once(app, "alone", bot.recorded, 1)


def test_a_bot_that_ends_sends_what_it_has(app: Apps, tmp_path: Path) -> None:
    bot = Bot(app.web_url, tmp_path, "exit", "1500")
    assert bot.end() == 0
    assert len(bot.recorded) == 1_500
    assert ids_of(app, "exit") == bot.recorded
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("both", [False, True], ids=["app", "app and bot"])
def test_a_killed_app_gets_every_trade_once(tmp_path: Path, both: bool) -> None:
    apps, chance, kills = Apps(tmp_path), random.Random(2), some_of(6)
    try:
        apps.start("trading-app")
        apps.wait_for("trading-app")
        bot = Bot(apps.web_url, tmp_path / "spool", "both")
        recorded = []
        for _ in range(kills):
            bot.record_more(chance.choice((10, 300, 3_000)))
            apps.kill("trading-app")
            bot.record_more(chance.choice((1, 200)))
            if both:
                bot.kill()
                recorded += bot.recorded
                bot = Bot(apps.web_url, tmp_path / "spool", "both")
            apps.start("trading-app")
        bot.kill()
        recorded += bot.recorded
        apps.wait_for("trading-app")
        send_what_is_left(apps.web_url, tmp_path / "spool")
        assert_once(apps, "both", recorded, kills + 1)
    finally:
        apps.end()
