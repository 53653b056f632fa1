"""Budgets, bans, rotation and the state of a market: decisions by the clock they are handed."""

from itertools import count
from zoneinfo import ZoneInfo

import pytest

from market_feed.decisions.budget import Ban, RollingBudget
from market_feed.decisions.candles import Candles
from market_feed.decisions.conflation import Conflation
from market_feed.decisions.freshness import Freshness, GrowingPause
from market_feed.decisions.limits import FeedLimits
from market_feed.decisions.market_state import NOTHING, Known, Market
from market_feed.decisions.rotation import DAY, rotation_due
from market_feed.decisions.seldom import Seldom
from market_feed.market import Candle, Instrument, Quote, Trade
from market_feed.schedule.calendar import Calendar, Window
from market_feed.times import Unit, as_text, from_text
from telemetry_stream.events import Event
from telemetry_stream.id_spaces import IdSpace

UTC = ZoneInfo("UTC")
MINUTE_US = 60_000_000


def test_a_budget_is_spent_within_any_window_and_no_further() -> None:
    budget = RollingBudget(10, 60)
    for now in (0.0, 10.0):
        assert budget.wait(5, now) == 0
        budget.spend(5, now)
    assert budget.wait(1, 20.0) == 40.0
    assert budget.wait(6, 20.0) == 50.0
    assert budget.wait(1, 60.0) == 0
    assert budget.used == 5
    assert budget.wait(1_000, 60.0) == 10.0, "more than the limit waits until all of it is free"


def test_what_others_on_the_address_used_counts_too() -> None:
    budget = RollingBudget(10, 60)
    budget.spend(1, 0.0)
    budget.raise_to(9, 1.0)
    assert budget.wait(2, 2.0) == 58.0
    budget.raise_to(3, 3.0)
    assert budget.used == 9


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (429, "7", 7.0),
        (418, "259200", 259_200.0),
        (429, "", 60.0),
        (429, "soon", 60.0),
        (429, "0", 1.0),
        (429, "7.5", 7.5),
        (418, "-3", 120.0),
        (418, "99999999", 259_200.0),
        (418, "Sun, 29 Nov 2026 12:10:00 GMT", 600.0),
        (418, "Sun, 29 Nov 2026 11:50:00 GMT", 1.0),
        (403, "", 300.0),
        (451, "1", 300.0),
        (500, "", 0.0),
        (503, "3", 3.0),
    ],
)
def test_a_refusal_forbids_requests_for_as_long_as_the_venue_says(
    status: int, retry_after: str, seconds: float
) -> None:
    ban = Ban()
    assert ban.note(status, retry_after, 100.0, "Sun, 29 Nov 2026 12:00:00 GMT") == seconds
    assert ban.wait(100.0) == seconds
    assert ban.wait(100.0 + seconds) == 0


def test_a_shorter_ban_does_not_end_a_longer_one() -> None:
    ban = Ban()
    ban.note(418, "100", 0.0)
    ban.note(429, "5", 1.0)
    assert ban.wait(10.0) == 90.0


def never(_time: float) -> bool:
    return False


def test_row_5_a_connection_is_replaced_at_the_chosen_hour_each_day() -> None:
    at = 3 * 3_600
    opened = 10 * DAY + 1_000.0
    due = 10 * DAY + at
    assert not rotation_due(opened, DAY, at, never, due - 1)
    assert rotation_due(opened, DAY, at, never, due)
    assert not rotation_due(due + 1, DAY, at, never, due + DAY - 1)
    assert rotation_due(due + 1, DAY, at, never, due + DAY)


def test_without_an_hour_it_is_replaced_an_hour_before_its_end() -> None:
    assert not rotation_due(0, DAY, None, never, DAY - 3_601)
    assert rotation_due(0, DAY, None, never, DAY - 3_600)
    assert not rotation_due(0, None, None, never, 10 * DAY)


def test_it_is_not_replaced_inside_a_window_unless_its_end_is_near() -> None:
    assert not rotation_due(0, DAY, None, lambda _time: True, DAY - 3_000)
    assert rotation_due(0, DAY, None, lambda _time: True, DAY - 1_800)


def test_a_market_is_unknown_then_live_and_stale_without_any_sign() -> None:
    market = Freshness(15, 0.0)
    assert market.state(14.9) == "unknown"
    assert market.state(15.0) == "stale"
    market.note_trade(20.0)
    assert market.state(34.9) == "live"
    assert market.state(35.0) == "stale"


def test_row_11_it_is_quiet_while_the_venue_names_the_last_trade_here() -> None:
    market = Freshness(15, 0.0)
    market.note_trade(0.0)
    for now in range(1, 60):
        market.note_head(7, 7, float(now))
    assert market.state(59.0) == "quiet"


