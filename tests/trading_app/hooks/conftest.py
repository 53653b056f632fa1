"""An app with webhooks, and what their senders send."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from tests.trading_app.running import RunningApp, running
from trading_app.hooks.hook import make_secret
from trading_app.metrics import HOOK_OUTCOMES

FIELD_CASE = Path(__file__).parents[2] / "field_cases/data/28-freqtrade-webhook-messages.json"


class Hooks:
    """Makes a file of webhooks, and remembers their secrets."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "webhooks.yml"
        self.secrets: dict[str, str] = {}
        self._lines = ["version: 1", "hooks:"]

    def add(self, name: str, *lines: str, over: str = "") -> None:
        """A hook with a new secret, which is over at a time if one is given, and these further lines."""
        self.secrets[name], entry = make_secret()
        entry += f" until {over}" if over else ""
        self._lines += [f"  - name: {name}", f"    secrets: [{entry}]", *(f"    {line}" for line in lines)]
        self.file.write_text("\n".join(self._lines) + "\n")

    def path(self, name: str) -> str:
        """The path of its URL."""
        return f"/hooks/{name}/{self.secrets[name]}"


class Bot:
    """A sender of one hook."""

    def __init__(self, app: RunningApp, hooks: Hooks, name: str) -> None:
        self.app = app
        self.name = name
        self.path = hooks.path(name)

    def send(self, message: dict[str, Any] | str, form: str = "json") -> httpx.Response:
        """Send one message as JSON, as a form, or as plain text."""
        if form == "form":
            assert isinstance(message, dict)
            return self.app.client.post(self.path, data={name: str(value) for name, value in message.items()})
        text = message if isinstance(message, str) else json.dumps(message)
        kinds = {"json": "application/json", "raw": "text/plain"}
        return self.app.client.post(self.path, content=text, headers={"Content-Type": kinds[form]})

    def unread(self) -> list[dict[str, Any]]:
        """The kept messages of the hook, read page by page."""
        messages, after = list[dict[str, Any]](), ""
        while after is not None:
            page = self.app.client.get(f"/hooks/{self.name}/unread", params={"after": after}).raise_for_status().json()
            messages, after = messages + page["messages"], page["next_after"]
        return messages

    def counted(self) -> dict[str, int]:
        """The messages of the hook so far, by outcome."""
        sample = 'trading_app_hook_messages_total{{hook="{}",outcome="{}"}}'
        return {outcome: int(self.app.metric(sample.format(self.name, outcome))) for outcome in HOOK_OUTCOMES}

    def trades(self) -> list[dict[str, Any]]:
        """The fills of the hook's account, whose name is the hook's."""
        answer = self.app.client.get("/trades", params={"account": self.name})
        trades: list[dict[str, Any]] = answer.raise_for_status().json()["trades"]
        return trades


@contextmanager
def journal_locked(app: RunningApp) -> Iterator[None]:
    """Another program has the journal, for longer than the app waits."""
    with closing(sqlite3.connect(app.data_folder / JOURNAL_FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


NAMES = ("freqtrade-json", "freqtrade-form", "freqtrade-raw", "freqtrade")


@pytest.fixture(scope="session")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Hooks:
    made = Hooks(tmp_path_factory.mktemp("hooks"))
    for name in NAMES:
        made.add(name, "preset: freqtrade", f"account: {name}", "strategy: scalper")
    return made


@pytest.fixture(scope="session")
def hooked(tmp_path_factory: pytest.TempPathFactory, hooks: Hooks) -> Iterator[RunningApp]:
    with running(tmp_path_factory.mktemp("hooked"), WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        yield app


@pytest.fixture
def bot(tmp_path: Path, hooks: Hooks) -> Iterator[Bot]:
    """The sender of the hook `bot`, with an app of its own: for modules whose `hooks` have one of this name."""
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        yield Bot(app, hooks, "bot")


def field_case() -> list[dict[str, Any]]:
    """The messages of the field case, with the digits of their numbers."""
    messages: list[dict[str, Any]] = json.loads(FIELD_CASE.read_text(), parse_float=str)
    return [{name: value for name, value in message.items() if name != "config"} for message in messages]
