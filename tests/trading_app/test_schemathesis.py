"""The OpenAPI document and the app say the same: each call is asked what the document allows, and what it does not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.examples import some_of
from tests.support.schemathesis_run import ask_everything
from tests.trading_app.running import RunningApp, running

# A live stream has no end. Without one, what is refused is tried here; what a stream sends: test_live_stream.py.
SETTINGS = {"WEBAPP_MAX_LIVE_STREAMS": "0", "LOG_LEVEL": "INFO"}
TOKEN = "a-token-of-the-tests"


@pytest.fixture(params=["", TOKEN], ids=["open", "with tokens"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningApp]:
    with running(tmp_path, WEBAPP_API_TOKENS=request.param, **SETTINGS) as app:
        yield app


def test_each_call_does_what_the_document_says(app: RunningApp) -> None:
    token = app.environment["WEBAPP_API_TOKENS"]
    # The events of every kind take most of the time, and a token changes nothing about what they may say.
    left_out = ("--exclude-path", "/events") if token else ()
    report = ask_everything(app.url, some_of(8), "--generation-deterministic", *left_out, token=token)
    selected, total = re.findall(r"Operations: +(\d+) selected / (\d+) total", report)[0]
    assert int(total) - int(selected) == (2 if token else 0)
    assert "a request failed" not in app.log_text()
