"""Both apps as processes, and a desk in front of them that a field case sends its rows to."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.apps import Apps, running_apps
from tests.support.http import HTTP
from tests.support.ledger_figures import Figures, Position
from tests.support.sidecar_figures import figures_of_apps
from tests.trading_app.hooks.conftest import Hooks

DATA = Path(__file__).parent / "data"

Row = dict[str, str]


class Desk:
    """One account of the running apps; each field case has its own."""

    def __init__(self, apps: Apps, account: str) -> None:
        self.account = account
        self._apps = apps
        self._last = 0

    def rows(self, name: str, delimiter: str = ",", skip: int = 0) -> list[Row]:
        """The rows of a CSV file, after `skip` lines before its header."""
        lines = (DATA / name).read_text("utf-8").splitlines()[skip:]
        return list(csv.DictReader(lines, delimiter=delimiter))

    def messages(self, name: str) -> list[dict[str, Any]]:
        """The objects of a JSON file, with the digits of its numbers."""
        found: list[dict[str, Any]] = json.loads((DATA / name).read_text("utf-8"), parse_float=str)
        return found

    def post(self, *trades: dict[str, Any]) -> dict[str, Any]:
        """Send fills in one batch; the answer."""
        return self._post("/trades", [{"account": self.account} | trade for trade in trades])

    def say(self, kind: str, **content: Any) -> dict[str, Any]:
        """Send an event of another kind; the answer."""
        owner = {} if kind in ("instrument", "price", "rate", "void") else {"account": self.account}
        return self._post("/events", owner | {"kind": kind} | content)

    def _post(self, path: str, body: object) -> dict[str, Any]:
        response = HTTP.post(f"{self._apps.web_url}{path}", json=body, timeout=60)
        answer: dict[str, Any] = response.json()
        assert response.is_success, answer
        self._last = max(self._last, answer.get("last_seq", answer.get("seq", 0)))
        return answer

    def send_to_webhook(self, path: str, message: dict[str, Any], form: str) -> dict[str, Any]:
        """Send a bot's message as `json`, as a `form`, or `raw`; the answer."""
        sent: dict[str, Any] = {"data": message} if form == "form" else {"content": json.dumps(message)}
        kind = {"json": "application/json", "form": "application/x-www-form-urlencoded", "raw": "text/plain"}[form]
        response = HTTP.post(f"{self._apps.web_url}{path}", headers={"Content-Type": kind}, timeout=60, **sent)
        answer: dict[str, Any] = response.raise_for_status().json()
        self._last = max(self._last, answer.get("last_seq", 0))
        return answer

    def expect_applied(self, sequence: int) -> None:
        """Figures are to be those after this sequence, or later."""
        self._last = max(self._last, sequence)

    def figures(self) -> Figures:
        """All figures of the sidecar, after everything that was sent."""
        self._apps.wait_until_applied(self._last)
        return figures_of_apps(self._apps)

    def position(self, symbol: str) -> Position:
        """The account's only position in a symbol."""
        positions = self.figures().positions.items()
        (found,) = [one for key, one in positions if (key.account, key.symbol) == (self.account, symbol)]
        return found

    def journaled(self, symbol: str) -> list[dict[str, Any]]:
        """The account's fills in a symbol, as journaled."""
        query = {"account": self.account, "symbol": symbol}
        answer = HTTP.get(f"{self._apps.web_url}/trades", params=query, timeout=60).raise_for_status().json()
        trades: list[dict[str, Any]] = answer["trades"]
        return trades


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Hooks:
    """A webhook for each format of freqtrade's messages, for the account of its test."""
    made = Hooks(tmp_path_factory.mktemp("hooks"))
    for form in ("json", "form", "raw"):
        made.add(form, "preset: freqtrade", f"account: 28_bot_messages[{form}]")
    return made


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory, hooks: Hooks) -> Iterator[Apps]:
    """Both apps, ready."""
    with running_apps(tmp_path_factory.mktemp("apps"), WEBAPP_HOOKS_FILE=str(hooks.file)) as started:
        yield started


@pytest.fixture
def desk(apps: Apps, request: pytest.FixtureRequest) -> Desk:
    """An account named after the test."""
    return Desk(apps, request.node.name.removeprefix("test_"))
