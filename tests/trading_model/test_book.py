"""The position of one key, by the accounting rules and their examples."""

from decimal import Decimal
from fractions import Fraction

import pytest

from trading_model.accounting.book import Book, BookKey
from trading_model.accounting.figures import (
    CLOSED_MORE_THAN_HELD,
    SOLD_MORE_THAN_KNOWN,
    Figures,
    exposure,
    figures,
    flags,
)
from trading_model.accounting.fills import WideFill
from trading_model.accounting.positions import PositionSnapshot
from trading_model.contents import Instrument
from trading_model.decimals import exactly
from trading_model.instruments import Instruments, Terms

INVERSE = Instrument(symbol="BTC/USD:BTC", currency="BTC", multiplier=Decimal(1), settlement="inverse")
NO_DIGITS = Fraction(1, 2 * 10**34)


class Desk:
    """A book, and the trades that it gets one after another."""

    def __init__(self, terms: Terms, position_side: str = "", rate: str | None = None) -> None:
        key = BookKey("default", "default", terms.canonical, position_side, terms.currency)
        self.book = Book(key, terms, lambda *_: None if rate is None else Decimal(rate))
        self._trades = 0

    @exactly
    def trade(self, side: str, qty: str, price: str, fee: str | None = None, fee_currency: str | None = None) -> "Desk":
        self._trades += 1
        assert side in ("buy", "sell")
        fill = WideFill(
            self._trades,
            self.book.key.symbol,
            Decimal(price),
            Decimal(qty),
            "buy" if side == "buy" else "sell",
            f"2026-03-04T05:06:{self._trades:02}Z",
            fee=None if fee is None else Decimal(fee),
            fee_currency=fee_currency,
        )
        self.book.fill(fill, fill.price * fill.qty)
        return self

    @property
    def held(self) -> PositionSnapshot:
        return PositionSnapshot(self.book.key, self.book.terms, self.book.state(), self.book.key.symbol)

    @exactly
    def at(self, mark: str) -> Figures:
        return figures(self.held, Decimal(mark))

    def expect(self, mark: str, position: str, average: str, realized: str, unrealized: str) -> None:
        shown = self.at(mark)
        found = (self.book.quantity, shown.average_entry_price, shown.realized_pnl, shown.unrealized_pnl)
        assert found == tuple(map(Decimal, (position, average, realized, unrealized)))


def spot() -> Desk:
    return Desk(Instruments().terms("BTC/USDT"))


def inverse() -> Desk:
    instruments = Instruments()
    instruments.say(1, INVERSE)
    return Desk(instruments.terms("BTC/USD:BTC"))


def test_rule_1_core() -> None:
    desk = spot().trade("sell", "2", "100").trade("sell", "2", "110").trade("buy", "3", "90")
    desk.expect("95", "-1", "105", "45", "10")


def test_rule_2_a_flip_closes_all_and_opens_at_its_own_price() -> None:
    desk = spot().trade("buy", "2", "100").trade("sell", "5", "110", fee="1")
    desk.expect("110", "-3", "110", "20", "0")
    assert (desk.at("110").fees, desk.at("110").net_pnl) == (Decimal(1), Decimal(19))


def test_a_division_without_end_is_forgotten_once_the_position_was_flat() -> None:
    desk = spot().trade("buy", "1", "10").trade("buy", "2", "20").trade("sell", "1", "30").trade("buy", "1", "10")
    assert desk.at("10").rounded
    desk.trade("sell", "3", "10").trade("buy", "1", "10")
    assert not desk.at("10").rounded


def test_rule_3_the_average_of_an_inverse_contract_is_harmonic() -> None:
    desk = inverse().trade("buy", "50", "10000").trade("buy", "50", "15000")
    shown = desk.at("16000")
    assert shown.average_entry_price == 12_000
    assert shown.rounded
    desk.trade("sell", "100", "16000")
    realized = desk.at("16000").realized_pnl
    assert abs(Fraction(realized) - Fraction(1, 480)) <= NO_DIGITS
    assert desk.book.quantity == 0


def test_rule_3_an_inverse_contract_has_no_worth_at_the_price_0() -> None:
    desk = inverse().trade("buy", "50", "10000")
    before = desk.at("10000")
    assert desk.trade("sell", "50", "0").at("10000") == before
    assert "basis_unknown" in flags(desk.held)


@exactly
def test_rule_6_an_opening_is_absolute_and_what_differs_is_not_pnl() -> None:
    desk = spot().trade("buy", "4", "90").trade("sell", "1", "100")
    desk.book.open_at(Decimal(5), Decimal(100))
    desk.expect("100", "5", "100", "10", "0")


@exactly
def test_rule_7_a_move_at_the_average_realises_nothing_on_either_side() -> None:
    source, sink = spot().trade("buy", "3", "100"), spot().trade("buy", "1", "130")
    sink.book.put_in(Decimal(1), source.book.take_out(Decimal(1)))
    source.expect("100", "2", "100", "0", "0")
    sink.expect("115", "2", "115", "0", "0")


@exactly
def test_rule_7_what_goes_out_beyond_what_is_held_goes_at_the_average_and_is_flagged() -> None:
    desk = spot().trade("buy", "1", "100")
    worth = desk.book.take_out(Decimal(3))
    assert worth == 300
    desk.expect("100", "-2", "100", "0", "0")
    assert "basis_unknown" in flags(desk.held)


