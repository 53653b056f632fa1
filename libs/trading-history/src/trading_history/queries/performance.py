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

from trading_history.figures.trip_columns import Numbers
from trading_history.queries.closed_trips import closed_trips
from trading_history.queries.conversion import Conversion
from trading_history.queries.converted_equity import converted_fall
from trading_history.queries.equity import MaxDrawdown, max_drawdown
from trading_history.queries.grouping import Member, Names, groups
from trading_history.queries.positions import open_positions
from trading_history.queries.returns import CONVERTED, NO_CAPITAL, Returns, daily_returns
from trading_history.queries.round_trips import RoundTrip, closed_later, still_open
from trading_history.queries.scope import Scope
from trading_history.queries.trip_conversion import converted_sums
from trading_history.queries.trip_sums import TripSums
from trading_history.queries.value import Value, ratio
from trading_history.reader import Snapshot
from trading_model.days import MIDNIGHT_UTC, DayBoundary
from trading_model.decimals import ZERO, exactly


class Performance(msgspec.Struct, frozen=True):
    """The figures of one group in one currency; `group` has the value of each member that was asked for.

    `net` = `gross` − `fees` + `cash`, of the closed round trips; `open_trips` and `open_net` are beside them: realised
    so far. `win_rate` = wins / (wins + losses). `profit_factor` = sum of wins / |sum of losses|. `expectancy` is the
    mean net. `fees_share` = fees / |gross|. `fees_outside` are, by currency, fees of these trips that no rate values:
    they are in no other figure. Holding times are nanoseconds. `time_in_market` is the share of the range in which at
    least one position was open, also one that closed later. Streaks count closed trips in the order of their ends; a
    break-even ends neither. `exposure` is what the positions that are open now are worth at their marks, `net_exposure`
    that of longs less that of shorts.
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
    fees_outside: Mapping[str, Decimal]
    fees_share: Value
    average_holding_ns: Value
    longest_holding_ns: Value
    winning_streak: int
    losing_streak: int
    current_streak: int
    time_in_market: Value
    average_mae: Value
    average_mfe: Value
    exposure: Value
    net_exposure: Value
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

    What has an unknown currency, or is in points, counts within one symbol alone: in no other group.
    """
    found = closed_trips(snapshot, scope, start_ns or 0, end_ns)
    closed = found.sums(by) if conversion is None else converted_sums(found, by, conversion)
    opened = _grouped(still_open(snapshot, scope), by, conversion)
    later = _grouped(closed_later(snapshot, scope, end_ns), by, conversion)
    worth = {} if conversion is not None else _worth(snapshot, scope, by)
    answers = []
    within_symbol = "symbol" in by or scope.is_one_symbol
    for key in sorted(closed.keys() | opened.keys() | later.keys()):
        names, currency = key
        if not currency and not within_symbol:
            continue
        group = dict(names)
        trips, still = closed.get(key, TripSums()), opened.get(key, [])
        held = _held(trips, [trip for trip in (*still, *later.get(key, ())) if trip.opened_ns < end_ns], end_ns)
        start = int(held[0].min(initial=end_ns)) if start_ns is None else start_ns
        own = _scope_of(scope, group, currency)
        fall = None if own.tags or conversion else max_drawdown(snapshot, own, start, end_ns)
        if conversion is not None:
            returns = CONVERTED
            own = msgspec.structs.replace(own, currencies=scope.currencies)
            if not own.tags:
                fall = MaxDrawdown(converted_fall(snapshot, own, conversion, (start, end_ns)), False)
        elif own.strategies or own.symbols or own.position_sides or own.tags:
            returns = NO_CAPITAL
        else:
            returns = daily_returns(snapshot, own, currency, (start, end_ns), capital or {}, boundary)
        unknown = "converted" if conversion is not None else "by_tag" if own.tags else ""
        exposure, net_exposure = [Value(None, unknown)] * 2 if unknown else worth.get(key, _NOTHING)
        answers.append(
            Performance(
                group=group,
                currency=currency,
                max_drawdown=None if fall is None else fall.max,
                drawdown_is_exact=fall is not None and fall.exact_inside,
                returns=returns,
                exposure=exposure,
                net_exposure=net_exposure,
                time_in_market=_time_in_market(held, start, end_ns),
                **_of_trips(trips, still),
            )
        )
    return answers


def _grouped(
    trips: Iterable[RoundTrip], by: Sequence[Member], conversion: Conversion | None
) -> dict[tuple[Names, str], list[RoundTrip]]:
    """Round trips by group and currency, converted if there is a conversion."""
    found = dict[tuple[Names, str], list[RoundTrip]]()
    for each in trips:
        trip = each if conversion is None else conversion.trip(each)
        if trip is not None:
            for names in groups(trip, trip.tags, by):
                found.setdefault((names, trip.currency), []).append(trip)
    return found


