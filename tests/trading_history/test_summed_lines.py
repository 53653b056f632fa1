"""The largest fall of a sum of lines, against fractions."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trading_history.queries.amount_columns import SEPARATOR
from trading_history.queries.summed_lines import largest_fall
from trading_model.decimals import exactly

BEFORE = -(1 << 62)
SHORT = st.decimals(-(10**6), 10**6, allow_nan=False, places=5)
LONG = st.decimals(-(10**22), 10**22, allow_nan=False, places=34)


Line = tuple[Sequence[int], Sequence[str]]


@st.composite
def lines_of(draw: st.DrawFn) -> list[Line]:
    """Some lines from before a range on: most with the amounts of money, some with those that a division is in."""
    amounts = draw(st.sampled_from([SHORT, SHORT | LONG, st.integers(-(10**17), 10**17).map(Decimal)]))
    lines = list[Line]()
    for _ in range(draw(st.integers(1, 5))):
        times = sorted(draw(st.sets(st.integers(1_700_000_000, 1_700_000_020), max_size=8)))
        texts = draw(st.lists(amounts, min_size=len(times) + 1, max_size=len(times) + 1))
        lines.append(((BEFORE, *times), [format(one, "f") for one in texts]))
    return lines


@given(lines_of())
def test_the_fall_is_that_of_fractions(lines: list[Line]) -> None:
    highest, fall = Fraction(-(10**30)), Fraction()
    for time in sorted({one for times, _ in lines for one in times}):
        level = sum(
            (Fraction(texts[max(at for at, one in enumerate(times) if one <= time)]) for times, texts in lines),
            Fraction(),
        )
        highest = max(highest, level)
        fall = max(fall, highest - level)
    joined = [(SEPARATOR.join(map(str, times)), SEPARATOR.join(texts)) for times, texts in lines]
    assert Fraction(exactly(largest_fall)(joined)) == fall
