"""Sums of columns of amounts, against fractions: of money, of amounts that a division is in, and of both."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_history.queries.amount_columns import SEPARATOR, column_of
from trading_model.decimals import exactly, show

MONEY = st.decimals(-(10**9), 10**9, allow_nan=False, places=5)
WHOLE = st.integers(-(10**17), 10**17).map(Decimal)
DIVIDED = st.decimals(-(10**22), 10**22, allow_nan=False, places=34)
GROUPS = 3


@given(
    st.sampled_from([MONEY, WHOLE, MONEY | WHOLE, MONEY | WHOLE | DIVIDED]).flatmap(
        lambda amounts: st.lists(st.tuples(amounts, st.integers(0, GROUPS - 1)), min_size=1, max_size=20)
    )
)
def test_a_column_has_its_amounts_and_the_sums_of_its_groups(rows: list[tuple[Decimal, int]]) -> None:
    amounts, groups = zip(*rows, strict=True)
    column = exactly(column_of)(SEPARATOR.join(map(show, amounts)))
    integers, places = column.integers
    assert [Fraction(int(one), 10**places) for one in integers] == [Fraction(one) for one in amounts]
    sums = exactly(column.sums)(np.array(groups), GROUPS)
    assert [Fraction(one) for one in sums] == [
        sum((Fraction(amount) for amount, own in rows if own == group), Fraction()) for group in range(GROUPS)
    ]


@pytest.mark.parametrize("count", [90, 100, 180, 199])
def test_sums_may_need_more_than_64_bits(count: int) -> None:
    """92 of these amounts fit into 63 bits, 184 into 64."""
    largest = "99999999999999999"
    column = column_of(SEPARATOR.join([f"-{largest}", *[largest] * count]))
    assert not column.long
    sums = exactly(column.sums)(np.array([1, *[0] * count]), GROUPS)
    assert sums == [count * Decimal(largest), -Decimal(largest), 0]
