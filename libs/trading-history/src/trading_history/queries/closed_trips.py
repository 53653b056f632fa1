"""Closed round trips of a scope in columns, to be added up: few from their rows, many from blocks."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from trading_history.figures.trip_blocks import FIRST_NS, rows_by_end, rows_of_series
from trading_history.figures.trip_columns import AMOUNTS, Numbers, TripColumns, joined, unpack
from trading_history.queries.grouping import Member, Names, groups
from trading_history.queries.round_trips import are_few
from trading_history.queries.scope import Scope, Series, books
from trading_history.queries.trip_sums import Runs, TripSums, add, append
from trading_history.reader import Snapshot

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
        """The sums by group and currency. By tag, a trip is in the group of each of its tags, one without in ""."""
        grouping, found = Grouping(self.books, by), list[TripSums]()
        for batch in self.batches:
            places, numbers = grouping.of(batch)
            runs = Runs(batch[places], numbers)
            found += [TripSums() for _ in grouping.keys[len(found) :]]
            sums = [found[number] for number in runs.groups]
            add(runs, sums)
            append(runs, sums)
        return dict(zip(grouping.keys, found, strict=True))


class Grouping:
    """Groups and currencies of trips of some books, numbered as they come: `keys` has them by number."""

    def __init__(self, books: Sequence[Series], by: Sequence[Member]) -> None:
        self._books, self._by = books, by
        self.keys = list[tuple[Names, str]]()
        self._numbers = dict[tuple[Names, str], int]()

    def of(self, batch: TripColumns) -> tuple[slice | Numbers, Numbers]:
        """Places in a batch, once for each group of a trip, and the numbers of these groups."""
        tags, series = {"": 0}, batch.series.astype(np.int64)
        places: slice | Numbers = slice(None)
        codes = np.zeros(len(batch), np.int64)
        if "tag" in self._by:
            for one in (one for tag_set in batch.tag_sets for one in tag_set):
                tags.setdefault(one, len(tags))
            places, codes = _by_tag(batch, tags)
            series = series[places]
        names = list(tags)
        pairs, at = _distinct(series * len(tags) + codes)
        of_pair = [self._number(self._books[pair // len(tags)], names[pair % len(tags)]) for pair in pairs.tolist()]
        return places, np.array(of_pair, np.int64)[at]

    def _number(self, book: Series, tag: str) -> int:
        key = next(iter(groups(book, (tag,), self._by))), book.sum_currency
        if key not in self._numbers:
            self._numbers[key] = len(self.keys)
            self.keys.append(key)
        return self._numbers[key]


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
    """The trips of all parts, in batches of BATCH or a little more."""
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
