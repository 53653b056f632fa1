"""The app is killed while a bot sends: nothing is taken twice, and nothing that was answered is lost."""

import json
import random
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx

from tests.support.http import open_client
from tests.support.polling import eventually
from tests.trading_app.hooks.conftest import Bot, Hooks, journal_locked
from tests.trading_app.running import RunningApp, running

KILLS = 4
WAITING = 'trading_app_hook_waiting_messages{hook="bot"}'
ENTRY = {
    "type": "entry_fill", "exchange": "Kraken", "pair": "ETH/EUR", "direction": "Long", "open_rate": "2000.5",
    "open_date": "2026-07-08 08:00:18+00:00", "sub_trade": "False",
}  # fmt: skip


def message(number: int) -> dict[str, Any]:
    """Every third one can't be read."""
    amount = {} if number % 3 == 2 else {"amount": f"0.{number + 1:04}"}
    return ENTRY | {"trade_id": str(number)} | amount


class Sender:
    """Sends one message after the other, each until it is answered, as a bot with `retries` does."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.answered = dict[int, str]()
        self.next = 0

    def send_until_the_app_is_gone(self, app: RunningApp) -> None:
        with open_client(app.url) as client:
            while True:
                try:
                    answer = client.post(self._path, json=message(self.next))
                except httpx.TransportError:
                    return
                if answer.is_success:
                    self.answered[self.next] = answer.json()["status"]
                    self.next += 1


def test_a_bot_sends_while_the_app_is_killed(tmp_path: Path) -> None:
    chance = random.Random(28)
    hooks = Hooks(tmp_path)
    hooks.add("bot", "preset: freqtrade", "account: bot")
    sender = Sender(hooks.path("bot"))
    for kill in range(KILLS):
        # Once, another program has the journal: what can be read is kept, and may be in the journal after the kill.
        locked = journal_locked if kill == 1 else nullcontext
        with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app, locked(app):
            thread = threading.Thread(target=sender.send_until_the_app_is_gone, args=(app,))
            before = sender.next
            thread.start()
            while sender.next < before + chance.randint(5, 40):
                thread.join(0.001)
            app.process.kill()
            thread.join()
    assert sender.next > KILLS * 5
    assert all((status == "unread") == (number % 3 == 2) for number, status in sender.answered.items())
    assert "waiting" in sender.answered.values()
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        eventually(lambda: app.metric(WAITING) == 0, what="what waited in the journal")
        trades, unread = journaled(app), kept(bot)
        assert {number for number in sender.answered if number % 3 != 2} <= set(trades)
        assert trades == sorted(trades), "in the order in which they were sent"
        assert {number for number in sender.answered if number % 3 == 2} <= set(unread)
        for number in range(sender.next + 1):
            app.client.post(hooks.path("bot"), json=message(number)).raise_for_status()
        assert sorted(journaled(app)) == [number for number in range(sender.next + 1) if number % 3 != 2]
        assert sorted(kept(bot)) == [number for number in range(sender.next + 1) if number % 3 == 2]


def journaled(app: RunningApp) -> list[int]:
    """The numbers of the messages in the journal, by their amounts."""
    lines = app.client.get("/trades", headers={"Accept": "application/x-ndjson"}).text.splitlines()
    return [int(json.loads(line)["qty"].removeprefix("0.")) - 1 for line in lines]


def kept(bot: Bot) -> list[int]:
    """The numbers of the kept messages."""
    return [int(json.loads(one["body"])["trade_id"]) for one in bot.unread()]
