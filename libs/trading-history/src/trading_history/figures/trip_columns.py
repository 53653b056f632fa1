"""Closed round trips in columns of numbers, so that a million are added up at once. No I/O."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from trading_history.figures.trips import OPENING
from trading_model.decimals import EXACT, ZERO

AMOUNTS = ("turnover", "gross", "fees", "cash", "net", "mae", "mfe")

COLUMNS = ("series", "opened_ns", "closed_ns", "fills", "tags", "flags", "fees_outside", *AMOUNTS)
"""Members of a row that columns are made of: amounts as text as the store has it, tags and flags as JSON arrays, fees
outside the net as a JSON object by currency or None.
"""

Numbers = npt.NDArray[Any]
"""Signed integers, of as many bits as they need, up to 64."""

Sets = Sequence[tuple[str, ...]]

PLACES, PART = 8, 18
"""Decimals of an amount's first part, and of each more."""

_BASE = 10**PART
_WIDTHS = ("<i1", "<i2", "<i4", "<i8")
_LONG = 1 << 63
_names = msgspec.json.Decoder(tuple[str, ...]).decode
_by_currency = msgspec.json.Decoder(dict[str, str]).decode


class Amounts(msgspec.Struct, frozen=True, eq=False):
    """Exact amounts: each is the sum of its integers / 10 ^ places over all parts, which have the places as key.

    The part with the fewest places comes first, and has the sign: those of all others are from 0 to 10 ^ PART. Amounts
    of money have one part, of at most PLACES; those that a division is in have more.
    """

    parts: Mapping[int, Numbers]

    @classmethod
    def zeros(cls, count: int) -> "Amounts":
        """`count` amounts of 0."""
        return cls({0: np.zeros(count, np.int8)})

    @classmethod
    def of_texts(cls, texts: Sequence[str]) -> "Amounts":
        """The amounts of texts as `show` writes them."""
        halves = [text.partition(".") for text in texts]
        decimals = max((len(after) for _, _, after in halves), default=0)
        places = PLACES + PART * -(-max(decimals - PLACES, 0) // PART)
        left = [int(before + after.ljust(places, "0")) for before, _, after in halves]
        parts = list[tuple[int, Numbers]]()
        while places > PLACES or max(map(abs, left), default=0) >= _LONG:
            pairs = [divmod(one, _BASE) for one in left]
            parts.append((places, np.array([low for _, low in pairs], np.int64)))
            left, places = [high for high, _ in pairs], places - PART
        parts.append((places, np.array(left, np.int64)))
        return cls(dict(reversed(parts)))

    def __len__(self) -> int:
        return len(self._first)

    def __getitem__(self, at: Any) -> "Amounts":
        return Amounts({places: integers[at] for places, integers in self.parts.items()})

    @property
    def _first(self) -> Numbers:
        return next(iter(self.parts.values()))

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Amounts":
        """The amounts, with 0 in the place of each that is not chosen."""
        return Amounts({places: np.where(chosen, integers, 0) for places, integers in self.parts.items()})

    def sums(self, starts: Numbers) -> list[Decimal]:
        """The exact sum of each run; see `sums`."""
        return _amounts(self.run_sums(starts))

    def highest(self, starts: Numbers) -> list[Decimal]:
        """The largest of each run."""
        return _amounts(self.run_extremes(starts, np.maximum))

    def lowest(self, starts: Numbers) -> list[Decimal]:
        """The smallest of each run."""
        return _amounts(self.run_extremes(starts, np.minimum))

    def run_sums(self, starts: Numbers) -> "Integers":
        """The exact sum of each run."""
        return _in_one({places: sums(part, starts) for places, part in self.parts.items()})

    def run_extremes(self, starts: Numbers, of: np.ufunc) -> "Integers":
        """The largest or the smallest of each run, by `np.maximum` or `np.minimum`."""
        found = dict[int, list[int]]()
        counts = np.diff(starts, append=len(self))
        never = -1 if of is np.maximum else _BASE
        is_left = np.ones(len(self), bool)
        for at, (places, own) in enumerate(self.parts.items()):
            integers = np.where(is_left, own.astype(np.int64), never) if at else own
            extremes = of.reduceat(integers, starts)
            is_left &= integers == np.repeat(extremes, counts)
            found[places] = extremes.tolist()
        return _in_one(found)

    @property
    def signs(self) -> npt.NDArray[np.int8]:
        """1 for amounts above 0, -1 below, else 0."""
        first = self._first
        signs: npt.NDArray[np.int8] = np.sign(first).astype(np.int8)
        for integers in self.parts.values():
            signs[(first == 0) & (integers > 0)] = 1
        return signs


class Integers(NamedTuple):
    """Exact amounts: `numbers` / 10 ^ `places`, as objects if some have more than 64 bits."""

    numbers: Numbers
    places: int


def _in_one(parts: Mapping[int, Sequence[int]]) -> Integers:
    """Amounts of several parts in one."""
    most = max(parts)
    if len(parts) > 1:
        columns = [np.array(part, object) * 10 ** (most - places) for places, part in parts.items()]
        return Integers(reduce(np.add, columns), most)
    is_long = max(map(abs, parts[most]), default=0) >= _LONG
    return Integers(np.array(parts[most], object if is_long else np.int64), most)


def _amounts(integers: Integers) -> list[Decimal]:
    return [_amount(one, integers.places) for one in integers.numbers.tolist()]


def _amount(integer: int, places: int) -> Decimal:
    return ZERO if not integer else EXACT.scaleb(Decimal(integer), Decimal(-places))


class TripColumns(msgspec.Struct, frozen=True, eq=False):
    """Closed round trips, the first to end first. `series` are numbers of positions.

    A trip has the tags and the flags at its place in `tags` and `flags` of `tag_sets` and `flag_sets`. `fees_outside`
    has, by currency, the fees of each that no rate values.
    """

    series: Numbers
    opened_ns: Numbers
    closed_ns: Numbers
    fills: Numbers
    tags: Numbers
    flags: Numbers
    tag_sets: Sets
    flag_sets: Sets
    amounts: Mapping[str, Amounts]
    fees_outside: Mapping[str, Amounts]

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, at: Any) -> "TripColumns":
        """The trips that a mask, a slice or an array of places chooses."""
        return TripColumns(
            self.series[at], self.opened_ns[at], self.closed_ns[at], self.fills[at], self.tags[at], self.flags[at],
            self.tag_sets, self.flag_sets, {name: amounts[at] for name, amounts in self.amounts.items()},
            {currency: fees[at] for currency, fees in self.fees_outside.items()},
        )  # fmt: skip

    @property
    def has_opening(self) -> npt.NDArray[np.bool_]:
        """Which trips began with an opening: since when they were held is unknown."""
        known: npt.NDArray[np.bool_] = np.array([OPENING in one for one in self.flag_sets], bool)[self.flags]
        return known


