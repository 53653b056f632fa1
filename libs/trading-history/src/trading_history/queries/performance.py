"""How well positions did: of one scope, or of each group in it. What is undefined is null with a reason.

From round trips: a win has a net above 0 after fees and cash, a loss below, a break-even 0. From daily returns, linked
(accounting rule 26): they need capital, and at least 30 days.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from trading_history.figures.trip_columns import Amounts, Numbers, TripColumns, total
from trading_history.queries.closed_trips import closed_of, closed_trips
from trading_history.queries.conversion import MINUTE, Conversion, converted_equity
from trading_history.queries.equity import MAX_DRAWDOWN_BARS, SPANS, drawdown, drawdown_of
from trading_history.queries.grouping import Member, Names, groups
from trading_history.queries.returns import CONVERTED, NO_CAPITAL, Returns, daily_returns
from trading_history.queries.round_trips import RoundTrip, all_closed, closed_later, still_open
from trading_history.queries.scope import Scope, addends
from trading_history.queries.value import Value, ratio
from trading_history.reader import Snapshot
from trading_model.days import MIDNIGHT_UTC, DayBoundary
from trading_model.decimals import ZERO, exactly


class Performance(msgspec.Struct, frozen=True):
    """The figures of one group in one currency; `group` has the value of each member that was asked for.

    `net` = `gross` − `fees` + `cash`, of the closed round trips; `open_trips` and `open_net` are beside them: realised
    so far. `win_rate` = wins / (wins + losses). `profit_factor` = sum of wins / |sum of losses|. `expectancy` is the
    mean net. `fees_share` = fees / |gross|. Holding times are nanoseconds. `time_in_market` is the share of the range
    in which at least one position was open, also one that closed later. Streaks count closed trips in the order of
    their ends; a break-even ends neither.
    """

    group: Mapping[str, str]
    currency: str
    trips: int
    wins: int
    losses: int
    break_even: int
    open_trips: int
    open_net: Decimal
    gross: Decimal
    fees: Decimal
    cash: Decimal
    net: Decimal
    turnover: Decimal
    fills: int
    win_rate: Value
    profit_factor: Value
    expectancy: Value
    average_win: Value
    average_loss: Value
    largest_win: Value
    largest_loss: Value
    fees_share: Value
    average_holding_ns: Value
    longest_holding_ns: Value
    winning_streak: int
    losing_streak: int
    current_streak: int
    time_in_market: Value
    average_mae: Value
    average_mfe: Value
    max_drawdown: Decimal | None
    drawdown_is_exact: bool
    returns: Returns
    flags: tuple[str, ...]


Capital = Mapping[str, Mapping[str, Decimal]]
"""What accounts began with, by account and currency. Deposits and withdrawals in the ledger come on top."""


@exactly
def performance(
    snapshot: Snapshot,
    scope: Scope,
    start_ns: int | None,
    end_ns: int,
    by: Sequence[Member] = (),
    capital: Capital | None = None,
    boundary: DayBoundary = MIDNIGHT_UTC,
    conversion: Conversion | None = None,
) -> list[Performance]:
    """The figures of the round trips that closed in a range, by group and currency, sorted. Without a start, the range
    of each group begins with its first trade: what others did before does not change its figures.

    By tag, a round trip counts in the group of each of its tags, one without in "". Returns are there for all positions
    and by account; other groups have no capital of their own. Days begin at `boundary`.

    With a conversion, all are in the base currency: a round trip at the rate of its end, without those that have none.
    Capital has no date, so there are no returns then.
    """
    if conversion is None:
        found = closed_trips(snapshot, scope, start_ns or 0, end_ns)
    else:
        converted = (conversion.trip(trip) for trip in all_closed(snapshot, scope, start_ns or 0, end_ns))
        found = closed_of(trip for trip in converted if trip is not None)
    closed = found.grouped(by)
    opened, later = dict[tuple[Names, str], list[RoundTrip]](), dict[tuple[Names, str], list[RoundTrip]]()
    for of_group, each_trip in ((opened, still_open(snapshot, scope)), (later, closed_later(snapshot, scope, end_ns))):
        for each in each_trip:
            trip = each if conversion is None else conversion.trip(each)
            if trip is not None:
                for names in groups(trip, trip.tags, by):
                    of_group.setdefault((names, trip.currency), []).append(trip)
    answers = []
    for key in sorted(closed.keys() | opened.keys() | later.keys()):
        names, currency = key
        group = dict(names)
        trips, still = closed.get(key, ()), opened.get(key, [])
        held = _held(trips, [trip for trip in (*still, *later.get(key, ())) if trip.opened_ns < end_ns], end_ns)
        start = int(held[0].min(initial=end_ns)) if start_ns is None else start_ns
        own = _scope_of(scope, group, currency)
        # The largest fall of one stored series is the same from bars of any length: of days there are the fewest.
        span = SPANS[-1] if addends(snapshot, own).is_exact else MINUTE
        falls = [] if own.tags or conversion else drawdown(snapshot, own, start, end_ns, span)
        if conversion is not None:
            returns = CONVERTED
            own = msgspec.structs.replace(own, currencies=scope.currencies)
            if not own.tags:
                curve = converted_equity(snapshot, own, conversion, (start, end_ns), max_bars=MAX_DRAWDOWN_BARS)
                falls = [drawdown_of(curve, start, end_ns)]
        elif own.strategies or own.symbols or own.position_sides or own.tags:
            returns = NO_CAPITAL
        else:
            returns = daily_returns(snapshot, own, currency, (start, end_ns), capital or {}, boundary)
        answers.append(
            Performance(
                group=group,
                currency=currency,
                max_drawdown=falls[0].max if falls else None,
                drawdown_is_exact=bool(falls) and falls[0].exact_inside,
                returns=returns,
                time_in_market=_time_in_market(held, start, end_ns),
                **_of_trips(trips, still),
            )
        )
    return answers


def _scope_of(scope: Scope, group: Mapping[str, str], currency: str) -> Scope:
    """The positions of one group."""
    members = {"account": "accounts", "strategy": "strategies", "symbol": "symbols", "position_side": "position_sides"}
    chosen = {members[name]: (value,) for name, value in group.items() if name in members}
    if "tag" in group:
        chosen["tags"] = (group["tag"],)
    return msgspec.structs.replace(scope, currencies=(currency,), **chosen)


def _of_trips(trips: Sequence[TripColumns], opened: Sequence[RoundTrip]) -> dict[str, Any]:
    """The members that round trips say."""
    nets = [part.amounts["net"] for part in trips]
    signs = np.concatenate([np.zeros(0, np.int8), *(one.signs for one in nets)])
    wins = [found for one in nets if len(found := one[one.signs > 0])]
    losses = [found for one in nets if len(found := one[one.signs < 0])]
    won, lost, net = _total(wins), _total(losses), _total(nets)
    won_trips, lost_trips = int((signs > 0).sum()), int((signs < 0).sum())
    count = Decimal(len(signs))
    gross, fees, cash, turnover, mae, mfe = (
        _total([part.amounts[name] for part in trips]) for name in ("gross", "fees", "cash", "turnover", "mae", "mfe")
    )
    held = [times for part in trips if len(times := part.holding_ns)]
    held_ns, held_trips = sum(map(total, held)), sum(map(len, held))
    longest = Decimal(max((int(one.max()) for one in held), default=0))
    flags = {flag for part in trips for one in np.unique(part.flags) for flag in part.flag_sets[one]}

    def unless(reason: str) -> str:
        return reason if trips else "no_round_trips"

    winning, losing, current = _streaks(signs)
    return {
        "trips": len(signs),
        "wins": won_trips,
        "losses": lost_trips,
        "break_even": len(signs) - won_trips - lost_trips,
        "open_trips": len(opened),
        "open_net": sum((trip.net for trip in opened), ZERO),
        "gross": gross,
        "fees": fees,
        "cash": cash,
        "net": net,
        "turnover": turnover,
        "fills": sum(total(part.fills) for part in trips),
        "win_rate": ratio(Decimal(won_trips), Decimal(won_trips + lost_trips), unless("no_decided")),
        "profit_factor": ratio(won, -lost, unless("no_losses")),
        "expectancy": ratio(net, count, unless("")),
        "average_win": ratio(won, Decimal(won_trips), unless("no_wins")),
        "average_loss": ratio(lost, Decimal(lost_trips), unless("no_losses")),
        "largest_win": Value(max(one.max for one in wins)) if wins else Value(None, unless("no_wins")),
        "largest_loss": Value(min(one.min for one in losses)) if losses else Value(None, unless("no_losses")),
        "fees_share": ratio(fees, abs(gross), unless("no_gross")),
        "average_holding_ns": ratio(Decimal(held_ns), Decimal(held_trips), unless("unknown_times")),
        "longest_holding_ns": Value(longest) if held else Value(None, unless("unknown_times")),
        "winning_streak": winning,
        "losing_streak": losing,
        "current_streak": current,
        "average_mae": ratio(mae, count, unless("")),
        "average_mfe": ratio(mfe, count, unless("")),
        "flags": tuple(sorted(flags)),
    }


def _total(parts: Iterable[Amounts]) -> Decimal:
    return sum((one.total for one in parts), ZERO)


def _streaks(signs: npt.NDArray[np.int8]) -> tuple[int, int, int]:
    """The longest run of wins, that of losses, and the last one: negative for losses. A break-even ends none."""
    decided = signs[signs != 0]
    if not len(decided):
        return 0, 0, 0
    starts = np.concatenate(([0], np.flatnonzero(np.diff(decided)) + 1))
    runs = np.diff(np.append(starts, len(decided))) * decided[starts]
    return max(int(runs.max()), 0), max(-int(runs.min()), 0), int(runs[-1])


Times = tuple[Numbers, Numbers]
"""When trips began and ended, Unix nanoseconds."""


def _held(trips: Sequence[TripColumns], others: Sequence[RoundTrip], end_ns: int) -> Times:
    """Of trips that closed in a range, and of others that had not at its end."""
    opened = np.array([trip.opened_ns for trip in others], np.int64)
    closed = np.full(len(others), end_ns, np.int64)
    starts, ends = [part.opened_ns for part in trips], [part.closed_ns for part in trips]
    return np.concatenate([*starts, opened]), np.concatenate([*ends, closed])


def _time_in_market(held: Times, start_ns: int, end_ns: int) -> Value:
    """The share of the range in which at least one round trip was open."""
    order = np.argsort(held[0], kind="stable")
    starts, ends = held[0][order].clip(start_ns), held[1][order]
    reached = np.maximum.accumulate(np.concatenate(([start_ns], ends)))
    covered = int(np.clip(ends - np.maximum(starts, reached[:-1]), 0, None).sum())
    return ratio(Decimal(covered), Decimal(end_ns - start_ns), "no_round_trips")
