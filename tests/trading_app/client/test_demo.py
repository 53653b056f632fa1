import os

import pytest

from tests.support.ports import free_address, free_port
from tests.support.programs import run_command
from tests.trading_app.client.command import run_demo
from tests.trading_app.client.fake_app import FakeApp
from trading_model.fields import NAMES


def test_it_sends_what_was_asked_for_and_says_where_to_look(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_demo("--url", app.url, "--rate", 1_000, "--seconds", 0.2) == 0
    assert [len(request.lines) for request in app.requests] == [50, 50, 50, 50]
    said = capsys.readouterr()
    assert said.out.startswith("sent 200, accepted 200, duplicates 0, seq 1 to 200, ")
    assert f"sending 200 trades at 1000/s to {app.url}\n  the page: {app.url}/\n" in said.err
    assert "the metrics: http://127.0.0.1:8001/metrics" in said.err


def test_a_trade_has_its_amounts_as_digits_and_no_time(app: FakeApp) -> None:
    assert run_demo("--url", app.url, "--rate", 4_000, "--seconds", 0.05, "--run", "x") == 0
    trades = [trade for request in app.requests for trade in request.trades]
    assert [trade["trade_id"] for trade in trades] == [f"demo-x-{number}" for number in range(1, 201)]
    for trade in trades:
        assert set(trade) == set(NAMES) - {"ts", "order_id", "currency", "position_side", "multiplier", "tags"}
        assert all(set(trade[name]) <= set("-.0123456789") for name in ("price", "qty", "fee"))


def test_at_the_prices_of_a_followed_market_trades_are_of_no_other_venue(app: FakeApp) -> None:
    """Of trades at a venue that is not followed there is no slippage."""
    words = ("--url", app.url, "--rate", 400, "--seconds", 0.05, "--market", free_address(), free_address())
    # In a process of its own: it follows the market until it ends.
    done = run_command("trading-app", "demo", *words, environment=os.environ)
    assert done.returncode == 0, done.stderr
    assert app.requests
    assert not any("venue" in trade for request in app.requests for trade in request.trades)


def test_a_second_demo_adds_trades_and_a_run_repeated_does_not(app: FakeApp) -> None:
    quick = ("--url", app.url, "--rate", 400, "--seconds", 0.05)
    for _ in range(2):
        assert run_demo(*quick) == 0
    assert len(app.trades) == 40
    for _ in range(2):
        assert run_demo(*quick, "--run", "again") == 0
    assert len(app.trades) == 60
    first, second = app.requests[0].trades, app.requests[1].trades
    assert [{**trade, "trade_id": ""} for trade in first] == [{**trade, "trade_id": ""} for trade in second]


def test_where_no_app_runs_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_demo("--url", f"http://127.0.0.1:{free_port()}") == 1
    said = capsys.readouterr()
    assert "no app answers at http://127.0.0.1:" in said.err
    assert "make apps-up" in said.err
    assert said.out == ""


@pytest.mark.parametrize("arguments", [["--rate", "0"], ["--seconds", "-1"], ["--seconds", "inf"], ["--run", "a b"]])
def test_a_wrong_argument_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_demo(*arguments)