_NOTHING = (Value(ZERO), Value(ZERO))


def _worth(snapshot: Snapshot, scope: Scope, by: Sequence[Member]) -> Mapping[tuple[Names, str], tuple[Value, Value]]:
    """The worth of the open positions of each group and currency: all as positive; longs less shorts."""
    sums = dict[tuple[Names, str], tuple[Value, Value]]()
    for one, currency in open_positions(snapshot, scope):
        for names in groups(one, (), by):
            gross, net = sums.get((names, currency), _NOTHING)
            if one.exposure is None or gross.value is None or net.value is None:
                gross = net = Value(None, "no_mark")
            else:
                worth = one.exposure.copy_sign(one.quantity)
                gross, net = Value(gross.value + one.exposure), Value(net.value + worth)
            sums[names, currency] = gross, net
    return sums


def _scope_of(scope: Scope, group: Mapping[str, str], currency: str) -> Scope:
    """The positions of one group."""
    members = {"account": "accounts", "strategy": "strategies", "symbol": "symbols", "position_side": "position_sides"}
    chosen = {members[name]: (value,) for name, value in group.items() if name in members}
    if "tag" in group:
        chosen["tags"] = (group["tag"],)
    return msgspec.structs.replace(scope, currencies=(currency,), **chosen)


def _of_trips(trips: TripSums, opened: Sequence[RoundTrip]) -> dict[str, Any]:
    """The members that round trips say."""
    count, wins, losses = Decimal(trips.trips), Decimal(trips.wins), Decimal(trips.losses)
    net = trips.won + trips.lost

    def unless(reason: str) -> str:
        return reason if trips.trips else "no_round_trips"

    winning, losing, current = _streaks(np.concatenate([np.zeros(0, np.int8), *trips.signs]))
    return {
        "trips": trips.trips,
        "wins": trips.wins,
        "losses": trips.losses,
        "break_even": trips.trips - trips.wins - trips.losses,
        "open_trips": len(opened),
        "open_net": sum((trip.net for trip in opened), ZERO),
        "gross": trips.gross,
        "fees": trips.fees,
        "cash": trips.cash,
        "net": net,
        "turnover": trips.turnover,
        "fills": trips.fills,
        "win_rate": ratio(wins, wins + losses, unless("no_decided")),
        "profit_factor": ratio(trips.won, -trips.lost, unless("no_losses")),
        "expectancy": ratio(net, count, unless("")),
        "average_win": ratio(trips.won, wins, unless("no_wins")),
        "average_loss": ratio(trips.lost, losses, unless("no_losses")),
        "largest_win": Value(trips.largest_win) if wins else Value(None, unless("no_wins")),
        "largest_loss": Value(trips.largest_loss) if losses else Value(None, unless("no_losses")),
        "fees_outside": trips.fees_outside,
        "fees_share": ratio(trips.fees, abs(trips.gross), unless("no_gross")),
        "average_holding_ns": ratio(Decimal(trips.held_ns), Decimal(trips.held_trips), unless("unknown_times")),
        "longest_holding_ns": (
            Value(Decimal(trips.longest_ns)) if trips.held_trips else Value(None, unless("unknown_times"))
        ),
        "winning_streak": winning,
        "losing_streak": losing,
        "current_streak": current,
        "average_mae": ratio(trips.mae, count, unless("")),
        "average_mfe": ratio(trips.mfe, count, unless("")),
        "flags": tuple(sorted(trips.flags)),
    }


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


def _held(trips: TripSums, others: Sequence[RoundTrip], end_ns: int) -> Times:
    """The times of trips that closed in a range, the first to end first, and of others that had not at its end."""
    opened = np.array([trip.opened_ns for trip in others], np.int64)
    closed = np.full(len(others), end_ns, np.int64)
    return np.concatenate([*trips.opened_ns, opened]), np.concatenate([*trips.closed_ns, closed])


def _time_in_market(held: Times, start_ns: int, end_ns: int) -> Value:
    """The share of the range in which at least one round trip was open. They are in the order of their ends, so those
    that end later hold all from the first of their beginnings to the end of one.
    """
    starts, ends = held[0].clip(start_ns), held[1]
    later = np.minimum.accumulate(np.append(starts, end_ns)[::-1])[-2::-1]
    covered = int((np.minimum(ends, later) - starts).clip(0).sum())
    return ratio(Decimal(covered), Decimal(end_ns - start_ns), "no_round_trips")
