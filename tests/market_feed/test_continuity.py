"""The order of the ids of one instrument: what is passed on, held, fetched, given up."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_feed.decisions.continuity import ABSENT, NO_ANSWER, TOO_LARGE, TOO_MANY_HELD, Continuity
from market_feed.decisions.limits import Limits
from market_feed.market import Gap, GapFilled, Origin, Trade
from telemetry_stream.id_spaces import IdSpace
from tests.support.examples import some_of

LIMITS = Limits(fill_seconds=5.0)


def trade(number: int, origin: Origin = "live", price: str = "10", ids: tuple[int, int] = (0, 0)) -> Trade:
    return Trade("BTCUSDT", number, price, "1", "buy", "", number, "", *ids, origin)


def trades(*numbers: int, origin: Origin = "live") -> list[Trade]:
    return [trade(number, origin) for number in numbers]


def shown(passed: Iterable[Trade | Gap | GapFilled]) -> list[object]:
    """Ids; those of late trades negative; gaps as they are."""
    return [(-one.id if one.late else one.id) if isinstance(one, Trade) else one for one in passed]


def begun(*numbers: int, limits: Limits = LIMITS) -> Continuity:
    made = Continuity(limits)
    made.take(trades(*numbers), 0.0)
    return made


def wait(continuity: Continuity, since: float, until: float) -> list[Trade | Gap | GapFilled]:
    """Look at the clock each half second; what was passed on by then."""
    passed = []
    for half_seconds in range(round(2 * since), round(2 * until) + 1):
        passed += continuity.tick(half_seconds / 2)
    return passed


def test_the_first_trade_begins_wherever_it_is_and_those_that_follow_pass() -> None:
    continuity = Continuity(LIMITS)
    assert shown(continuity.take(trades(7, 8, 9), 0.0)) == [7, 8, 9]
    assert (continuity.last, continuity.hole) == (9, None)


def test_a_trade_that_comes_again_is_counted_and_not_passed_on() -> None:
    continuity = begun(7, 8)
    assert shown(continuity.take(trades(8, 7, 9), 0.0)) == [9]
    assert shown(continuity.take(trades(9, origin="backfill"), 0.0)) == []
    assert continuity.counters.duplicates == {"live": 2, "backfill": 1}
    assert continuity.counters.conflicts == 0


def at_second(number: int, second: int) -> Trade:
    return Trade("BTCUSDT", number, "10", "1", "buy", "", second * 1_000_000)


def test_live_trades_with_known_ids_that_are_later_than_all_known_ones_are_kept_until_it_is_clear() -> None:
    continuity = Continuity(LIMITS, IdSpace(1_000), latest_us=50_000_000)
    assert continuity.take([at_second(number, 40 + number) for number in range(1, 31)], 0.0) == []
    assert [one.id for one in continuity.anew] == list(range(12, 31)), "those before may be in the journal"
    assert continuity.counters.conflicts == 0
    assert shown(continuity.take([at_second(1_001, 80)], 0.0)) == [1_001]
    assert (continuity.anew, continuity.counters.conflicts) == ([], 19), "the venue goes on with its numbers"


def test_row_18_the_same_id_with_another_content_is_a_conflict_and_the_first_one_stands() -> None:
    continuity = begun(7, 8)
    assert continuity.take([trade(8, price="11")], 0.0) == []
    assert continuity.counters.conflicts == 1


def test_later_trades_wait_until_the_hole_is_filled() -> None:
    continuity = begun(1)
    assert shown(continuity.take(trades(4, 5), 1.0)) == []
    hole = continuity.hole
    assert hole is not None
    assert (hole.first, hole.last, continuity.held) == (2, 3, 2)
    assert shown(continuity.page_ended(2, trades(2, 3, 4, origin="backfill"), 1.1)) == [2, 3, 4, 5]
    assert continuity.hole is None
    assert (continuity.counters.gaps, continuity.counters.missing, continuity.counters.filled) == (1, 2, 3)


def test_several_holes_are_filled_one_after_the_other() -> None:
    continuity = begun(1)
    continuity.take(trades(4, 8), 1.0)
    assert shown(continuity.page_ended(2, trades(2, 3, origin="backfill"), 1.1)) == [2, 3, 4]
    hole = continuity.hole
    assert hole is not None
    assert (hole.first, hole.last) == (5, 7)
    assert shown(continuity.page_ended(5, trades(5, 6, 7, origin="backfill"), 1.2)) == [5, 6, 7, 8]
    assert continuity.counters.missing == 5


def test_a_trade_that_comes_out_of_order_fills_the_hole_itself() -> None:
    continuity = begun(1)
    assert shown(continuity.take(trades(3), 0.0)) == []
    assert shown(continuity.take(trades(2), 0.1)) == [2, 3]
    assert continuity.hole is None


def test_without_an_answer_the_hole_is_given_up_in_time_and_what_was_held_follows_the_gap() -> None:
    continuity = begun(1)
    continuity.take(trades(4, 5), 1.0)
    assert wait(continuity, 1.0, 5.5) == []
    assert shown(continuity.tick(6.0)) == [Gap(2, 3, NO_ANSWER), 4, 5]
    assert shown(continuity.take(trades(6), 6.1)) == [6]
    assert continuity.owed == [(2, 3)]
    assert continuity.counters.unfillable[NO_ANSWER] == 2


def test_what_comes_for_a_given_up_hole_is_late_and_its_end_is_said() -> None:
    continuity = begun(1)
    continuity.take(trades(4), 1.0)
    wait(continuity, 1.0, 6.0)
    assert shown(continuity.page_ended(2, trades(2, origin="backfill"), 7.0)) == [-2]
    assert continuity.owed == [(3, 3)]
    assert shown(continuity.take(trades(3), 8.0)) == [-3, GapFilled(2, 3)]
    assert shown(continuity.take(trades(3), 8.0)) == []


def test_progress_gives_a_long_hole_more_time() -> None:
    continuity = begun(1)
    continuity.take(trades(100), 1.0)
    for number in range(2, 8):
        continuity.page_ended(number, trades(number, origin="backfill"), number * 4.0)
        assert wait(continuity, number * 4.0, number * 4.0 + 4.0) == []
    assert shown(wait(continuity, 7 * 4.0 + 4.0, 7 * 4.0 + 5.0)) == [Gap(8, 99, NO_ANSWER), 100]
    assert continuity.owed == [(8, 99)], "an answer to another question does not say that these do not exist"


def test_time_in_which_the_feed_did_not_run_gives_nothing_up() -> None:
    continuity = begun(1)
    continuity.take(trades(4), 0.0)
    assert continuity.tick(3_600.0) == [], "stopped for an hour: nobody was asked"
    assert wait(continuity, 3_600.5, 3_603.5) == []
    assert shown(continuity.page_ended(2, trades(2, 3, origin="backfill"), 3_604.0)) == [2, 3, 4]


def test_a_slow_answer_is_waited_for_a_minute() -> None:
    continuity = begun(1, limits=Limits())
    continuity.take(trades(4), 0.0)
    assert wait(continuity, 0.0, 59.5) == []
    assert shown(continuity.tick(60.0)) == [Gap(2, 3, NO_ANSWER), 4]


def test_what_is_held_at_the_end_follows_its_gaps() -> None:
    continuity = begun(1)
    continuity.take(trades(4, 6), 0.0)
    assert shown(continuity.end(0.0)) == [Gap(2, 3, NO_ANSWER), 4, Gap(5, 5, NO_ANSWER), 6]


def test_row_19_an_answer_that_begins_later_says_that_the_ids_before_do_not_exist() -> None:
    continuity = begun(1)
    continuity.take(trades(9), 1.0)
    passed = continuity.page_ended(2, trades(5, 6, 7, 8, origin="backfill"), 1.1)
    assert shown(passed) == [Gap(2, 4, ABSENT), 5, 6, 7, 8, 9]
    assert continuity.owed == []


def test_ids_missing_inside_an_answer_are_asked_for_once_more_and_then_given_up() -> None:
    continuity = begun(1)
    continuity.take(trades(9), 1.0)
    page = trades(2, 3, 6, 7, 8, origin="backfill")
    assert shown(continuity.page_ended(2, page, 1.1)) == [2, 3]
    hole = continuity.hole
    assert hole is not None
    assert (hole.first, hole.last) == (4, 5)
    assert shown(continuity.page_ended(4, trades(6, 7, 8, origin="backfill"), 1.2)) == [Gap(4, 5, ABSENT), 6, 7, 8, 9]


def test_an_empty_answer_says_nothing_until_the_time_is_over() -> None:
    continuity = begun(1)
    continuity.take(trades(3), 1.0)
    assert continuity.page_ended(2, [], 2.0) == []
    assert shown(continuity.page_ended(2, trades(2, origin="backfill"), 3.0)) == [2, 3]
    continuity.take(trades(6), 4.0)
    assert continuity.page_ended(4, [], 5.0) == []
    assert shown(wait(continuity, 5.0, 9.0)) == [Gap(4, 5, NO_ANSWER), 6]


def test_no_more_is_held_than_the_limit() -> None:
    continuity = begun(1, limits=Limits(max_held=3))
    continuity.take(trades(3, 4, 5, 6), 0.0)
    assert shown(continuity.tick(0.0)) == [Gap(2, 2, TOO_MANY_HELD), 3, 4, 5, 6]


def test_of_a_hole_that_is_too_large_the_newest_part_is_fetched() -> None:
    continuity = begun(1, limits=Limits(max_fetched=10))
    continuity.take(trades(100, 101), 0.0)
    assert shown(continuity.tick(0.0)) == [Gap(2, 89, TOO_LARGE)]
    hole = continuity.hole
    assert hole is not None
    assert (hole.first, hole.last) == (90, 99)


def test_row_18_aggregates_that_leave_out_single_trades_are_counted() -> None:
    continuity = Continuity(LIMITS)
    continuity.take([trade(1, ids=(10, 12)), trade(2, ids=(13, 13)), trade(3, ids=(15, 16))], 0.0)
    assert continuity.counters.broken_ranges == 1
    assert continuity.last_single_id == 16


def test_after_a_restart_it_goes_on_where_the_journal_ends() -> None:
    continuity = Continuity(LIMITS, IdSpace(9, [(5, 6)]))
    assert shown(continuity.take(trades(12), 0.0)) == []
    hole = continuity.hole
    assert hole is not None
    assert (hole.first, hole.last) == (10, 11)
    assert shown(continuity.take(trades(5, 9), 0.0)) == [-5]


def test_after_a_restart_what_was_given_up_is_asked_for_and_its_end_is_said() -> None:
    gaps = [Gap(2, 4, NO_ANSWER), Gap(6, 7, ABSENT), Gap(9, 9, NO_ANSWER)]
    continuity = Continuity(LIMITS, IdSpace(20, [(3, 4), (6, 7)]), gaps)
    assert continuity.owed == [(3, 4)]
    assert shown(continuity.page_ended(3, trades(3, 4, 5, origin="backfill"), 0.0)) == [-3, -4, GapFilled(2, 4)]
    assert continuity.owed == []
    assert shown(continuity.take(trades(6, 7), 0.0)) == [-6, -7, GapFilled(6, 7)]


def test_the_first_trade_may_be_said_before_any_comes() -> None:
    continuity = Continuity(LIMITS)
    continuity.begin_at(5)
    assert shown(continuity.take(trades(7), 0.0)) == []
    assert shown(continuity.page_ended(5, trades(5, 6, origin="backfill"), 0.1)) == [5, 6, 7]


def test_a_new_window_leaves_out_what_lies_between() -> None:
    continuity = begun(1, 2)
    continuity.take(trades(9), 0.0)
    continuity.begin_anywhere()
    assert shown(continuity.take(trades(50, 51), 1.0)) == [50, 51]
    assert continuity.hole is None


def test_a_window_begins_at_its_first_trade() -> None:
    continuity = Continuity(LIMITS, IdSpace(9))
    continuity.begin_at(50)
    assert shown(continuity.take(trades(50, 51), 0.0)) == [50, 51]
    continuity.begin_at(20)
    assert continuity.last == 51


def test_row_21_consecutive_ids_hours_apart_are_no_gap() -> None:
    continuity = begun(1)
    assert shown(continuity.take(trades(2), 4 * 3_600.0)) == [2]
    assert continuity.counters.gaps == 0


@pytest.mark.parametrize("absurd", [10**17, 2**62])
def test_an_absurd_id_costs_no_memory_and_no_gap_where_later_trades_contradict_it(absurd: int) -> None:
    continuity = begun(1)
    continuity.take(trades(absurd), 0.0)
    assert shown(continuity.tick(0.0)) == []
    assert shown(continuity.take(trades(2), 0.1)) == [2]
    assert (continuity.hole, continuity.held, continuity.counters.conflicts) == (None, 0, 1)
    assert shown(continuity.take(trades(3, 5), 0.2)) == [3]
    assert shown(continuity.page_ended(4, trades(4, origin="backfill"), 0.3)) == [4, 5]


@pytest.mark.parametrize("head", [8, 0], ids=["the-venues-last-trade", "their-own-single-trades"])
def test_absurd_ids_behind_a_true_hole_make_no_gap_where_something_denies_them(head: int) -> None:
    """No live trade has come since the hole was filled that would contradict them."""
    continuity = begun(1, 2)
    single = (2, 2) if not head else (0, 0)
    absurd = [trade(number, ids=single) for number in (10**9, 10**9 + 1, 10**12)]
    continuity.take([*trades(6), *absurd], 0.0)
    assert shown(continuity.page_ended(3, trades(3, 4, 5, origin="backfill"), 0.1)) == [3, 4, 5, 6]
    assert shown(continuity.tick(0.2, head)) == []
    assert (continuity.hole, continuity.held, continuity.counters.conflicts) == (None, 0, 3)
    assert shown(continuity.take(trades(7), 0.3)) == [7]


def test_an_absurd_id_that_nothing_contradicts_costs_one_gap() -> None:
    continuity = begun(1)
    continuity.take(trades(10**17), 0.0)
    assert shown(wait(continuity, 0.5, 5.5)) == [Gap(2, 10**17 - 1 - LIMITS.max_fetched, TOO_LARGE)]


def test_an_answer_that_passes_over_a_live_trade_says_nothing() -> None:
    continuity = begun(1)
    continuity.take(trades(4, 5), 0.0)
    assert continuity.page_ended(2, trades(900, 901, origin="backfill"), 0.1) == []
    assert continuity.page_ended(2, trades(2, 5, 6, origin="backfill"), 0.1) == []
    assert continuity.counters.conflicts == 5
    assert shown(continuity.page_ended(2, trades(2, 3, 4, 5, 900, origin="backfill"), 0.2)) == [2, 3, 4, 5]
    assert continuity.hole is None


def test_an_answer_that_begins_after_the_last_trade_that_the_venue_names_says_nothing() -> None:
    continuity = begun(1)
    assert continuity.page_ended(2, trades(900, origin="backfill"), 0.1, head=3) == []
    assert shown(continuity.page_ended(2, trades(2, 3, 4, origin="backfill"), 0.2, head=3)) == [2, 3, 4]


def test_an_answer_for_what_is_owed_adds_nothing_that_may_still_come_live() -> None:
    continuity = begun(1)
    continuity.take(trades(4), 0.0)
    wait(continuity, 0.5, 5.5)
    assert shown(continuity.page_ended(2, trades(2, 3, 4, 900, origin="backfill"), 6.0)) == [-2, -3, GapFilled(2, 3)]
    assert shown(continuity.take(trades(5), 6.1)) == [5]


LAST = 40
STEPS = st.lists(
    st.tuples(st.sampled_from(("live", "page", "tick")), st.integers(1, LAST), st.integers(1, 6)), max_size=60
)


def play(steps: Sequence[tuple[str, int, int]], gives_up: bool) -> list[Trade | Gap | GapFilled]:
    """Deliver runs of the trades 1 to LAST in whatever order, then all of them; what was passed on."""
    continuity = Continuity(Limits(fill_seconds=3.0 if gives_up else 1e9, max_held=15 if gives_up else 10**9))
    passed = continuity.take([trade(1)], 0.0)
    for now, (what, first, count) in enumerate(steps, 1):
        run = range(first, min(first + count, LAST + 1))
        if what == "live":
            passed += continuity.take(trades(*run), float(now))
        elif what == "tick":
            passed += continuity.tick(float(now))
        elif continuity.hole is not None:
            asked = continuity.hole.first
            found = range(asked, min(asked + count, LAST + 1))
            passed += continuity.page_ended(asked, trades(*found, origin="backfill"), float(now))
    passed += continuity.take(trades(*range(1, LAST + 1)), 1_000.0)
    return passed


@settings(max_examples=some_of(500))
@given(STEPS)
def test_any_interleaving_gives_each_trade_once_in_order(steps: list[tuple[str, int, int]]) -> None:
    assert shown(play(steps, gives_up=False)) == list(range(1, LAST + 1))


@settings(max_examples=some_of(500))
@given(STEPS)
def test_where_holes_are_given_up_each_trade_comes_once_and_only_late_ones_out_of_order(
    steps: list[tuple[str, int, int]],
) -> None:
    passed = play(steps, gives_up=True)
    found = [one for one in passed if isinstance(one, Trade)]
    assert sorted(one.id for one in found) == list(range(1, LAST + 1))
    in_order = [one.id for one in found if not one.late]
    assert in_order == sorted(in_order)
    told: set[int] = set()
    for one in passed:
        if isinstance(one, Gap):
            told |= set(range(one.first, one.last + 1))
        elif isinstance(one, Trade):
            assert one.late is (one.id in told), "late are those of which a gap was told before, and no others"
    filled = [range(one.first, one.last + 1) for one in passed if isinstance(one, GapFilled)]
    assert {number for numbers in filled for number in numbers} == told
