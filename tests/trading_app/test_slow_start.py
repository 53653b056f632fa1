"""A journal that takes long to open, as for an upgrade: requests get 503 until it is open."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trading_app.problem_documents import problem
from tests.trading_app.raw_http import TRADE
from tests.trading_app.running import RunningApp, opened, opening

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    with opening(tmp_path) as app:
        yield app


def test_requests_get_503_until_the_journal_is_open(app: RunningApp) -> None:
    for method, path in (
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/"),
        ("POST", "/trade"),
    ):
        response = app.client.request(method, path, content=TRADE if method == "POST" else None, headers=JSON)
        assert "the journal is being opened" in problem(response, "not_ready")["detail"]
        assert response.headers["retry-after"] == "5"
    with opened(app):
        app.wait_until_ready()
        for _ in range(2):  # the second one by the fast path's known head
            assert app.client.post("/trade", content=TRADE, headers=JSON).status_code == 201
        assert app.metric('trading_app_requests_refused_total{code="not_ready"}') >= 5


def test_an_end_does_not_wait_until_the_journal_is_open(app: RunningApp) -> None:
    assert app.stop() == 0
    assert "Traceback" not in app.log_text()


def test_a_journal_that_can_not_be_opened_in_the_end_ends_the_app(app: RunningApp) -> None:
    (app.data_folder / "journal.sqlite3").write_bytes(b"no journal" * 1_000)
    with opened(app):
        assert app.wait() == 1
    assert app.log_text().count("journal.sqlite3 is no database") == 1
    assert "Traceback" not in app.log_text()
