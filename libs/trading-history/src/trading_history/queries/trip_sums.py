"""Sums of closed round trips by group: one pass over their columns, whatever the number of groups. No I/O."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from itertools import pairwise

import msgspec
import numpy as np

from trading_history.figures.bars import added
from trading_history.figures.trip_columns import Amounts, Numbers, TripColumns, sums
from trading_model.accounting.book import NO_AMOUNTS
from trading_model.decimals import ZERO


class Runs:
    """Trips in the order of their groups, within one as they were: each group is a run."""

    def __init__(self, trips: TripColumns, groups: Numbers) -> None:
        """`groups` has the number of the group of each trip. There is at least one trip."""
        self.trips, numbers = trips, groups
        if (groups != groups[0]).any():
            order = np.argsort(_narrow(groups), kind="stable")
            self.trips, numbers = trips[order], groups[order]
        self.starts: Numbers = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
        self.groups: list[int] = numbers[self.starts].tolist()
        """The number of the group of each run."""

        self.counts: list[int] = np.diff(self.starts, append=len(trips)).tolist()

    @cached_property
    def signs(self) -> Numbers:
        """The signs of the nets of the trips."""
        return self.trips.amounts["net"].signs

    def sums(self, integers: Numbers) -> list[int]:
        """The sum of each run, of integers in the order of the trips."""
        return sums(integers, self.starts)

    def parts(self, numbers: Numbers) -> Iterator[Numbers]:
        """The part of each run."""
        return (numbers[start:end] for start, end in pairwise([*self.starts.tolist(), len(numbers)]))


def _narrow(numbers: Numbers) -> Numbers:
    """Numbers from 0 on, in 16 bits if that is enough: NumPy sorts these in a tenth of the time."""
    return numbers.astype(np.uint16) if int(numbers.max()) <= np.iinfo(np.uint16).max else numbers


class TripSums(msgspec.Struct):
    """What the trips of a group add up to. Amounts are those of `TripColumns`; `won` and `lost` are the sums of the
    nets above and below 0, `largest_win` and `largest_loss` the extremes of these, 0 if there are none. `fees_outside`
    are by currency.

    Holding times, in nanoseconds, are of the trips for which they are known: `held_trips`. `signs` of the nets and the
    times are arrays, one after the other, the first trip to end first.
    """

    trips: int = 0
    wins: int = 0
    losses: int = 0
    won: Decimal = ZERO
    lost: Decimal = ZERO
    largest_win: Decimal = ZERO
    largest_loss: Decimal = ZERO
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    cash: Decimal = ZERO
    turnover: Decimal = ZERO
    mae: Decimal = ZERO
    mfe: Decimal = ZERO
    fees_outside: dict[str, Decimal] = NO_AMOUNTS
    fills: int = 0
    held_ns: int = 0
    held_trips: int = 0
    longest_ns: int = 0
    flags: set[str] = msgspec.field(default_factory=set)
    signs: list[Numbers] = msgspec.field(default_factory=list)
    opened_ns: list[Numbers] = msgspec.field(default_factory=list)
    closed_ns: list[Numbers] = msgspec.field(default_factory=list)


_ADDED = ("gross", "fees", "cash", "turnover", "mae", "mfe")


def add(runs: Runs, found: Sequence[TripSums]) -> None:
    """Add trips with all amounts to the sums of their groups: `found` has those of each run. Signs and times are left.
    Call it under the EXACT context.
    """
    count(runs, found)
    starts, nets = runs.starts, runs.trips.amounts["net"]
    for name, amounts in added_amounts(runs).items():
        for one, value in zip(found, amounts.sums(starts), strict=True):
            setattr(one, name, getattr(one, name) + value)
    for one, highest, lowest in zip(found, nets.highest(starts), nets.lowest(starts), strict=True):
        one.largest_win = max(one.largest_win, highest)
        one.largest_loss = min(one.largest_loss, lowest)


def added_amounts(runs: Runs) -> dict[str, Amounts]:
    """The amounts of trips that are added up, by the name of their sum."""
    amounts = runs.trips.amounts
    return {
        "won": amounts["net"].where(runs.signs > 0),
        "lost": amounts["net"].where(runs.signs < 0),
        **{name: amounts[name] for name in _ADDED},
    }


def count(runs: Runs, found: Sequence[TripSums]) -> None:
    """Add what is no amount in the currency of the P&L, as `add` does."""
    trips, starts = runs.trips, runs.starts
    is_known = ~trips.has_opening
    held = np.where(is_known, trips.closed_ns.astype(np.int64) - trips.opened_ns, 0)
    columns: dict[str, Sequence[int]] = {
        "trips": runs.counts,
        "wins": runs.sums(runs.signs > 0),
        "losses": runs.sums(runs.signs < 0),
        "fills": runs.sums(trips.fills),
        "held_ns": runs.sums(held),
        "held_trips": runs.sums(is_known),
    }
    for name, values in columns.items():
        for one, value in zip(found, values, strict=True):
            setattr(one, name, getattr(one, name) + value)
    for currency, fees in trips.fees_outside.items():
        for one, amount in zip(found, fees.sums(starts), strict=True):
            if amount:
                one.fees_outside = added(one.fees_outside, {currency: amount})
    for one, held_ns in zip(found, np.maximum.reduceat(held, starts).tolist(), strict=True):
        one.longest_ns = max(one.longest_ns, held_ns)
    kinds = len(trips.flag_sets)
    run_of_trip = np.repeat(np.arange(len(starts)), runs.counts)
    for pair in np.flatnonzero(np.bincount(run_of_trip * kinds + trips.flags)).tolist():
        found[pair // kinds].flags.update(trips.flag_sets[pair % kinds])


def append(runs: Runs, found: Sequence[TripSums]) -> None:
    """Append the signs and the times of trips to those of their groups."""
    trips = runs.trips
    parts = zip(found, runs.parts(runs.signs), runs.parts(trips.opened_ns), runs.parts(trips.closed_ns), strict=True)
    for one, own_signs, opened_ns, closed_ns in parts:
        one.signs.append(own_signs)
        one.opened_ns.append(opened_ns)
        one.closed_ns.append(closed_ns)
