"""Closed round trips of a scope in columns, to be added up: few from their rows, many from blocks."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from trading_history.figures.trip_blocks import FIRST_NS, rows_by_end, rows_of_series
from trading_history.figures.trip_columns import AMOUNTS, Numbers, TripColumns, columns_of, joined, unpack
from trading_history.queries.grouping import Member, Names, groups
from trading_history.queries.round_trips import RoundTrip, are_few
from trading_history.queries.scope import Scope, Series, books
from trading_history.queries.trip_sums import Runs, TripSums, add
from trading_history.reader import Snapshot
from trading_model.decimals import show

LAST_NS = (1 << 63) - 1
"""After all times that SQLite holds, in Unix nanoseconds."""

_BLOCKS = "SELECT until_ns, columns FROM trip_blocks WHERE until_ns > ? ORDER BY until_ns"
_END = "SELECT ifnull(max(until_ns), ?) FROM trip_blocks"

BATCH = 100_000
"""Trips that are added up at once. They take some 20 MB."""


MAX_COUNTED = 1_000_000
"""Numbers up to here are counted, which takes 8 bytes each; larger ones are sorted: twenty times as long."""


class ClosedTrips(msgspec.Struct, frozen=True, eq=False):
    """Round trips in batches, the first to end first: their `series` are places in `books`. To be read once."""

    books: Sequence[Series]
    batches: Iterable[TripColumns]

    def sums(self, by: Sequence[Member]) -> Mapping[tuple[Names, str], TripSums]:
        """Those of each group and currency. By tag, a trip is in the group of each of its tags, one without in ""."""
        found = dict[tuple[Names, str], TripSums]()
        keys = list[tuple[Names, str]]()
        numbers = dict[tuple[Names, str], int]()
        for batch in self.batches:
            tags = {"": 0}
            trips, codes = batch, np.zeros(len(batch), np.int64)
            if "tag" in by:
                for one in (one for tag_set in batch.tag_sets for one in tag_set):
                    tags.setdefault(one, len(tags))
                places, codes = _by_tag(batch, tags)
                trips = batch[places]
            names, of_pair = list(tags), list[int]()
            pairs, at = _distinct(trips.series.astype(np.int64) * len(tags) + codes)
            for pair in pairs.tolist():
                book = self.books[pair // len(tags)]
                key = next(iter(groups(book, (names[pair % len(tags)],), by))), book.sum_currency
                if key not in numbers:
                    numbers[key] = len(keys)
                    keys.append(key)
                    found[key] = TripSums()
                of_pair.append(numbers[key])
            runs = Runs(trips, np.array(of_pair, np.int64)[at])
            add(runs, [found[keys[number]] for number in runs.groups])
        return found


def _distinct(numbers: Numbers) -> tuple[Numbers, Numbers]:
    """The distinct ones of some numbers from 0 on, ascending, and the place of each among them."""
    last = int(numbers.max())
    if last > MAX_COUNTED:
        found, at = np.unique(numbers, return_inverse=True)
        return found, at
    found = np.flatnonzero(np.bincount(numbers))
    places = np.zeros(last + 1, np.int64)
    places[found] = np.arange(len(found))
    return found, places[numbers]


def _by_tag(trips: TripColumns, tags: Mapping[str, int]) -> tuple[Numbers, Numbers]:
    """The places of trips once for each of their tags, and the numbers of these tags."""
    own = [one or ("",) for one in trips.tag_sets]
    counts = np.array([len(one) for one in own], np.int64)
    firsts = np.cumsum(counts) - counts
    each = counts[trips.tags]
    places = np.repeat(np.arange(len(trips)), each)
    within = np.arange(len(places)) - np.repeat(np.cumsum(each) - each, each)
    all_tags = np.array([tags[tag] for one in own for tag in one], np.int64)
    return places, all_tags[firsts[trips.tags[places]] + within]


def closed_trips(
    snapshot: Snapshot, scope: Scope, start_ns: int, end_ns: int, amounts: Collection[str] = AMOUNTS
) -> ClosedTrips:
    """The round trips of a scope that closed in a range; only those with one of its tags, where it names some. They
    have at least these amounts.
    """
    wanted = books(snapshot, scope)
    times = max(start_ns, FIRST_NS), min(end_ns, LAST_NS)
    if are_few(snapshot, wanted):
        parts: Iterable[TripColumns] = [rows_of_series(snapshot.connection, [one.id for one in wanted], *times)]
    else:
        parts = _parts(snapshot, *times, amounts)
    last: int = snapshot.connection.execute("SELECT ifnull(max(id), 0) FROM series").get
    places = np.full(last + 1, -1, np.int64)
    places[[one.id for one in wanted]] = np.arange(len(wanted))
    return ClosedTrips(wanted, _batches(_chosen(part, places, frozenset(scope.tags), *times) for part in parts))


def _batches(parts: Iterable[TripColumns]) -> Iterator[TripColumns]:
    """The same trips in parts of BATCH or a little more."""
    waiting, count = list[TripColumns](), 0
    for part in parts:
        if len(part):
            waiting.append(part)
            count += len(part)
        if count >= BATCH:
            yield joined(waiting)
            waiting, count = [], 0
    if waiting:
        yield joined(waiting)


def closed_of(trips: Iterable[RoundTrip]) -> ClosedTrips:
    """Of trips one by one, such as those that were converted."""
    places = dict[Series, int]()
    rows = []
    for trip in trips:
        names = (trip.account, trip.strategy, trip.symbol, trip.position_side, trip.currency)
        place = places.setdefault(Series(0, "book", *names), len(places))
        tags, flags = (msgspec.json.encode(one).decode() for one in (trip.tags, trip.flags))
        amounts = (show(getattr(trip, name)) for name in AMOUNTS)
        shown = {currency: show(fee) for currency, fee in trip.fees_outside.items()}
        outside = msgspec.json.encode(shown) if shown else None
        rows.append((place, trip.opened_ns, trip.closed_ns, trip.fills, tags, flags, outside, *amounts))
    return ClosedTrips(list(places), [columns_of(rows)] if rows else [])


def _parts(snapshot: Snapshot, first_ns: int, until_ns: int, amounts: Collection[str]) -> Iterator[TripColumns]:
    """The blocks that have a part of a range, and the rows behind the last block."""
    for block_until_ns, columns in snapshot.connection.execute(_BLOCKS, (first_ns,)):
        yield unpack(columns, amounts)
        if block_until_ns >= until_ns:
            return
    end: int = snapshot.connection.execute(_END, (FIRST_NS,)).get
    yield rows_by_end(snapshot.connection, max(first_ns, end), until_ns)


def _chosen(part: TripColumns, places: Numbers, tags: frozenset[str], first_ns: int, until_ns: int) -> TripColumns:
    """The trips of a range, of positions that have a place, with one of some tags if there are any."""
    series = places[part.series]
    chosen = (series >= 0) & (part.closed_ns >= first_ns) & (part.closed_ns < until_ns)
    if tags:
        chosen &= np.array([not tags.isdisjoint(one) for one in part.tag_sets], bool)[part.tags]
    found = msgspec.structs.replace(part, series=series)
    return found if chosen.all() else found[chosen]
