"""Amounts in columns at rates: what each is by itself, to the last digit."""

import random
from decimal import Decimal

import numpy as np
import pytest

from trading_history.figures.trips import shown
from trading_history.queries.amount_columns import amount_of
from trading_history.queries.rate_columns import RateColumn
from trading_model.contents import Rate
from trading_model.decimals import ZERO, exactly
from trading_model.rates import Found, Rates


def rates_of(*texts: str) -> list[Found | None]:
    """Said ones, those of the other direction, and none."""
    found = list[Found | None]([None])
    for text in texts:
        rates = Rates()
        rates.say(1, Rate(base="A", quote="B", rate=Decimal(text), ts="2026-01-01T00:00:00Z"))
        found += [rates.find(*pair, "2026-01-02T00:00:00Z") for pair in (("A", "B"), ("B", "A"))]
    return found


@pytest.mark.parametrize("rounds", [False, True])
@pytest.mark.parametrize("places", [0, 5, 37])
@pytest.mark.parametrize("digits", [3, 17, 60])
@pytest.mark.parametrize("texts", [("0.9198", "2"), ("1.0832", "0.000000031", "3"), ("7" * 19, "1E-38")])
def test_each_amount_is_converted_as_by_itself(
    texts: tuple[str, ...], digits: int, places: int, *, rounds: bool
) -> None:
    chance, rates = random.Random(digits), rates_of(*texts)
    amounts = [0, *(chance.randrange(-(10**digits), 10**digits) for _ in range(40))]
    at = [chance.randrange(len(rates)) for _ in amounts]
    column = np.array(amounts, np.int64 if digits < 18 else object)
    converted, decimals = RateColumn(rates).convert(column, places, np.array(at), rounds=rounds)

    @exactly
    def alone() -> list[Decimal]:
        found = list[Decimal]()
        for amount, place in zip(amounts, at, strict=True):
            rate = rates[place]
            value = ZERO if rate is None else amount_of(amount, places) * rate.value
            found.append(shown(value) if rounds or (rate is not None and rate.rounded) else value)
        return found

    assert [amount_of(int(one), decimals) for one in converted] == alone()


def test_a_half_goes_to_the_even_digit() -> None:
    rates = rates_of("0.5")
    halves = np.array([1, 3, -1, -3], object)
    converted, decimals = RateColumn(rates).convert(halves, 34, np.full(4, 1), rounds=True)
    assert (converted.tolist(), decimals) == ([0, 2, 0, -2], 34)
