"""Closed round trips in a base currency, each at the rate of its end: all of one rate are converted together."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from trading_history.figures.bars import added
from trading_history.figures.trip_columns import Numbers, TripColumns
from trading_history.figures.trips import shown
from trading_history.queries.closed_trips import ClosedTrips, Grouping
from trading_history.queries.conversion import Conversion
from trading_history.queries.grouping import Member, Names
from trading_history.queries.trip_sums import CONVERTED, COUNTED, Runs, TripSums, add, append

NO_RATE = -1


class Rated(NamedTuple):
    """Trips, and the place of the rate of each in `rates`, or NO_RATE."""

    trips: TripColumns
    places: Numbers
    rates: Sequence[Decimal]


def rated(closed: ClosedTrips, conversion: Conversion) -> Iterator[Rated]:
    """Batches of trips with their rates. The net of those that have none is noted as missing."""
    currencies = list(dict.fromkeys(book.sum_currency for book in closed.books))
    number_of = np.array([currencies.index(book.sum_currency) for book in closed.books], np.int64)
    for batch in closed.batches:
        places, rates = np.full(len(batch), NO_RATE), list[Decimal]()
        numbers = number_of[batch.series]
        for number in np.unique(numbers).tolist():
            currency, own = currencies[number], np.flatnonzero(numbers == number)
            found, rate_of = conversion.rates_of(currency, batch.closed_ns[own])
            for at in np.unique(rate_of).tolist():
                chosen, rate = own[rate_of == at], found[at]
                if rate is None:
                    (net,) = batch.amounts["net"][chosen].sums(np.zeros(1, np.int64))
                    conversion.miss("round_trips", currency, net, int(batch.closed_ns[chosen[0]]))
                else:
                    places[chosen] = len(rates)
                    rates.append(rate.value)
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
        runs = Runs(trips, groups * len(rates) + rate_of)
        parts = [TripSums() for _ in runs.groups]
        add(runs, parts)
        for number, part in zip(runs.groups, parts, strict=True):
            names, _ = grouping.keys[number // len(rates)]
            _add_converted(found.setdefault(names, TripSums()), part, rates[number % len(rates)])
        known = list(dict.fromkeys(names for names, _ in grouping.keys))
        numbers = {names: number for number, names in enumerate(known)}
        whole = Runs(trips, np.array([numbers[names] for names, _ in grouping.keys])[groups])
        append(whole, [found[known[number]] for number in whole.groups])
    return {(names, conversion.into): one for names, one in found.items()}


def _add_converted(found: TripSums, part: TripSums, rate: Decimal) -> None:
    for name in COUNTED:
        setattr(found, name, getattr(found, name) + getattr(part, name))
    for name in CONVERTED:
        setattr(found, name, getattr(found, name) + shown(getattr(part, name) * rate))
    found.largest_win = max(found.largest_win, shown(part.largest_win * rate))
    found.largest_loss = min(found.largest_loss, shown(part.largest_loss * rate))
    found.longest_ns = max(found.longest_ns, part.longest_ns)
    found.flags |= part.flags
    if part.fees_outside:
        found.fees_outside = added(found.fees_outside, part.fees_outside)
