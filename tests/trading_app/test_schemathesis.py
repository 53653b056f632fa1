"""The OpenAPI document and the app say the same: each call is asked what the document allows, and what it does not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.built_history import build_first_history
from tests.support.examples import SHARE, some_of
from tests.support.schemathesis_run import PHASES, ask_everything
from tests.trading_app.running import RunningApp, running

# A live stream has no end. Without one, what is refused is tried here; what a stream sends: test_live_stream.py.
SETTINGS = {"WEBAPP_MAX_LIVE_STREAMS": "0", "LOG_LEVEL": "INFO"}
NEEDS_ANALYTICS = "metrics/latest"
ALIKE = ("candles", "equity", "imports", "performance", "pnl", "positions", "round-trips", "symbols", "trades")
"""Calls of the history are made of the same parts: one is asked here, all of them by EXAMPLES=1 and in the torture."""

TOKEN = "a-token-of-the-tests"
QUICK_PHASES = "examples,fuzzing"
EVENTS = "/events"
OF_EVENTS = 2
"""Calls of that path."""


@pytest.fixture(params=["", TOKEN], ids=["open", "with tokens"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningApp]:
    with running(tmp_path, WEBAPP_API_TOKENS=request.param, **SETTINGS) as app:
        build_first_history(app, request.param)
        yield app


@pytest.mark.long
def test_each_call_does_what_the_document_says(app: RunningApp) -> None:
    # Every value that a parameter or a member may have, and every other one, are thousands of calls. Without tokens
    # they are asked by EXAMPLES=1 only, since the answers differ in access alone.
    phases = PHASES if app.environment["WEBAPP_API_TOKENS"] or SHARE >= 1 else QUICK_PHASES
    alike = ALIKE if SHARE < 1 else ()
    left_out = "|".join((NEEDS_ANALYTICS, *alike))
    report = _ask(app, "--exclude-path", EVENTS, "--exclude-path-regex", f"^/api/({left_out})$", phases=phases)
    selected, total = re.findall(r"Operations: +(\d+) selected / (\d+) total", report)[0]
    assert int(total) - int(selected) == OF_EVENTS + 1 + len(alike)


@pytest.mark.long
@pytest.mark.parametrize("app", [""], ids=["open"], indirect=True)
def test_events_of_every_kind_do_what_the_document_says(app: RunningApp) -> None:
    report = _ask(app, "--include-path", EVENTS, phases=PHASES if SHARE >= 1 else QUICK_PHASES)
    assert re.findall(r"Operations: +(\d+) selected", report) == [str(OF_EVENTS)]


def _ask(app: RunningApp, *options: str, phases: str) -> str:
    token = app.environment["WEBAPP_API_TOKENS"]
    report = ask_everything(app.url, some_of(8), "--generation-deterministic", *options, token=token, phases=phases)
    assert "a request failed" not in app.log_text()
    return report
