"""Daily returns of equity, linked, and the ratios over them: accounting rule 26.

The equity of a day's end is capital + deposits − withdrawals + net P&L, marked. The return of a day is its equity
divided by the equity of the day before with the day's net deposits, − 1. Days without trades count, with 0.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import accumulate

import msgspec
import numpy as np

from trading_history.queries.bar_columns import bar_columns
from trading_history.queries.capital import flows_of
from trading_history.queries.conversion import MINUTE_NS
from trading_history.queries.equity import SECOND, between, level_before
from trading_history.queries.scope import Scope, addends
from trading_history.queries.value import Value
from trading_history.reader import Snapshot
from trading_model.days import Calendar, DayBoundary
from trading_model.decimals import AVERAGE, ZERO

MIN_DAYS = 30
"""Of returns, for ratios over them."""

DAYS_A_YEAR = 365


class Returns(msgspec.Struct, frozen=True):
    """From daily returns of equity: capital and deposits + net P&L. Days without trades count.

    Ratios are annualised by √365, with the sample's standard deviation; the downside is over all days, from 0. `cagr`
    and `total` are fractions: 0.1 is 10 %. `max_drawdown` is of the linked index, 0 or more. `calmar` is cagr /
    max_drawdown. `daily` are the returns themselves.
    """

    days: int
    total: Value
    cagr: Value
    volatility: Value
    sharpe: Value
    sortino: Value
    max_drawdown: Value
    calmar: Value
    daily: tuple[Decimal, ...] = ()


def _undefined(reason: str, days: int = 0) -> Returns:
    none = Value(None, reason)
    return Returns(days, none, none, none, none, none, none, none)


NO_CAPITAL = _undefined("no_capital")
CONVERTED = _undefined("converted")
ONE = Decimal(1)


def daily_returns(
    snapshot: Snapshot,
    scope: Scope,
    currency: str,
    times: tuple[int, int],
    capital: Mapping[str, Mapping[str, Decimal]],
    boundary: DayBoundary,
) -> Returns:
    """The returns of the accounts of a scope in one currency, by the days of a range. Accounts that never traded count
    too: what they hold is equity. The first day and the last have what is in the range alone, to the minute.

    Days before the first capital or deposit are left out.
    """
    begun = [amounts for account, amounts in capital.items() if not scope.accounts or account in scope.accounts]
    own = sum((amounts.get(currency, ZERO) for amounts in begun), ZERO)
    deposits = flows_of(snapshot, scope.accounts, currency)
    if not own and not deposits:
        return NO_CAPITAL
    first = times[0] if own else max(times[0], min(time for time, _ in deposits))
    if first >= times[1]:
        return NO_CAPITAL
    start, end = times[0] // MINUTE_NS * MINUTE_NS, -(-times[1] // MINUTE_NS) * MINUTE_NS
    calendar = Calendar.of(boundary, "day", first, times[1]).within(start, end)
    levels = _levels(snapshot, scope, calendar)
    flows = [ZERO] * len(calendar.names)
    invested = own
    for time, amount in deposits:
        at = calendar.index(time)
        if at < 0:
            invested += amount
        elif at < len(flows):
            flows[at] += amount
    returns = list[Decimal]()
    for at, flow in enumerate(flows):
        before = invested + levels[at] + flow
        if before <= ZERO:
            return _undefined("ruined", len(returns))
        invested += flow
        returns.append(AVERAGE.divide(invested + levels[at + 1], before) - ONE)
    return of(returns)


def of(returns: Sequence[Decimal]) -> Returns:
    """The figures of daily returns."""
    if not returns:
        return _undefined("too_few_days")
    index = peak = ONE
    fall = ZERO
    for one in returns:
        index = AVERAGE.multiply(index, ONE + one)
        peak = max(peak, index)
        fall = max(fall, ONE - AVERAGE.divide(index, peak))
    days = len(returns)
    if days < MIN_DAYS or index <= ZERO:
        missing = Value(None, "ruined" if index <= ZERO else "too_few_days")
        total = Value(index - ONE)
        return Returns(days, total, missing, missing, missing, missing, Value(fall), missing, tuple(returns))
    count, year = Decimal(days), Decimal(DAYS_A_YEAR)
    mean = AVERAGE.divide(_sum(returns), count)
    variance = AVERAGE.divide(_sum([_squared(one - mean) for one in returns]), count - ONE)
    downside = AVERAGE.sqrt(AVERAGE.divide(_sum([_squared(min(one, ZERO)) for one in returns]), count))
    deviation, root = AVERAGE.sqrt(variance), AVERAGE.sqrt(year)
    cagr = AVERAGE.power(index, AVERAGE.divide(year, count)) - ONE
    return Returns(
        days,
        Value(index - ONE),
        Value(cagr),
        Value(AVERAGE.multiply(deviation, root)),
        _annual_ratio(mean, deviation, root),
        _annual_ratio(mean, downside, root),
        Value(fall),
        Value(AVERAGE.divide(cagr, fall)) if fall else Value(None, "no_drawdown"),
        tuple(returns),
    )


def _annual_ratio(mean: Decimal, deviation: Decimal, root: Decimal) -> Value:
    if not deviation:
        return Value(None, "no_variation")
    return Value(AVERAGE.multiply(AVERAGE.divide(mean, deviation), root))


def _sum(values: Sequence[Decimal]) -> Decimal:
    total = ZERO
    for value in values:
        total = AVERAGE.add(total, value)
    return total


def _squared(value: Decimal) -> Decimal:
    return AVERAGE.multiply(value, value)


def _levels(snapshot: Snapshot, scope: Scope, calendar: Calendar) -> list[Decimal]:
    """The net P&L before the first day, and at the end of each."""
    series, starts, days = addends(snapshot, scope).series, calendar.starts, len(calendar.names)
    changes = [ZERO] * days
    firsts = np.array(starts[:-1], np.int64)
    for bars in bar_columns(snapshot, series, between(starts[0], starts[-1], 86_400, starts)):
        day_of = firsts.searchsorted(bars.starts * SECOND, "right") - 1
        opens, closes = (bars.amounts[name].sums(day_of, days) for name in ("open", "close"))
        changes = [sum_ + close - open_ for sum_, close, open_ in zip(changes, closes, opens, strict=True)]
    level = sum((level_before(snapshot, one.id, starts[0]) for one in series), ZERO)
    return [*accumulate(changes, initial=level)]
