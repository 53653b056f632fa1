"""The accounting, case by case, and against a plain calculation with fractions."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics_sidecar.builders import Trade, figure, samples, state_of, trade
from tests.support.examples import some_of
from tests.support.oracle import expected_samples, keep_books, shows
from trading_model.accounting.book import counts_in_net
from trading_model.instruments import Instruments

OPEN_FIGURES = ("trading_position", "trading_average_entry_price", "trading_realized_pnl", "trading_unrealized_pnl")


@pytest.mark.parametrize(
    ("trades", "position", "average", "realized", "unrealized"),
    [
        pytest.param([("buy", "2", "10")], "2", "10", "0", "0", id="opens long"),
        pytest.param([("sell", "2", "10")], "-2", "10", "0", "0", id="opens short"),
        pytest.param([("buy", "1", "10"), ("buy", "3", "14")], "4", "13", "0", "4", id="adds at another price"),
        pytest.param([("buy", "4", "10"), ("sell", "1", "12")], "3", "10", "2", "6", id="closes long in part"),
        pytest.param([("sell", "4", "10"), ("buy", "1", "12")], "-3", "10", "-2", "-6", id="closes short in part"),
        pytest.param([("buy", "2", "10"), ("sell", "2", "9.5")], "0", "0", "-1", "0", id="closes"),
        pytest.param([("buy", "2", "10"), ("sell", "5", "12")], "-3", "12", "4", "0", id="goes through zero, long"),
        pytest.param([("sell", "2", "10"), ("buy", "5", "12")], "3", "12", "-4", "0", id="goes through zero, short"),
        pytest.param(
            [("buy", "3", "10"), ("sell", "1", "10"), ("buy", "1", "13")], "3", "11", "0", "6", id="adds after a close"
        ),
        pytest.param(
            [("buy", "0.1", "3"), ("buy", "0.1", "3"), ("buy", "0.1", "3"), ("sell", "0.3", "3")],
            "0",
            "0",
            "0",
            "0",
            id="three tenths are flat again",
        ),
    ],
)
def test_a_position_is_kept_at_average_cost(
    trades: list[tuple[str, str, str]], position: str, average: str, realized: str, unrealized: str
) -> None:
    state = state_of([trade(*given) for given in trades])
    assert [figure(state, name) for name in OPEN_FIGURES] == [position, average, realized, unrealized]


def test_an_average_that_does_not_end_has_50_digits_and_both_pnls_34_decimals_more_than_the_cash_flow() -> None:
    state = state_of([trade("buy", "1", "1"), trade("buy", "2", "2"), trade("sell", "1", "3")])
    assert figure(state, "trading_average_entry_price") == "1." + "6" * 48 + "7"
    assert figure(state, "trading_realized_pnl") == "1." + "3" * 34
    assert figure(state, "trading_unrealized_pnl") == "2." + "6" * 33 + "7"


def test_a_division_that_comes_out_even_does_not_make_a_rounded_cost_exact_again() -> None:
    thirds = [trade("buy", "1", "1"), trade("buy", "2", "2"), trade("sell", "1", "3"), trade("buy", "8", "0.5")]
    tenths = [trade("sell", "9", "3"), trade("buy", "1", "1")]
    assert figure(state_of([*thirds, *tenths]), "trading_realized_pnl") == "21.7" + "3" * 34


def test_a_rounded_cost_is_forgotten_with_the_position_it_belonged_to() -> None:
    thirds = [trade("buy", "1", "1"), trade("buy", "2", "2"), trade("sell", "1", "3"), trade("buy", "1", "1")]
    flat = state_of([*thirds, trade("sell", "3", "3"), trade("buy", "2", "7"), trade("sell", "1", "8")])
    assert [figure(flat, name) for name in OPEN_FIGURES] == ["1", "7", "7", "1"]


def test_a_price_of_38_digits_comes_back_as_the_average() -> None:
    price = "0.12345678901234567890123456789012345678"
    state = state_of([trade("buy", "3", price), trade("buy", "7.7", price), trade("sell", "1.1", "1")])
    assert figure(state, "trading_average_entry_price") == price


@pytest.mark.parametrize(
    ("symbol", "currency", "counts"),
    [
        ("XRP/ETH", "quote", True),
        ("XRP/ETH", "ETH", True),
        ("BTCUSDT", "USDT", True),
        ("XRP/ETH", "BNB", False),
        ("XRP/ETH", "XRP", False),
        ("ETH", "ETH", False),
        ("UNI/STETH", "ETH", False),
        ("BTC/BUSD", "USD", False),
        ("ETH-USD-PERP", "USD", True),
        ("BTC/XBT", "BTC", True),
        ("BTCFDUSD", "USD", False),
        ("BTCFDUSD", "FDUSD", True),
        ("BTC-USDT-SWAP", "USDT", True),
        ("BRK-B", "B", False),
        ("XBTUSD", "USD", False),
        ("BTC-PERP", "PERP", False),
    ],
)
def test_a_fee_is_in_the_net_pnl_as_it_is_if_it_is_in_its_currency(symbol: str, currency: str, counts: bool) -> None:
    assert counts_in_net(currency, Instruments().terms(symbol).currency) is counts


def test_fees_are_kept_by_currency_and_those_in_quote_are_subtracted() -> None:
    state = state_of(
        [
            trade("buy", "1", "10", fee="0.5"),
            trade("buy", "1", "10", fee="-0.2", fee_currency="ETH"),
            trade("sell", "1", "12", fee="3", fee_currency="BNB"),
        ]
    )
    assert figure(state, "trading_fees", currency="quote") == "0.5"
    assert figure(state, "trading_fees", currency="ETH") == "-0.2"
    assert figure(state, "trading_fees", currency="BNB") == "3"
    assert figure(state, "trading_net_pnl") == "3.7"


def test_made_up_fee_currencies_share_one_label_past_the_limit_but_never_the_quote_currency() -> None:
    made_up = [trade("buy", "1", "1", fee="1", fee_currency=f"C{number}") for number in range(20)]
    state = state_of([*made_up, trade("buy", "1", "1", fee="1", fee_currency="ETH")])
    assert figure(state, "trading_fees", currency="C7") == "1"
    assert figure(state, "trading_fees", currency="__other__") == "12"
    assert figure(state, "trading_fees", currency="ETH") == "1"


def plain(digits: int, decimals: int) -> str:
    """`digits` / 10**`decimals`, written out."""
    text = str(digits).rjust(decimals + 1, "0")
    return f"{text[:-decimals]}.{text[-decimals:]}" if decimals else text


NUMBERS = st.builds(plain, st.integers(1, 10**38 - 1), st.integers(0, 38))
"""Prices and quantities as long as they may be."""


@st.composite
def histories(draw: st.DrawFn) -> list[Trade]:
    """Trades of a few keys; many against the position, some of just what is held."""
    numbers = NUMBERS if draw(st.booleans()) else st.sampled_from(("0.1", "0.3", "1", "1.5", "2", "3", "7", "9.99"))
    made, held = [], {"XRP/ETH": Fraction(), "BTCUSDT": Fraction()}
    for _ in range(draw(st.integers(1, 12))):
        symbol = draw(st.sampled_from(("XRP/ETH", "BTCUSDT")))
        side, qty = draw(st.sampled_from(("buy", "sell"))), draw(numbers)
        if held[symbol] and draw(st.integers(0, 3)) == 0:
            side, qty = ("sell" if held[symbol] > 0 else "buy"), _digits(abs(held[symbol]), qty)
        held[symbol] += Fraction(qty) if side == "buy" else -Fraction(qty)
        fee = draw(st.sampled_from(({}, {"fee": "-0.07"}, {"fee": "0.3", "fee_currency": "ETH"}, {"fee": "1"})))
        made.append(trade(side, qty, draw(numbers), **{"symbol": symbol, **fee}))
    return made


def _digits(exact: Fraction, otherwise: str) -> str:
    """The number if it can be written as a trade may write it."""
    text = plain(exact.numerator * 10**38 // exact.denominator, 38).rstrip("0").rstrip(".")
    return text if len(text.replace(".", "").lstrip("0")) <= 38 else otherwise


@settings(max_examples=some_of(300), deadline=None)
@given(histories())
def test_every_figure_is_the_exact_one_rounded_to_the_digits_shown(trades: list[Trade]) -> None:
    shown = samples(state_of(trades).freeze())
    for name, exact in expected_samples(keep_books(trades)).items():
        assert shows(shown[name], exact), f"{name} shows {shown[name]}, it is {exact}"
        if not name.startswith("trading_average"):
            assert abs(Fraction(shown[name]) - exact) <= Fraction(1, 2 * 10**34)


@settings(max_examples=some_of(300), deadline=None)
@given(histories())
def test_realised_plus_unrealised_is_cash_flow_plus_position_times_mark_as_shown(trades: list[Trade]) -> None:
    shown = {name: Fraction(text) for name, text in samples(state_of(trades).freeze()).items() if text != "NaN"}
    for symbol in {made["symbol"] for made in trades}:
        key = f'account="default",strategy="default",symbol="{symbol}"'
        sold = shown[f'trading_notional_total{{{key},side="sell"}}']
        bought = shown[f'trading_notional_total{{{key},side="buy"}}']
        held = shown[f"trading_position{{{key}}}"] * shown[f'trading_last_price{{symbol="{symbol}"}}']
        pnl = shown[f"trading_realized_pnl{{{key}}}"] + shown[f"trading_unrealized_pnl{{{key}}}"]
        assert pnl == sold - bought + held
