"""How well positions did: of one scope, or of each group in it. What is undefined is null with a reason.

From round trips: a win has a net above 0 after fees and cash, a loss below, a break-even 0. From daily returns, linked
(accounting rule 26): they need capital, and at least 30 days.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from trading_history.queries.conversion import Conversion, converted_equity
from trading_history.queries.equity import MAX_DRAWDOWN_BARS, drawdown, drawdown_of
from trading_history.queries.grouping import Member, Names, groups
from trading_history.queries.returns import CONVERTED, NO_CAPITAL, Returns, daily_returns
from trading_history.queries.round_trips import RoundTrip, all_closed, closed_later, still_open
from trading_history.queries.scope import Scope
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
    closed, opened, later = (dict[tuple[Names, str], list[RoundTrip]]() for _ in range(3))
    for found, trips in (
        (closed, all_closed(snapshot, scope, start_ns or 0, end_ns)),
        (opened, still_open(snapshot, scope)),
        (later, closed_later(snapshot, scope, end_ns)),
    ):
        for each in trips:
            trip = each if conversion is None else conversion.trip(each)
            if trip is None:
                continue
            for names in groups(trip, trip.tags, by):
                found.setdefault((names, trip.currency), []).append(trip)
    answers = []
    for names, currency in sorted(closed.keys() | opened.keys() | later.keys()):
        group = dict(names)
        trips, still = closed.get((names, currency), []), opened.get((names, currency), [])
        held = [trip for trip in (*trips, *still, *later.get((names, currency), ())) if trip.opened_ns < end_ns]
        start = min((trip.opened_ns for trip in held), default=end_ns) if start_ns is None else start_ns
        own = _scope_of(scope, group, currency)
        falls = [] if own.tags or conversion else drawdown(snapshot, own, start, end_ns)
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


def _of_trips(trips: list[RoundTrip], opened: list[RoundTrip]) -> dict[str, Any]:
    """The members that round trips say."""
    nets = [trip.net for trip in trips]
    wins, losses = [net for net in nets if net > ZERO], [net for net in nets if net < ZERO]
    won, lost, total, count = sum(wins, ZERO), sum(losses, ZERO), sum(nets, ZERO), Decimal(len(trips))
    gross, fees = sum((trip.gross for trip in trips), ZERO), sum((trip.fees for trip in trips), ZERO)
    held = [trip.holding_ns for trip in trips if trip.holding_ns is not None]

    def unless(reason: str) -> str:
        return reason if trips else "no_round_trips"

    winning, losing, current = _streaks(nets)
    return {
        "trips": len(trips),
        "wins": len(wins),
        "losses": len(losses),
        "break_even": len(trips) - len(wins) - len(losses),
        "open_trips": len(opened),
        "open_net": sum((trip.net for trip in opened), ZERO),
        "gross": gross,
        "fees": fees,
        "cash": sum((trip.cash for trip in trips), ZERO),
        "net": total,
        "turnover": sum((trip.turnover for trip in trips), ZERO),
        "fills": sum(trip.fills for trip in trips),
        "win_rate": ratio(Decimal(len(wins)), Decimal(len(wins) + len(losses)), unless("no_decided")),
        "profit_factor": ratio(won, -lost, unless("no_losses")),
        "expectancy": ratio(total, count, unless("")),
        "average_win": ratio(won, Decimal(len(wins)), unless("no_wins")),
        "average_loss": ratio(lost, Decimal(len(losses)), unless("no_losses")),
        "largest_win": Value(max(wins)) if wins else Value(None, unless("no_wins")),
        "largest_loss": Value(min(losses)) if losses else Value(None, unless("no_losses")),
        "fees_share": ratio(fees, abs(gross), unless("no_gross")),
        "average_holding_ns": ratio(Decimal(sum(held)), Decimal(len(held)), unless("unknown_times")),
        "longest_holding_ns": Value(Decimal(max(held))) if held else Value(None, unless("unknown_times")),
        "winning_streak": winning,
        "losing_streak": losing,
        "current_streak": current,
        "average_mae": ratio(sum((trip.mae for trip in trips), ZERO), count, unless("")),
        "average_mfe": ratio(sum((trip.mfe for trip in trips), ZERO), count, unless("")),
        "flags": tuple(sorted({flag for trip in trips for flag in trip.flags})),
    }


def _streaks(nets: Iterable[Decimal]) -> tuple[int, int, int]:
    """The longest run of wins, that of losses, and the last one: negative for losses."""
    winning = losing = current = 0
    for net in nets:
        if net > ZERO:
            current = max(current, 0) + 1
        elif net < ZERO:
            current = min(current, 0) - 1
        winning, losing = max(winning, current), max(losing, -current)
    return winning, losing, current


def _time_in_market(trips: Iterable[RoundTrip], start_ns: int, end_ns: int) -> Value:
    """The share of the range in which at least one round trip was open."""
    spans = sorted(
        (max(trip.opened_ns, start_ns), min(end_ns if trip.closed_ns is None else trip.closed_ns, end_ns))
        for trip in trips
    )
    covered, reached = 0, start_ns
    for start, end in spans:
        if end > reached:
            covered += end - max(start, reached)
            reached = end
    return ratio(Decimal(covered), Decimal(end_ns - start_ns), "no_round_trips")