def test_row_10_it_is_stale_once_the_venue_has_had_a_later_trade_for_long() -> None:
    market = Freshness(15, 0.0)
    market.note_trade(0.0)
    for now in range(1, 40):
        market.note_head(7 if now < 10 else 9, 7, float(now))
    assert market.state(24.9) == "quiet"
    assert market.state(25.0) == "stale"
    market.note_head(9, 9, 40.0)
    assert market.state(40.0) == "quiet"


def test_a_mute_market_is_tried_less_and_less_often() -> None:
    pause = GrowingPause()
    tried = [second for second in range(0, 20_000, 10) if pause.is_over(float(second))]
    assert tried == [0, 60, 180, 420, 900, 1_860, 3_780, 7_380, 10_980, 14_580, 18_180]
    pause.reset()
    assert not pause.is_over(20_000.0)
    assert pause.is_over(21_780.0)
    assert pause.is_over(21_840.0)


def test_a_head_of_zero_says_nothing() -> None:
    market = Freshness(15, 0.0)
    market.note_head(0, 7, 1.0)
    assert market.state(20.0) == "stale"


def test_halted_and_closed_go_before_everything_else() -> None:
    market = Freshness(15, 0.0)
    market.note_trade(1.0)
    market.is_halted = True
    assert market.state(2.0) == "halted"
    market.is_closed = True
    assert market.state(2.0) == "closed"


@pytest.mark.parametrize(
    ("time", "unit", "ts"),
    [
        (1_723_161_255_342, Unit.MILLISECOND, "2024-08-08T23:54:15.342Z"),
        (1_723_161_255_342_007, Unit.MICROSECOND, "2024-08-08T23:54:15.342007Z"),
        (1_709_164_800_000, Unit.MILLISECOND, "2024-02-29T00:00:00.000Z"),
    ],
)
def test_a_time_keeps_the_digits_of_its_unit(time: int, unit: Unit, ts: str) -> None:
    assert as_text(time, unit) == ts
    assert from_text(ts) == time * unit.value


def test_a_text_that_is_no_time_is_refused() -> None:
    for text in ("", "2024-08-08", "2024-08-08T23:54:15", "2024-08-08T23:54:15+02:00"):
        with pytest.raises(ValueError, match="not a time"):
            from_text(text)


def candles(*numbers: int) -> list[Candle]:
    return [Candle("BTCUSDT", "1m", one, "", one * MINUTE_US, "1", "3", "0.5", "2", "9", 6) for one in numbers]


def numbers(found: list[Candle]) -> list[int]:
    return [one.number for one in found]


def test_a_candle_passes_once_and_one_that_was_missed_is_asked_for() -> None:
    known = Candles(None)
    assert numbers([one for candle in candles(7, 7, 8, 11) for one in known.take(candle)]) == [7, 8, 11]
    assert known.missing == 9
    assert numbers(known.page_ended(9, candles(9, 10, 11, 12))) == [9, 10], "12 may not be closed yet"
    assert known.missing is None


def test_candles_that_the_venue_leaves_out_are_asked_for_once_and_an_empty_answer_says_nothing() -> None:
    known = Candles(IdSpace(5))
    known.take(candles(10)[0])
    assert known.page_ended(6, []) == []
    assert known.missing == 6
    assert numbers(known.page_ended(6, candles(8, 11))) == [8]
    assert known.missing is None


def test_after_a_restart_the_journals_holes_are_asked_for() -> None:
    known = Candles(IdSpace(5, [(2, 3)]))
    assert known.missing == 2
    assert numbers(known.page_ended(2, candles(2, 3, 4, 5, 6))) == [2, 3]


def test_the_candles_of_an_opening_begin_with_it() -> None:
    known = Candles(IdSpace(5))
    known.begin_at(100 * MINUTE_US - 1)
    assert numbers(known.take(candles(102)[0])) == [102]
    assert known.missing == 100


def quote(update_id: int) -> Quote:
    return Quote("BTCUSDT", update_id, "1", "1", "2", "2")


def test_a_wrong_number_of_a_quote_does_not_end_the_quotes() -> None:
    quotes = market(NOTHING, follows_trades=False)

    def passed(number: int, *, is_alone: bool) -> int:
        return len(quotes.quote_events(quote(number), 0.0, 7, is_alone=is_alone))

    assert [passed(number, is_alone=True) for number in (5, 5, 2**62, 6, 7)] == [1, 0, 1, 1, 1]
    assert [passed(number, is_alone=False) for number in (6, 7, 8)] == [0, 0, 1], "another connection brings them too"