@pytest.mark.parametrize(("side", "position"), [("long", "-1"), ("short", "1")])
def test_rule_8_closing_more_than_a_side_holds_is_flagged(side: str, position: str) -> None:
    desk = Desk(Instruments().terms("BTC/USDT"), side)
    opening, closing = ("buy", "sell") if side == "long" else ("sell", "buy")
    desk.trade(opening, "1", "100").trade(closing, "2", "100")
    assert desk.book.quantity == Decimal(position)
    assert CLOSED_MORE_THAN_HELD in flags(desk.held)


def test_rule_10_spot_below_zero_is_flagged() -> None:
    assert SOLD_MORE_THAN_KNOWN not in flags(spot().trade("buy", "1", "100").held)
    assert SOLD_MORE_THAN_KNOWN in flags(spot().trade("sell", "1", "100").held)
    hedge = Desk(Instruments().terms("BTC/USDT"), "short").trade("sell", "1", "100")
    assert flags(hedge.held) == [], "the short side of a hedge is no spot position"


@exactly
def test_what_a_position_is_worth_has_the_multiplier() -> None:
    assert exposure(spot().trade("sell", "2", "100").held, Decimal(90)) == 180
    registry = Instruments()
    registry.say(1, INVERSE)
    assert exposure(Desk(registry.terms("BTC/USD:BTC")).trade("buy", "100", "50").held, Decimal(25)) == 4


def test_rule_13_a_fee_in_the_base_comes_off_the_position_at_the_price_of_the_fill() -> None:
    desk = spot().trade("buy", "1", "100", "0.01", "BTC").trade("sell", "0.99", "110")
    shown = desk.at("110")
    assert (desk.book.quantity, shown.fees) == (Decimal(0), Decimal(1))
    assert (shown.realized_pnl, shown.net_pnl) == (Decimal("9.9"), Decimal("8.9"))
    held = spot().trade("buy", "1", "100").trade("sell", "1", "110", "0.01", "BTC")
    held.expect("110", "-0.01", "110", "10", "0")
    assert (held.at("110").fees, held.at("110").net_pnl) == (Decimal("1.1"), Decimal("8.9"))


@pytest.mark.parametrize(
    ("rate", "fees", "outside"),
    [
        pytest.param("600", "0.60", {}, id="a rate"),
        pytest.param(None, "0", {"BNB": Decimal("0.001")}, id="no rate"),
    ],
)
def test_rule_14_a_fee_in_a_third_currency_is_in_the_net_at_a_rate_only(
    rate: str | None, fees: str, outside: dict[str, Decimal]
) -> None:
    desk = Desk(Instruments().terms("BTC/USDT"), rate=rate).trade("buy", "1", "100", "0.001", "BNB")
    assert (desk.at("100").fees, desk.book.fees_outside) == (Decimal(fees), outside)
    assert desk.book.fees == {"BNB": Decimal("0.001")}


@exactly
def test_rule_20_a_split_keeps_the_cost_and_a_booked_fraction_closes_for_its_cash() -> None:
    desk = spot().trade("buy", "10", "30")
    desk.book.split(1, 4, Decimal(2), Decimal(50))
    desk.expect("120", "2", "120", "-10", "0")


@exactly
def test_rule_20_a_split_and_its_reverse_change_nothing() -> None:
    desk = spot().trade("buy", "9", "30").trade("sell", "3", "31")
    before = desk.at("32")
    desk.book.split(3, 1, None, None)
    assert desk.book.quantity == 18
    desk.book.split(1, 3, None, None)
    assert desk.at("32") == before


@exactly
def test_a_state_is_continued_as_the_book_itself() -> None:
    desk, other = spot().trade("buy", "3", "10", "1", "F1").trade("sell", "1", "11"), spot()
    other.book.set(desk.book.state())
    for one in (desk, other):
        one.trade("buy", "7", "13", "2", "F1").trade("sell", "20", "9", "1")
    assert other.held.state.fees == desk.held.state.fees
    assert other.at("10") == desk.at("10")


@exactly
def test_a_frozen_state_does_not_change_with_the_book() -> None:
    desk = spot().trade("buy", "3", "10", "1", "F1")
    state, fees = desk.book.state(), {"F1": Decimal(1)}
    desk.trade("buy", "3", "10", "1", "F1").trade("buy", "1", "10", "1", "F2")
    assert (state.fees, state.fees_outside) == (fees, fees)


def test_a_cost_that_does_not_end_has_34_decimals_more_than_what_it_is_combined_with() -> None:
    desk = Desk(Instruments().terms("BTC/USDT")).trade("buy", "3", "4").trade("buy", "4", "4.5")
    found = desk.trade("sell", "1", "5.0000000001").at("6.01")
    cost = Fraction(30, 7) * 6
    assert found.rounded
    assert found.unrealized_pnl is not None
    for shown, exact in (
        (found.realized_pnl, Fraction("5.0000000001") - 30 + cost),
        (found.unrealized_pnl, 6 * Fraction("6.01") - cost),
    ):
        assert shown.as_tuple().exponent == -(10 + 34)
        assert abs(Fraction(shown) - exact) <= Fraction(1, 2 * 10**44)
    assert found.realized_pnl + found.unrealized_pnl == Decimal("11.0600000001"), "the sum is exact"
