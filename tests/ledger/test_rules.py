"""Each example of the accounting rules, by the rule's number."""

from collections.abc import Mapping
from fractions import Fraction

import pytest

from tests.ledger.keeper import Keep, expect, the_position
from tests.support.ledger_builder import LedgerBuilder, minute
from tests.support.ledger_figures import Count, CounterKey, Position

INVERSE = {"currency": "BTC", "multiplier": "1", "settlement": "inverse"}


def the_book(keep: Keep, ledger: LedgerBuilder, **of: str) -> Position:
    """The figures of the only position with these members in its key."""
    return the_position(keep(ledger), **of)


def test_rule_1_core(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.sell("2", "100")
    ledger.sell("2", "110")
    ledger.buy("3", "90")
    ledger.say("price", symbol="BTC/USDT", price="95")
    book = the_book(keep, ledger)
    expect(book, quantity=-1, average=105, realised=45, unrealised=10)


def test_rule_2_flip(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("2", "100")
    ledger.sell("5", "110", fee="1")
    book = the_book(keep, ledger)
    expect(book, realised=20, quantity=-3, average=110)
    expect(book, fees_in_net=1, unrealised=0, net=19)


def test_rule_3_inverse_average_is_harmonic(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="BTC/USD:BTC", **INVERSE)
    ledger.buy("50", "10000", "BTC/USD:BTC")
    ledger.buy("50", "15000", "BTC/USD:BTC")
    ledger.say("price", symbol="BTC/USD:BTC", price="16000")
    book = the_book(keep, ledger, currency="BTC")
    expect(book, average=12000)
    assert book.unrealised is not None
    assert agree(book.unrealised, Fraction(1, 480))
    assert agree(book.unrealised * 16000, Fraction(100, 3))
    ledger.sell("100", "16000", "BTC/USD:BTC")
    book = the_book(keep, ledger, currency="BTC")
    expect(book, quantity=0, unrealised=0)
    assert agree(book.realised, Fraction(1, 480))


def agree(one: Fraction, other: Fraction) -> bool:
    """Whether figures of which at least one is shown with 34 decimals are the same."""
    return abs(one - other) <= Fraction(1, 2 * 10**34)


def test_rule_4_quanto(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="ETH/USD:BTC", currency="BTC", multiplier="0.000001", settlement="linear")
    ledger.buy("1000", "500", "ETH/USD:BTC")
    ledger.sell("1000", "600", "ETH/USD:BTC")
    expect(the_book(keep, ledger, currency="BTC"), realised="0.1")


def test_rule_4_option_priced_in_coin(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="BTC-27DEC26-100000-C", currency="BTC", multiplier="1", settlement="linear")
    ledger.buy("1", "0.05", "BTC-27DEC26-100000-C")
    ledger.sell("1", "0.2", "BTC-27DEC26-100000-C")
    expect(the_book(keep, ledger), realised="0.15")


def test_rule_4_pence(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="VOD.L", currency="GBP", multiplier="0.01")
    ledger.buy("100", "70", "VOD.L")
    ledger.sell("100", "75", "VOD.L")
    expect(the_book(keep, ledger, currency="GBP"), realised=5)


def test_rule_4_multiplier_of_the_fill(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("3", "60000", "BTC-USDT-SWAP", multiplier="0.01")
    ledger.sell("3", "60100", "BTC-USDT-SWAP", multiplier="0.01")
    book = the_book(keep, ledger)
    expect(book, realised=3, in_points=False)


def test_rule_4_derivative_without_a_multiplier_is_in_points(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("3", "60000", "BTC/USDT:USDT")
    ledger.sell("3", "60100", "BTC/USDT:USDT")
    book = the_book(keep, ledger)
    expect(book, realised=300, in_points=True)


def test_rule_5_aliases_merge_within_an_account(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="BTC/USDT", aliases=["BTC-USDT", "XBTUSDT"])
    ledger.buy("1", "100", "BTC-USDT")
    ledger.buy("1", "110", "XBTUSDT")
    ledger.buy("1", "120", "BTC/USDT", account="other")
    expect(the_book(keep, ledger, account="default", symbol="BTC/USDT"), average=105)
    expect(the_book(keep, ledger, account="other"), average=120)


def test_rule_5_spot_and_perpetual_stay_apart(keep: Keep, ledger: LedgerBuilder) -> None:
    for symbol in ("BTC/USDT", "BTC/USDT:USDT", "1000PEPE/USDT", "PEPE/USDT"):
        ledger.buy("1", "100", symbol)
    assert len(keep(ledger).positions) == 4


def test_rule_5_currency(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="A1", currency="EUR")
    ledger.buy("1", "100", "A1", currency="USD")
    ledger.buy("1", "100", "A2", currency="USD")
    ledger.buy("1", "100", "A3/CHF")
    ledger.buy("1", "100", "BTCBUSD")
    currencies = {key.symbol: key.currency for key in keep(ledger).positions}
    assert currencies == {"A1": "EUR", "A2": "USD", "A3/CHF": "CHF", "BTCBUSD": currencies["BTCBUSD"]}
    assert currencies["BTCBUSD"] != "USD"


def test_rule_6_opening(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("4", "90")
    ledger.sell("1", "100")
    ledger.say("opening", symbol="BTC/USDT", quantity="5", average="100")
    book = the_book(keep, ledger)
    expect(book, quantity=5, average=100, realised=10)
    expect(book, unrealised=0)


def test_rule_7_move_at_a_price(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", strategy="bot")
    ledger.sell("1", "110", strategy="hand")
    holder = {"symbol": "BTC/USDT", "quantity": "1", "account": "default"}
    source, sink = holder | {"strategy": "bot"}, holder | {"strategy": "hand"}
    ledger.say("move", reason="reassignment", source=source, sink=sink, price="110")
    bot, hand = the_book(keep, ledger, strategy="bot"), the_book(keep, ledger, strategy="hand")
    expect(bot, quantity=0, realised=10)
    expect(hand, quantity=0, realised=0)


def test_rule_7_move_without_a_price_is_at_average(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("3", "100", account="a")
    ledger.buy("1", "120", account="b")
    holder = {"symbol": "BTC/USDT", "quantity": "1", "strategy": "default"}
    ledger.say("move", reason="transfer", source=holder | {"account": "a"}, sink=holder | {"account": "b"})
    a, b = the_book(keep, ledger, account="a"), the_book(keep, ledger, account="b")
    expect(a, quantity=2, average=100, realised=0)
    expect(b, quantity=2, average=110, realised=0)


def test_rule_7_an_instrument_of_the_source_changes_the_cost_that_was_carried(
    keep: Keep, ledger: LedgerBuilder
) -> None:
    of = {"account": "default", "strategy": "default", "currency": "USD", "quantity": "2"}
    ledger.buy("2", "100", "OLD", currency="USD")
    ledger.say("move", reason="rename", source={"symbol": "OLD", **of}, sink={"symbol": "NEW", **of})
    ledger.say("instrument", symbol="OLD", multiplier="10")
    expect(the_book(keep, ledger, symbol="NEW"), quantity=2, average=1000)


@pytest.mark.parametrize(("price", "income", "realised"), [("10", 10, 2), ("0", 0, 12)])
def test_rule_7_reward(keep: Keep, ledger: LedgerBuilder, price: str, income: int, realised: int) -> None:
    sink = {"symbol": "BTC/USDT", "quantity": "1", "account": "default", "strategy": "default"}
    ledger.say("move", reason="reward", sink=sink, price=price)
    ledger.sell("1", "12")
    book = the_book(keep, ledger)
    expect(book, income=income, realised=realised, net=12)


def test_rule_8_hedge_sides_are_separate(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("2", "50", position_side="long")
    ledger.sell("1", "60", position_side="short")
    ledger.say("price", symbol="BTC/USDT", price="55")
    long, short = the_book(keep, ledger, side="long"), the_book(keep, ledger, side="short")
    expect(long, unrealised=10)
    expect(short, unrealised=5)
    expect(long, closed_more_than_held=False)
    expect(short, closed_more_than_held=False)


def test_rule_8_closing_more_than_held_is_flagged(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("2", "50", "BTC/USDT:USDT", position_side="long")
    ledger.sell("3", "60", "BTC/USDT:USDT", position_side="long")
    assert the_book(keep, ledger, side="long").closed_more_than_held


def test_rule_9_strategies_share_an_account(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", strategy="a")
    ledger.sell("1", "110", strategy="b")
    a, b = the_book(keep, ledger, strategy="a"), the_book(keep, ledger, strategy="b")
    expect(a, unrealised=10, realised=0, quantity=1)
    expect(b, unrealised=0, realised=0, quantity=-1)


def test_rule_10_spot_below_zero_is_flagged(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.sell("0.022", "473.74", "XMR/USDT")
    book = the_book(keep, ledger)
    expect(book, quantity="-0.022", sold_more_than_known=True)
    ledger.say("opening", symbol="XMR/USDT", quantity="1", average="400", ts=minute(-1))
    book = the_book(keep, ledger)
    expect(book, quantity="0.978", sold_more_than_known=False)
    expect(book, realised=Fraction("0.022") * Fraction("73.74"))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_rule_11_order_of_trading(keep: Keep, ledger: LedgerBuilder, order: tuple[int, int, int]) -> None:
    fills = [("buy", "1", "100"), ("sell", "2", "110"), ("buy", "1", "105")]
    for index in order:
        side, qty, price = fills[index]
        ledger.fill(side, qty, price, ts=minute(index))
    book = the_book(keep, ledger)
    expect(book, quantity=0, realised=15)


def test_rule_11_equal_times_follow_the_trade_id(keep: Keep, ledger: LedgerBuilder) -> None:
    same = minute(5)
    ledger.buy("1", "70", trade_id="x", ts=same)
    ledger.buy("1", "80", trade_id="11", ts=same)
    ledger.sell("1", "100", trade_id="10", ts=same)
    ledger.buy("1", "90", trade_id="9", ts=same)
    book = the_book(keep, ledger)
    expect(book, realised=10, quantity=2, average=75)  # 9, 10, 11, x; in any other order something else
    expect(book, unrealised=-10)


def test_rule_11_a_trade_id_of_other_digits_is_no_number(keep: Keep, ledger: LedgerBuilder) -> None:
    same = minute(5)
    ledger.sell("1", "100", trade_id="²", ts=same)
    ledger.buy("1", "90", trade_id="1", ts=same)
    ledger.buy("1", "80", trade_id="٣", ts=same)
    expect(the_book(keep, ledger), realised=10, quantity=1, average=80)


def test_rule_11_classes_at_one_time(keep: Keep, ledger: LedgerBuilder) -> None:
    same = minute(5)
    ledger.sell("12", "130", "AAPL", ts=same, currency="USD")
    sink = {"symbol": "AAPL", "quantity": "4", "account": "default", "strategy": "default", "currency": "USD"}
    ledger.say("move", ts=same, reason="transfer", sink=sink, price="120")
    ledger.say("split", ts=same, symbol="AAPL", n=4, d=1)
    ledger.say("opening", ts=same, symbol="AAPL", quantity="2", average="400", currency="USD")
    book = the_book(keep, ledger)
    expect(book, quantity=0, realised=12 * 130 - 800 - 480)


def test_rule_11_a_replacement_keeps_its_place(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    middle = ledger.sell("1", "110")
    ledger.buy("1", "120")
    ledger.replace(middle, price="115")
    book = the_book(keep, ledger)
    expect(book, realised=15, quantity=1, average=120)
    ledger.replace(middle, ts=minute(60))
    book = the_book(keep, ledger)
    expect(book, realised=0, quantity=1, average=110)


def test_rule_12_a_replaced_symbol_is_of_the_instrument_of_now(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.replace(ledger.buy("1", "10", "OLD/USD"), symbol="NEW/USD")
    ledger.say("instrument", symbol="NEW/USD", currency="USD", multiplier="3")
    ledger.sell("1", "12", "NEW/USD")
    expect(the_book(keep, ledger, symbol="NEW/USD"), quantity=0, realised=6)


def test_rule_12_void_of_a_void_restores(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    wrong = ledger.buy("1", "200")
    void = ledger.void(wrong)
    expect(the_book(keep, ledger), average=100)
    second = ledger.void(void)
    expect(the_book(keep, ledger), average=150)
    ledger.void(second)
    expect(the_book(keep, ledger), average=100)


def test_rule_12_bust_and_correction(keep: Keep, ledger: LedgerBuilder) -> None:
    fill = ledger.buy("1", "100")
    first = ledger.replace(fill, price="90")
    last = ledger.replace(fill, price="80")
    expect(the_book(keep, ledger), average=80)
    ledger.void(last)
    expect(the_book(keep, ledger), average=90)
    ledger.void(first)
    expect(the_book(keep, ledger), average=100)
    ledger.void(fill)
    assert sum(abs(book.quantity) for book in keep(ledger).positions.values()) == 0


def test_rule_12_void_of_an_import(keep: Keep, ledger: LedgerBuilder) -> None:
    imported = ledger.say("import", id="file-1", name="fills.csv", digest="00", rows=2, taken=2, skipped=0)
    ledger.buy("1", "100", import_id="file-1")
    ledger.buy("1", "110")
    ledger.buy("1", "120", import_id="file-1")
    void = ledger.void(imported)
    expect(the_book(keep, ledger), quantity=1, average=110)
    ledger.void(void)
    expect(the_book(keep, ledger), quantity=3, average=110)


def test_rule_13_fee_in_the_base_of_a_purchase(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", fee="0.01", fee_currency="BTC")
    ledger.sell("0.99", "110")
    book = the_book(keep, ledger)
    expect(book, quantity=0, realised="9.9", fees_in_net=1, net="8.9")


def test_rule_13_rebate_in_the_base(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", fee="-0.01", fee_currency="BTC")
    book = the_book(keep, ledger)
    expect(book, quantity="1.01", average=100, realised=0, fees_in_net=-1, net=1)


def test_rule_13_fee_in_the_base_of_a_sale(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    ledger.sell("1", "110", fee="0.01", fee_currency="BTC")
    book = the_book(keep, ledger)
    expect(book, quantity="-0.01", average=110)
    expect(book, realised=10, fees_in_net="1.1", net="8.9")


def test_rule_13_fee_in_the_currency_or_unnamed(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", fee="0.25", fee_currency="USDT")
    ledger.buy("1", "100", fee="0.5")
    ledger.say("instrument", symbol="BTC/USD:BTC", **INVERSE)
    ledger.buy("50", "100", "BTC/USD:BTC", fee="0.001", fee_currency="XBT")
    expect(the_book(keep, ledger, currency="USDT"), net="-0.75")
    expect(the_book(keep, ledger, currency="BTC"), net="-0.001")


def test_rule_14_fee_in_a_third_currency(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", fee="0.002", fee_currency="BNB")
    ledger.say("rate", base="BNB", quote="USDT", rate="600", max_age=600)
    ledger.buy("1", "100", fee="0.001", fee_currency="BNB")
    ledger.say("rate", base="BNB", quote="USDT", rate="700", max_age=600)
    ledger.buy("1", "100", fee="0.005", fee_currency="BNB", ts=minute(100))
    ledger.buy("1", "100", "BNB/USDT")
    book = the_book(keep, ledger, symbol="BTC/USDT")
    expect(book, fees_in_net="0.6", net="-0.6")
    assert dict(book.fees_outside) == {"BNB": Fraction("0.007")}
    expect(the_book(keep, ledger, symbol="BNB/USDT"), quantity=1)


def test_rule_15_dust_carries_its_cost_on(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="BTC/USDT", lot="0.01")
    ledger.buy("0.999", "100")
    ledger.sell("0.99", "110")
    book = the_book(keep, ledger)
    expect(book, quantity="0.009", average=100, realised="9.9")


def test_rule_16_income_is_in_net_and_flows_are_not(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    of = {"account": "default", "strategy": "default", "symbol": "BTC/USDT", "currency": "USDT"}
    ledger.say("cash", amount="5", reason="interest", **of)
    ledger.say("cash", amount="-2", reason="tax", **of)
    ledger.say("cash", amount="1000", reason="deposit", **of)
    book = the_book(keep, ledger)
    expect(book, realised=0, net=3, income=3)
    sums = {key.reason: amount for key, amount in keep(ledger).cash.items()}
    assert sums == {"interest": 5, "tax": -2, "deposit": 1000}


def test_rule_16_cash_in_xbt_is_in_btc(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="XBTUSD", **INVERSE)
    ledger.buy("100", "10000", "XBTUSD")
    of = {"currency": "XBT", "account": "default", "strategy": "default"}
    ledger.say("cash", amount="0.01", reason="funding", symbol="XBTUSD", **of)
    ledger.say("cash", amount="2", reason="deposit", **of)
    expect(the_book(keep, ledger, currency="BTC"), income="0.01", net="0.01")
    assert {key.currency for key in keep(ledger).cash} == {"BTC"}


@pytest.mark.parametrize(("side", "amount"), [("buy", "-0.02"), ("sell", "0.02")])
def test_rule_17_funding(keep: Keep, ledger: LedgerBuilder, side: str, amount: str) -> None:
    ledger.say("instrument", symbol="BTC/USDT:USDT", multiplier="1")
    ledger.fill(side, "2", "100", "BTC/USDT:USDT")
    of = {"account": "default", "strategy": "default", "symbol": "BTC/USDT:USDT", "currency": "USDT"}
    ledger.say("cash", amount=amount, reason="funding", **of)
    book = the_book(keep, ledger)
    expect(book, realised=0, income=amount, net=amount)


def test_rule_18_assignment(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="XYZ 50P", currency="USD", multiplier="100")
    ledger.sell("1", "2", "XYZ 50P")
    ledger.buy("1", "0", "XYZ 50P")
    ledger.buy("100", "50", "XYZ", currency="USD")
    ledger.say("price", symbol="XYZ", price="47")
    option, stock = the_book(keep, ledger, symbol="XYZ 50P"), the_book(keep, ledger, symbol="XYZ")
    expect(option, quantity=0, net=200)
    expect(stock, net=-300)


def test_rule_18_negative_price(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="SPREAD", currency="USD", multiplier="10", negative_prices=True)
    ledger.buy("2", "-1.5", "SPREAD")
    ledger.sell("1", "-0.5", "SPREAD")
    book = the_book(keep, ledger)
    expect(book, average="-1.5", realised=10, unrealised=10)


@pytest.mark.parametrize(("side", "amount"), [("buy", "50"), ("sell", "-50")])
def test_rule_19_dividend(keep: Keep, ledger: LedgerBuilder, side: str, amount: str) -> None:
    ledger.fill(side, "100", "10", "XYZ", currency="USD")
    of = {"account": "default", "strategy": "default", "symbol": "XYZ", "currency": "USD"}
    ledger.say("cash", amount=amount, reason="dividend", **of)
    expect(the_book(keep, ledger), net=int(amount))


def test_rule_20_split_with_cash_in_lieu(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("10", "30", "XYZ", currency="USD")
    of = {"account": "default", "strategy": "default", "symbol": "XYZ"}
    ledger.say("split", n=1, d=4, quantity="2", cash="50", **of)
    book = the_book(keep, ledger)
    expect(book, realised=-10, quantity=2, average=120, unrealised=0)


def test_rule_20_split_of_a_short_with_cash_in_lieu(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.sell("10", "30", "XYZ", currency="USD")
    of = {"account": "default", "strategy": "default", "symbol": "XYZ"}
    ledger.say("split", n=1, d=4, quantity="-2", cash="-50", **of)
    expect(the_book(keep, ledger), realised=10, quantity=-2, average=120, unrealised=0)


def test_rule_20_cash_beside_a_split_that_leaves_no_rest(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("8", "30", "XYZ", currency="USD")
    of = {"account": "default", "strategy": "default", "symbol": "XYZ"}
    ledger.say("split", n=1, d=4, quantity="2", cash="5", **of)
    expect(the_book(keep, ledger), realised=5, quantity=2, average=120, unrealised=0)


def test_rule_20_split_moves_the_mark_until_a_newer_one(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.buy("3", "440", "AAPL", currency="USD")
    ledger.say("split", symbol="AAPL", n=4, d=1)
    book = the_book(keep, ledger)
    expect(book, quantity=12, average=110, unrealised=0)
    ledger.say("price", symbol="AAPL", price="120")
    expect(the_book(keep, ledger), unrealised=120)


def test_rule_24_counters_follow_arrival(keep: Keep, ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="SPREAD", currency="USD", multiplier="10", negative_prices=True, aliases=["OTHER"])
    ledger.buy("2", "-1.5", "SPREAD")
    wrong = ledger.buy("1", "1", "OTHER")
    ledger.void(wrong)
    fixed = ledger.buy("4", "2", "SPREAD")
    ledger.replace(fixed, qty="3", side="sell")
    kept = keep(ledger)
    spread, other = CounterKey("default", "default", "SPREAD", "buy"), CounterKey("default", "default", "OTHER", "buy")
    assert counts(kept.accepted) == {spread: count(2, 6, 11), other: count(1, 1, 1)}
    assert counts(kept.removed) == {spread: count(1, 4, 8), other: count(1, 1, 1)}
    assert counts(kept.added) == {spread._replace(side="sell"): count(1, 3, 6)}


def counts(counted: Mapping[CounterKey, Count]) -> dict[CounterKey, Count]:
    """The counters above 0."""
    return {key: one for key, one in counted.items() if one.trades}


def count(trades: int, volume: int, notional: int) -> Count:
    return Count(trades, Fraction(volume), Fraction(notional))
