"""Everything in a span is read once, however an exchange pages it."""

from hypothesis import given
from hypothesis import strategies as st

from tests.trading_app.follow.recorded import DAY_MS, NOW_MS, Recorded, trade
from trading_app.follow.reader import key_of
from trading_app.follow.source import Span
from trading_app.follow.windows import Seen, read_span, split

times = st.lists(st.integers(NOW_MS - 40 * DAY_MS, NOW_MS), max_size=120)


def read_all(source: Recorded, since_ms: int) -> list[str]:
    return [
        item["id"]
        for since, until in split(since_ms, NOW_MS, source.span(None))
        for page in read_span(lambda a, b: source.trades(None, a, b), key_of, since, until)
        for item in page
    ]


@given(times, st.integers(2, 30), st.booleans(), st.sampled_from([None, 1, 7]))
def test_each_trade_is_read_once(moments: list[int], page: int, newest_first: bool, days: float | None) -> None:
    distinct = sorted(set(moments))
    source = Recorded([trade(number, time) for number, time in enumerate(distinct)], [], page, newest_first, days)
    read = read_all(source, NOW_MS - 40 * DAY_MS)
    assert sorted(read) == sorted(f"t{number}" for number in range(len(distinct)))


@given(st.lists(st.integers(1, 15), max_size=12), st.integers(20, 40), st.booleans())
def test_trades_of_one_millisecond_are_not_cut_in_two(counts: list[int], page: int, newest_first: bool) -> None:
    """As long as a page is longer than what one millisecond has."""
    moments = [NOW_MS - 5_000 + at for at, count in enumerate(counts) for _ in range(count)]
    source = Recorded([trade(number, time) for number, time in enumerate(moments)], [], page, newest_first)
    assert sorted(read_all(source, NOW_MS - DAY_MS)) == sorted(f"t{number}" for number in range(len(moments)))


def test_a_millisecond_with_more_than_a_page_does_not_stop_what_comes_after() -> None:
    crowd = [trade(number, NOW_MS - 1_000) for number in range(50)]
    later = [trade(100 + number, NOW_MS - 500 + number) for number in range(30)]
    read = read_all(Recorded([*crowd, *later], page=20), NOW_MS - DAY_MS)
    assert {f"t{100 + number}" for number in range(30)} <= set(read)


def test_a_span_without_trades_costs_one_request() -> None:
    source = Recorded([trade(1, NOW_MS - 5_000)])
    assert list(read_span(lambda a, b: source.trades(None, a, b), key_of, NOW_MS - 1_000, None)) == []
    assert source.asked == 1


def test_spans_are_as_long_as_the_exchange_allows_and_end_now() -> None:
    spans = list(split(NOW_MS - 10 * DAY_MS, NOW_MS, Span(window_days=3)))
    assert spans[0][0] == NOW_MS - 10 * DAY_MS
    assert [until for _, until in spans[:-1]] == [since for since, _ in spans[1:]]
    assert spans[-1][1] is None
    assert all(until - since < 3 * DAY_MS for since, until in spans[:-1] if until)
    assert list(split(NOW_MS - 900 * DAY_MS, NOW_MS, Span())) == [(NOW_MS - 900 * DAY_MS, None)]


def test_what_is_forgotten_is_new_again() -> None:
    seen = Seen(key_of)
    old, new = trade(1, 1_000), trade(2, 2_000)
    assert seen.fresh([new, old]) == [old, new]
    seen.forget(2_000)
    assert seen.fresh([old, new]) == [old]