def sums(integers: Numbers, starts: Numbers) -> list[int]:
    """The exact sum of each run of integers: a run begins at each of `starts`, which ascend."""
    if integers.dtype == object:
        long: list[int] = np.add.reduceat(integers, starts).tolist()
        return long
    largest = 1 << (8 * integers.itemsize - 1)
    if largest == _LONG:
        largest = max(int(integers.max(initial=0)), -int(integers.min(initial=0)))
    if len(integers) * largest < _LONG:
        found: list[int] = np.add.reduceat(integers, starts, dtype=np.int64).tolist()
        return found
    wide = integers.astype(np.int64)
    high, low = (np.add.reduceat(half, starts).tolist() for half in (wide >> 32, wide & 0xFFFFFFFF))
    return [(above << 32) + below for above, below in zip(high, low, strict=True)]


def columns_of(rows: Iterable[Sequence[Any]]) -> TripColumns:
    """The columns of rows that have COLUMNS."""
    columns = [*zip(*rows, strict=True)] or [()] * len(COLUMNS)
    series, opened, closed, fills = (np.array(one, np.int64) for one in columns[:4])
    (tags, tag_sets), (flags, flag_sets) = map(_coded, columns[4:6])
    outside = [{} if text is None else _by_currency(text) for text in columns[6]]
    currencies = sorted(set[str]().union(*outside))
    fees_outside = {name: Amounts.of_texts([one.get(name, "0") for one in outside]) for name in currencies}
    amounts = {name: Amounts.of_texts(texts) for name, texts in zip(AMOUNTS, columns[7:], strict=True)}
    return TripColumns(series, opened, closed, fills, tags, flags, tag_sets, flag_sets, amounts, fees_outside)


def _coded(texts: Sequence[str]) -> tuple[Numbers, Sets]:
    codes = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    return np.array([codes[text] for text in texts], np.int64), tuple(map(_names, codes))


def joined(parts: Sequence[TripColumns]) -> TripColumns:
    """Several in one, in their order. There is at least one; all have the amounts of the first."""
    first, *others = parts
    if not others:
        return first
    tags, tag_sets = _joined_codes([(one.tags, one.tag_sets) for one in parts])
    flags, flag_sets = _joined_codes([(one.flags, one.flag_sets) for one in parts])
    series, opened, closed, fills = (
        np.concatenate([getattr(one, name) for one in parts]) for name in ("series", "opened_ns", "closed_ns", "fills")
    )
    amounts = {name: _joined_amounts([one.amounts[name] for one in parts]) for name in first.amounts}
    fees_outside = {
        name: _joined_amounts([one.fees_outside.get(name) or Amounts.zeros(len(one)) for one in parts])
        for name in sorted({name for one in parts for name in one.fees_outside})
    }
    return TripColumns(series, opened, closed, fills, tags, flags, tag_sets, flag_sets, amounts, fees_outside)


def _joined_codes(parts: Iterable[tuple[Numbers, Sets]]) -> tuple[Numbers, Sets]:
    known: dict[tuple[str, ...], int] = {}
    found = [np.array([known.setdefault(one, len(known)) for one in sets], np.int32)[codes] for codes, sets in parts]
    return np.concatenate(found), tuple(known)


