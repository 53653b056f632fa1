"""Closed round trips in a base currency, each at the rate of its end: all of one rate are converted together."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from trading_history.figures.trip_columns import Numbers, TripColumns, sums
from trading_history.queries.amount_columns import amount_of
from trading_history.queries.closed_trips import ClosedTrips, Grouping
from trading_history.queries.conversion import Conversion
from trading_history.queries.grouping import Member, Names
from trading_history.queries.rate_columns import RateColumn
from trading_history.queries.trip_sums import Runs, TripSums, added_amounts, append, count
from trading_model.rates import Found

NO_RATE = -1


class Rated(NamedTuple):
    """Trips, and the place of the rate of each in `rates`, or NO_RATE."""

    trips: TripColumns
    places: Numbers
    rates: Sequence[Found]


def rated(closed: ClosedTrips, conversion: Conversion) -> Iterator[Rated]:
    """Batches of trips with their rates. The net of those that have none is noted as missing."""
    currencies = list(dict.fromkeys(book.sum_currency for book in closed.books))
    number_of = np.array([currencies.index(book.sum_currency) for book in closed.books], np.int64)
    for batch in closed.batches:
        places, rates = np.full(len(batch), NO_RATE), list[Found]()
        numbers = number_of[batch.series]
        for number in np.unique(numbers).tolist():
            currency, own = currencies[number], np.flatnonzero(numbers == number)
            found, rate_of = conversion.rates_of(currency, batch.closed_ns[own])
            for at in np.unique(rate_of).tolist():
                chosen, rate = own[rate_of == at], found.rates[at]
                if rate is None:
                    (net,) = batch.amounts["net"][chosen].sums(np.zeros(1, np.int64))
                    conversion.miss("round_trips", currency, net, int(batch.closed_ns[chosen[0]]))
                else:
                    places[chosen] = len(rates)
                    rates.append(rate)
        yield Rated(batch, places, rates)


def converted_sums(
    closed: ClosedTrips, by: Sequence[Member], conversion: Conversion
) -> Mapping[tuple[Names, str], TripSums]:
    """What trips add up to in the base currency, by group. Call it under the EXACT context."""
    grouping, found = Grouping(closed.books, by), dict[Names, TripSums]()
    for batch, places, rates in rated(closed, conversion):
        has_rate = places != NO_RATE
        if not has_rate.any():
            continue
        chosen, groups = grouping.of(batch[has_rate])
        trips, rate_of = batch[has_rate][chosen], places[has_rate][chosen]
        numbers = {names: number for number, names in enumerate(dict.fromkeys(names for names, _ in grouping.keys))}
        group_of = np.array([numbers[names] for names, _ in grouping.keys])[groups]
        known, whole = list(numbers), Runs(trips, group_of)
        of_groups = [found.setdefault(known[number], TripSums()) for number in whole.groups]
        count(whole, of_groups)
        append(whole, of_groups)
        _add_converted(Runs(trips, group_of * len(rates) + rate_of), rates, of_groups)
    return {(names, conversion.into): one for names, one in found.items()}


def _add_converted(runs: Runs, rates: Sequence[Found], found: Sequence[TripSums]) -> None:
    """Add amounts of runs, each of one group and one rate; `found` has the sums of each group, in the same order."""
    numbers = np.array(runs.groups)
    column, at = RateColumn(rates), numbers % len(rates)
    firsts = np.flatnonzero(np.diff(numbers // len(rates), prepend=-1))
    for name, amounts in added_amounts(runs).items():
        converted, places = column.convert(*amounts.run_sums(runs.starts), at, rounds=True)
        for one, value in zip(found, sums(converted, firsts), strict=True):
            setattr(one, name, getattr(one, name) + amount_of(value, places))
    nets, extremes = runs.trips.amounts["net"], list[Sequence[Decimal]]()
    for of in (np.maximum, np.minimum):
        converted, places = column.convert(*nets.run_extremes(runs.starts, of), at, rounds=True)
        extremes.append([amount_of(value, places) for value in of.reduceat(converted, firsts).tolist()])
    for one, highest, lowest in zip(found, *extremes, strict=True):
        one.largest_win = max(one.largest_win, highest)
        one.largest_loss = min(one.largest_loss, lowest)
