"""Connections without a credential don't keep a sender with one out, in the web app as a process."""

from contextlib import ExitStack
from pathlib import Path

from tests.support.askers import askers
from tests.trading_app.raw_http import TRADE, connected, post
from tests.trading_app.running import RunningApp, running

TOKEN = "a-token-of-a-test-and-long-enough"
SHOWN = f"Authorization: Bearer {TOKEN}"
DROPPED = 'trading_app_connections_dropped_total{{reason="{}"}}'


def metric(app: RunningApp, sample: str) -> float:
    """The value of a sample, asked for with the token."""
    app.client.headers["Authorization"] = f"Bearer {TOKEN}"
    return app.metric(sample)


def test_a_thousand_callers_without_a_token_keep_no_sender_out(tmp_path: Path) -> None:
    with running(tmp_path, WEBAPP_API_TOKENS=TOKEN) as app, askers(app.port, 1_000) as kept:
        for number in range(37):
            with connected(app.port) as connection:
                connection.send(post("/trade", TRADE, SHOWN))
                assert connection.answer().status == 201, number
            kept.ask(10)
        assert metric(app, DROPPED.format("address_share")) >= 750
        assert metric(app, "trading_app_connections") <= 250 + 10


def test_one_that_showed_a_token_is_never_closed_for_others(tmp_path: Path) -> None:
    with running(tmp_path, WEBAPP_API_TOKENS=TOKEN, WEBAPP_MAX_CONNECTIONS="40") as app, ExitStack() as opened:
        for path in ("/trade", "/trade?"):
            sender = opened.enter_context(connected(app.port))
            sender.send(post(path, TRADE, SHOWN))
            assert sender.answer().status == 201
            with askers(app.port, 200):
                sender.send(post(path, TRADE, SHOWN))
                assert sender.answer().status == 201


def test_a_wrong_token_earns_no_place(tmp_path: Path) -> None:
    with running(tmp_path, WEBAPP_API_TOKENS=TOKEN, WEBAPP_MAX_CONNECTIONS="40") as app, ExitStack() as opened:
        guessing = opened.enter_context(connected(app.port))
        guessing.send(post("/trade", TRADE, "Authorization: Bearer wrong"))
        assert guessing.answer().status == 401
        with askers(app.port, 100):
            assert guessing.is_closed()


def test_without_tokens_a_caller_that_asks_for_more_than_health_is_kept(tmp_path: Path) -> None:
    with running(tmp_path, WEBAPP_MAX_CONNECTIONS="40") as app, ExitStack() as opened:
        sender = opened.enter_context(connected(app.port))
        sender.send(post("/trade", TRADE))
        assert sender.answer().status == 201
        with askers(app.port, 200):
            sender.send(post("/trade", TRADE))
            assert sender.answer().status == 201