def _with_places(amounts: Amounts, places: int) -> Numbers:
    """Amounts of one part as integers / 10 ^ `places`, of which they have at most that many, and at most PLACES."""
    ((own, integers),) = amounts.parts.items()
    return integers if own == places else integers.astype(np.int64) * 10 ** (places - own)


def _whole(amounts: Amounts) -> Amounts:
    """Amounts whose parts have PLACES, and PART more or less."""
    places = next(iter(amounts.parts))
    return amounts if (places - PLACES) % PART == 0 else Amounts({PLACES: _with_places(amounts, PLACES)})


def _short(amounts: Amounts) -> Amounts:
    """Amounts of one part with no more places than they need; others as they are."""
    ((places, integers), *others) = amounts.parts.items()
    if others or places <= 0:
        return amounts
    shared, unit = int(np.gcd.reduce(integers)), 1
    while places and shared % (10 * unit) == 0:
        places, unit = places - 1, 10 * unit
    return Amounts({places: integers.astype(np.int64) // unit})


def _joined_amounts(several: Sequence[Amounts]) -> Amounts:
    most = max(next(iter(amounts.parts)) for amounts in several)
    if most <= PLACES and all(len(amounts.parts) == 1 for amounts in several):
        return Amounts({most: np.concatenate([_with_places(amounts, most) for amounts in several])})
    several = [_whole(amounts) for amounts in several]
    first = min(next(iter(amounts.parts)) for amounts in several)
    parts = [_from(first, amounts) for amounts in several]
    missing = [np.zeros(len(amounts), np.int8) for amounts in several]
    return Amounts({
        places: np.concatenate([one.get(places, zeros) for one, zeros in zip(parts, missing, strict=True)])
        for places in sorted({places for one in parts for places in one})
    })  # fmt: skip


def _from(first: int, amounts: Amounts) -> Mapping[int, Numbers]:
    """Parts, of which the first has as few places as asked for."""
    parts, places = dict(amounts.parts), next(iter(amounts.parts))
    while places > first:
        parts[places - PART], parts[places] = np.divmod(parts[places].astype(np.int64), _BASE)
        places -= PART
    return parts


_Column = tuple[str, bytes]
_Part = tuple[int, _Column]
_Times = tuple[int, int, _Column]


class _Packed(msgspec.Struct, array_like=True):
    """Columns as they are stored: integers in the narrowest width that has all. Of times, the first, a number of
    nanoseconds, and how many of these each is after the first; for the time that a trip lasted the first is 0.
    """

    columns: list[_Column]
    closed: _Times
    lasted: _Times
    tag_sets: list[tuple[str, ...]]
    flag_sets: list[tuple[str, ...]]
    amounts: list[list[_Part]]
    fees_outside: dict[str, list[_Part]] = {}


_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(_Packed).decode


def pack(trips: TripColumns) -> bytes:
    """Trips as the store has them: at least one, with all amounts."""
    columns = [_packed(one) for one in (trips.series, trips.fills, trips.tags, trips.flags)]
    times = _packed_times(trips.closed_ns, int(trips.closed_ns[0])), _packed_times(trips.closed_ns - trips.opened_ns, 0)
    amounts = [_packed_parts(trips.amounts[name]) for name in AMOUNTS]
    fees_outside = {currency: _packed_parts(fees) for currency, fees in trips.fees_outside.items()}
    return _encode(_Packed(columns, *times, list(trips.tag_sets), list(trips.flag_sets), amounts, fees_outside))


def unpack(stored: bytes, wanted: Collection[str] = AMOUNTS) -> TripColumns:
    """What `pack` made, with some of the amounts."""
    packed = _decode(stored)
    series, fills, tags, flags = (_unpacked(*one) for one in packed.columns)
    closed, lasted = _unpacked_times(*packed.closed), _unpacked_times(*packed.lasted)
    amounts = {
        name: _unpacked_parts(parts) for name, parts in zip(AMOUNTS, packed.amounts, strict=True) if name in wanted
    }
    fees_outside = {currency: _unpacked_parts(parts) for currency, parts in packed.fees_outside.items()}
    sets = packed.tag_sets, packed.flag_sets
    return TripColumns(series, closed - lasted, closed, fills, tags, flags, *sets, amounts, fees_outside)


def _packed_times(times_ns: Numbers, first: int) -> _Times:
    after = times_ns - first
    unit = max(int(np.gcd.reduce(after)), 1)
    return first, unit, _packed(after // unit)


def _unpacked_times(first: int, unit: int, column: _Column) -> Numbers:
    times_ns: Numbers = _unpacked(*column) * np.int64(unit) + first
    return times_ns


def _packed_parts(amounts: Amounts) -> list[_Part]:
    return [(places, _packed(one)) for places, one in _short(amounts).parts.items()]


def _unpacked_parts(parts: Sequence[_Part]) -> Amounts:
    return Amounts({places: _unpacked(*one) for places, one in parts})


def _packed(integers: Numbers) -> _Column:
    largest = max(int(integers.max()), -1 - int(integers.min()))
    width = next(one for one in _WIDTHS if largest <= np.iinfo(one).max)
    return width, integers.astype(width).tobytes()


def _unpacked(width: str, data: bytes) -> Numbers:
    return np.frombuffer(data, width)
