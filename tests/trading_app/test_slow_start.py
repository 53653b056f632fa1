"""A journal that takes long to open, as for an upgrade: requests get 503 until it is open.

The lock file is a named pipe here, so that opening it waits until the test opens the other end.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.polling import eventually
from tests.trading_app.problem_documents import problem
from tests.trading_app.raw_http import TRADE
from tests.trading_app.running import RunningApp

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def opening(tmp_path: Path) -> Iterator[RunningApp]:
    """An app that listens and whose journal is not open yet."""
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "data" / "journal.lock")
    app = RunningApp(tmp_path)
    try:
        eventually(lambda: _is_reached(app), what="an answer")
        yield app
    finally:
        app.end()


def _is_reached(app: RunningApp) -> bool:
    try:
        return app.client.get("/healthz").status_code > 0
    except httpx.TransportError:
        return False


def test_requests_get_503_until_the_journal_is_open(opening: RunningApp, tmp_path: Path) -> None:
    for method, path in (
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/"),
        ("POST", "/trade"),
    ):
        response = opening.client.request(method, path, content=TRADE if method == "POST" else None, headers=JSON)
        assert "the journal is being opened" in problem(response, "not_ready")["detail"]
        assert response.headers["retry-after"] == "5"
    with (tmp_path / "data" / "journal.lock").open("rb"):
        eventually(lambda: opening.client.get("/readyz").status_code == 200, what="the journal open")
        for _ in range(2):  # the second one by the fast path's known head
            assert opening.client.post("/trade", content=TRADE, headers=JSON).status_code == 201
        assert opening.metric('trading_app_requests_refused_total{code="not_ready"}') >= 5


def test_an_end_does_not_wait_until_the_journal_is_open(opening: RunningApp) -> None:
    opening.process.send_signal(signal.SIGTERM)
    assert opening.wait() == 0
    assert "Traceback" not in opening.log_text()


def test_a_journal_that_can_not_be_opened_in_the_end_ends_the_app(opening: RunningApp, tmp_path: Path) -> None:
    (tmp_path / "data" / "journal.sqlite3").write_bytes(b"no journal" * 1_000)
    with (tmp_path / "data" / "journal.lock").open("rb"):
        assert opening.wait() == 1
    assert opening.log_text().count("journal.sqlite3 is no database") == 1
    assert "Traceback" not in opening.log_text()