def test_the_same_is_told_once_a_second_with_the_times_that_it_was_not() -> None:
    seldom = Seldom()
    assert [seldom.left_out("a", now) for now in (0.0, 0.5, 0.9)] == [0, None, None]
    assert seldom.left_out("b", 0.9) == 0
    assert [seldom.left_out("a", now) for now in (1.0, 2.5)] == [2, 0]


def test_of_the_quotes_within_some_time_the_newest_passes() -> None:
    conflation = Conflation(1.0)
    assert conflation.take(quote(1), 0.0) == quote(1)
    assert [conflation.take(quote(number), number / 10) for number in (2, 3)] == [None, None]
    assert conflation.due(0.9) is None
    assert conflation.due(1.0) == quote(3)
    assert conflation.due(5.0) is None
    assert conflation.take(quote(4), 5.0) == quote(4)


def test_without_a_time_each_quote_passes() -> None:
    conflation = Conflation(0.0)
    assert [conflation.take(quote(number), 0.0) for number in (1, 2)] == [quote(1), quote(2)]


ALWAYS = Calendar(())


def market(known: Known, *, follows_trades: bool, calendar: Calendar = ALWAYS) -> Market:
    instrument, limits = Instrument("binance", "BTC-USDT", "BTCUSDT"), FeedLimits()
    return Market(
        instrument, "binance:BTCUSDT:a", known, limits, calendar, count(1), 0.0, follows_trades=follows_trades
    )


def test_without_trades_quotes_and_the_venues_word_are_the_signs_of_life_and_no_trade_is_fetched() -> None:
    quotes = market(Known(IdSpace(5)), follows_trades=False)
    quotes.note_head(900, 1.0)
    assert quotes.freshness.state(2.0) == "quiet", "the venue's later trades are not missed"
    quotes.quote_events(quote(1), 20.0, 7)
    assert quotes.freshness.state(21.0) == "live"
    assert quotes.need(21.0, 1) is None
    quotes.live_candle_events(candles(7)[0], 40.0, 7)
    assert quotes.freshness.state(41.0) == "live"
    assert quotes.freshness.state(60.0) == "stale", "neither came"


def numbered(*found: Event) -> list[str]:
    return [event.key for event in found]


def test_where_a_venue_begins_to_number_anew_trades_go_on_under_the_new_numbers() -> None:
    """Test networks delete all data each month."""

    def at_second(second: int, number: int) -> Trade:
        return Trade("BTCUSDT", number, "10", "1", "buy", "", second * 1_000_000, "", number, number)

    followed = market(Known(IdSpace(1_000, [(2, 9)])), follows_trades=True)
    assert numbered(*followed.trade_events([at_second(9, 1_001)], 0.0, 7)) == ["binance:BTCUSDT:a#1001"]
    anew = [at_second(20 + number, number) for number in range(1, 7)]
    assert followed.trade_events(anew, 1.0, 7) == [], "the venue itself does not say so"
    followed.note_head(7, 2.0)
    events = followed.trade_events([at_second(27, 7)], 3.0, 7)
    assert numbered(*events) == [f"binance:BTCUSDT:a~2#{number}" for number in range(1, 8)]
    assert (followed.continuity.counters.conflicts, followed.begins_anew) == (0, True)
    again = market(Known(IdSpace(7), space="binance:BTCUSDT:a~2"), follows_trades=True)
    assert numbered(*again.trade_events([at_second(28, 8)], 0.0, 7)) == ["binance:BTCUSDT:a~2#8"]


def test_where_trades_are_followed_quotes_say_nothing_of_them() -> None:
    trades = market(NOTHING, follows_trades=True)
    trades.quote_events(quote(1), 20.0, 7)
    assert trades.freshness.state(21.0) == "stale"


def test_quotes_belong_to_an_opening_by_their_receipt_and_stand_between_its_events() -> None:
    days = frozenset(range(7))
    quotes = market(NOTHING, follows_trades=False, calendar=Calendar([Window("w", UTC, days, ((60, 61),))]))
    minute_ns = 60 * 10**9
    assert quotes.session.changes(59 * 60 * 1_000_000 + 45_000_000) == ["begins"]
    assert quotes.quote_events(quote(1), 0.0, 60 * minute_ns - 1) == [], "connected, and before the start"
    opened = quotes.quote_events(quote(2), 0.0, 60 * minute_ns)
    assert [event.payload.count(b'"kind":"session"') for event in opened] == [1, 0]
    assert len(quotes.quote_events(quote(3), 0.0, 61 * minute_ns - 1)) == 1
    assert quotes.quote_events(quote(4), 0.0, 61 * minute_ns) == []
    assert len(quotes.closing_events()) == 1
    assert quotes.quote_events(quote(5), 0.0, 61 * minute_ns - 1) == [], "by a clock that is behind"
