"""Totals in one currency: dated and at current rates, both named; what has no rate is listed, never added."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trading_model.accounting.base_currency import Amounts, Held, Missing, Totals, totals
from trading_model.accounting.dated import NOTHING, DatedSum
from trading_model.contents import Rate
from trading_model.decimals import exactly
from trading_model.rates import Rates

DAYS = tuple(f"2026-03-0{day}T00:00:00Z" for day in range(1, 9))
ZERO = Decimal(0)


def rates(*said: tuple[str, str, str, str]) -> Rates:
    """The rates after these: base, quote, rate, ts."""
    held = Rates()
    for sequence, (base, quote, value, ts) in enumerate(said, 1):
        held.say(sequence, Rate(base, quote, Decimal(value), ts))
    return held


@exactly
def dated(amounts: Iterable[tuple[str, str]], currency: str, base: str, held: Rates) -> DatedSum:
    """The sum of amounts, each with its time."""
    total = NOTHING
    for amount, ts in amounts:
        total = total.plus(Decimal(amount), held.find(currency, base, ts))
    return total


@exactly
def net(found: Totals) -> tuple[Decimal, Decimal]:
    """The net P&L: dated, at current rates."""
    return found.dated.amounts.net_pnl, found.at_current_rates.amounts.net_pnl


def test_rule_21_dated_and_at_current_rates() -> None:
    """100 USD at 0.90 and 50 at 0.95: 137.5 EUR dated, 142.5 EUR at current rates."""
    held = rates(("USD", "EUR", "0.90", DAYS[0]), ("USD", "EUR", "0.95", DAYS[2]))
    realized = dated([("100", DAYS[1]), ("50", DAYS[3])], "USD", "EUR", held)
    found = totals([Held("USD", Amounts(realized_pnl=Decimal(150)), realized)], "EUR", held, DAYS[4])
    assert net(found) == (Decimal("137.5"), Decimal("142.5"))
    assert not found.dated.missing
    assert not found.dated.rounded


def test_rule_21_unrealised_at_the_rate_now() -> None:
    """Short 1,000 EUR/USD at 1.10, now 1.25: −150 USD are −120 EUR, both ways."""
    held = rates(("EUR", "USD", "1.10", DAYS[0]), ("EUR", "USD", "1.25", DAYS[1]))
    found = totals([Held("USD", Amounts(unrealized_pnl=Decimal(-150)))], "EUR", held, DAYS[2])
    assert net(found) == (Decimal(-120), Decimal(-120))
    assert not found.dated.rounded  # 1 / 1.25 is exact


def test_no_future_rate_and_no_coin_for_a_dollar() -> None:
    """What has no rate is missing, by part and currency, and everything else is in the total. Amounts in unknown
    currencies are not added.
    """
    held = rates(("USD", "EUR", "0.9", DAYS[2]))
    early = dated([("100", DAYS[0]), ("10", DAYS[3])], "USD", "EUR", held)
    positions = [
        Held("USD", Amounts(realized_pnl=Decimal(110)), early),
        Held("USDT", Amounts(unrealized_pnl=Decimal(7), fees=Decimal(1)), fees=DatedSum(without_rate=Decimal(1))),
        Held("", Amounts(realized_pnl=Decimal(5)), DatedSum(without_rate=Decimal(5))),
        Held("", Amounts(realized_pnl=Decimal(-5)), DatedSum(without_rate=Decimal(-5))),
        Held("EUR", Amounts(cash=Decimal(2)), cash=DatedSum(Decimal(2)), fees_outside={"BNB": Decimal("0.18")}),
    ]
    found = totals(positions, "EUR", held, DAYS[4])
    assert net(found) == (Decimal("11.0"), Decimal("101.0"))
    assert found.dated.missing == (
        Missing("realized_pnl", "USD", Decimal(100)),
        Missing("unrealized_pnl", "USDT", Decimal(7)),
        Missing("fees", "USDT", Decimal(1)),
        Missing("realized_pnl", "", None),
        Missing("fees", "BNB", Decimal("0.18")),
    )


def test_a_rate_without_end_is_marked() -> None:
    """1 / 0.9 has no end: the total says that it is rounded."""
    held = rates(("USD", "EUR", "0.9", DAYS[0]))
    assert totals([Held("EUR", Amounts(cash=Decimal(1)))], "USD", held, DAYS[1]).at_current_rates.rounded


def test_a_position_without_a_mark_is_missing_in_both_totals() -> None:
    found = totals([Held("USD", Amounts(), unmarked=True)], "EUR", rates(("USD", "EUR", "0.5", DAYS[0])), DAYS[1])
    missing = (Missing("unrealized_pnl", "USD", None),)
    assert (found.dated.missing, found.at_current_rates.missing) == (missing, missing)


def test_a_position_with_a_division_without_end_marks_both_totals() -> None:
    held = rates(("USD", "EUR", "0.5", DAYS[0]))
    for rounded in (False, True):
        found = totals([Held("USD", Amounts(realized_pnl=Decimal(1)), rounded=rounded)], "EUR", held, DAYS[1])
        assert (found.dated.rounded, found.at_current_rates.rounded) == (rounded, rounded)


INCREMENTS = st.lists(st.tuples(st.integers(-99, 99), st.integers(0, 7)), max_size=6)


@given(st.lists(INCREMENTS, max_size=4), st.lists(st.sampled_from([2, 4, 5, 8]), min_size=8, max_size=8))
def test_conversion_is_additive(positions: list[list[tuple[int, int]]], daily: list[int]) -> None:
    """Invariant r: the total of all is the sum over the increments, each at the rate of its day."""
    held = rates(*(("USD", "EUR", str(rate), ts) for rate, ts in zip(daily, DAYS, strict=True)))
    every = [
        Held(
            "USD",
            Amounts(realized_pnl=Decimal(sum(amount for amount, _ in increments))),
            dated([(str(amount), DAYS[day]) for amount, day in increments], "USD", "EUR", held),
        )
        for increments in positions
    ]
    found = totals(every, "EUR", held, DAYS[7])
    expected = sum(Fraction(amount * daily[day]) for increments in positions for amount, day in increments)
    assert Fraction(found.dated.amounts.realized_pnl) == expected
    apart = sum((Fraction(totals([one], "EUR", held, DAYS[7]).dated.amounts.realized_pnl) for one in every), Fraction())
    assert apart == expected
